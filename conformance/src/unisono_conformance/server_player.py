"""Plays a server case: the runner is a client that speaks raw frames.

Spec: reading (and CASES.md, the meaning of each step)
Not here: the checks that every server frame must pass (see frames).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from unisono_conformance.case import Case
from unisono_conformance.checks import check_view
from unisono_conformance.control import give_order
from unisono_conformance.frames import check_server_frame
from unisono_conformance.http_steps import call_http
from unisono_conformance.matching import fits, match
from unisono_conformance.outcome import Failed, Outcome, Skipped
from unisono_conformance.player import Player, Step
from unisono_conformance.sockets import Connection, ServerTarget, SilentConnection, Socket
from unisono_conformance.values import Json

PING: Final = {"type": "Ping"}
SHORT_LIFE_S: Final = 10


class ServerPlayer(Player):
    """One play of one case against one server."""

    def __init__(self, target: ServerTarget, case: Case, *, time_scale: float = 1.0) -> None:
        super().__init__(case, time_scale=time_scale)
        self._target = target
        self._sockets: dict[str, Socket] = {}
        self._nevers: list[tuple[str, int, Json]] = []
        self._fences = 0
        self.steps = {
            "connect": self._connect,
            "c2s": self._c2s,
            "c2s_text": self._c2s_text,
            "c2s_binary": self._c2s_binary,
            "s2c": self._s2c,
            "s2c!": self._s2c_next,
            "s2c_raw": self._s2c_raw,
            "frames": self._frames,
            "pings": self._pings,
            "pause_reading": self._pause_reading,
            "resume_reading": self._resume_reading,
            "view": self._view,
            "closed": self._closed,
            "drop": self._drop,
            "never": self._never,
            "fence": self._fence,
            "http": self._http,
            "control": self._control,
            "advance": self._advance,
            "let": self.let,
            "repeat": self.repeat,
            "anyOf": self._any_of,
        }

    async def begin(self) -> None:
        """Check that the server can play this case."""
        missing = [name for name in self.case.requires if name not in self._target.features]
        if missing:
            raise Skipped(Outcome.UNSUPPORTED, f"the server lacks: {', '.join(missing)}")
        self.bindings.update(self._target.credentials)
        if "time" in self.case.requires and self._target.control is not None:
            order = {"do": "mint_token", "lifetime_s": SHORT_LIFE_S}
            self.bindings["token_short"] = (await give_order(self._target.control, order))["token"]

    async def play_steps(self, steps: Sequence[Step]) -> None:
        """Play steps; a server that cannot be reached is at fault."""
        try:
            await super().play_steps(steps)
        except (OSError, InvalidHandshake) as error:
            raise self.fail(f"no connection: {error}") from None

    async def finish(self) -> None:
        """Look at what must never have been, and at frames that broke a rule by themselves."""
        for name, since, pattern in self._nevers:
            for frame in self._sockets[name].frames[since:]:
                if fits(pattern, frame, self.bindings):
                    raise Failed(f"never allowed, but seen: {json.dumps(frame)[:400]}")
        for socket in self._sockets.values():
            if socket.violation is not None:
                raise Failed(socket.violation)

    async def clean_up(self) -> None:
        """Drop all connections."""
        for socket in self._sockets.values():
            if socket.reader is not None:
                socket.reader.cancel()
            socket.socket.transport.abort()
        await asyncio.gather(
            *(socket.reader for socket in self._sockets.values() if socket.reader is not None),
            return_exceptions=True,
        )

    def _at(self, step: Step) -> Socket:
        name = step.get("conn", "a")
        if name not in self._sockets:
            raise self.fail(f"there is no connection {name!r}")
        return self._sockets[name]

    async def _until(
        self, socket: Socket, what: str, probe: Callable[[], Json], step: Step
    ) -> Json:
        deadline = asyncio.get_running_loop().time() + self.budget(step)
        while (found := probe()) is None:
            if socket.violation is not None:
                raise Failed(socket.violation)
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0 or not socket.is_open:
                raise self.fail(
                    f"waited for {what} in vain"
                    + ("" if socket.is_open else "; the connection is closed")
                )
            socket.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(socket.changed.wait(), remaining)
        return found

    # The steps, in the order of CASES.md.

    async def _connect(self, body: Json, step: Step) -> None:
        fields = self.fill(body)
        name, wanted = step.get("conn", "a"), fields.get("status", 101)
        url = self._target.socket_url + fields.get("path", "/api/sync")
        try:
            client = await connect(
                url,
                create_connection=SilentConnection if fields.get("silent") else Connection,
                additional_headers=fields.get("headers"),
                compression="deflate" if fields.get("compress") else None,
                user_agent_header=None,
                max_size=None,
                ping_interval=None,
                open_timeout=self.budget(step),
                close_timeout=1,
            )
        except InvalidStatus as refused:
            response = refused.response
            text = (response.body or b"").decode("utf-8", "replace")
            self.trace.add("refused", text, status=response.status_code)
            if response.status_code != wanted:
                raise self.fail(
                    f"the upgrade was answered {response.status_code}: {text}"
                ) from None
            seen = {"headers": {k.lower(): v for k, v in response.headers.raw_items()}}
            with contextlib.suppress(ValueError):
                seen["body"] = json.loads(text)
            self.bindings = match(step.get("expect", {}), seen, self.bindings)
            return
        if wanted != 101:
            client.transport.abort()
            raise self.fail(f"the upgrade went through instead of {wanted}")
        self.trace.add("connected", None, conn=name)
        socket = Socket(name, client)
        self._sockets[name] = socket
        if isinstance(client, Connection):
            client.changed = socket.changed
        socket.reader = asyncio.create_task(self._read(socket))
        if "expect" in step:
            headers = client.response.headers if client.response is not None else {}
            answer = {"headers": {k.lower(): v for k, v in headers.items()}}
            self.bindings = match(step["expect"], answer, self.bindings)

    async def _read(self, socket: Socket) -> None:
        try:
            async for message in socket.socket:
                self._take(socket, message)
        except ConnectionClosed:
            pass
        finally:
            socket.is_open = False
            received = socket.socket.protocol.close_rcvd
            self.trace.add(
                "closed", None, conn=socket.name, code=received.code if received else None
            )
            socket.changed.set()

    def _take(self, socket: Socket, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                raise Failed("[messages.text-frames] the server sent a binary message")
            frame = json.loads(message)
            self.trace.add("s2c", frame, conn=socket.name)
            socket.texts.append(message)
            check_server_frame(frame)
            if frame["type"] == "Transition":
                socket.held.apply(frame)
            socket.frames.append(frame)
        except (Failed, ValueError) as error:
            socket.violation = socket.violation or str(error)
        socket.changed.set()

    async def _c2s(self, body: Json, step: Step) -> None:
        socket, frame = self._at(step), self.fill(body)
        self.trace.add("c2s", frame, conn=socket.name)
        with contextlib.suppress(AttributeError, TypeError):  # malformed on purpose
            socket.held.sent(frame)
        with contextlib.suppress(ConnectionClosed):
            await socket.socket.send(json.dumps(frame, ensure_ascii=False))

    async def _c2s_text(self, body: Json, step: Step) -> None:
        self.trace.add("c2s", body, conn=self._at(step).name)
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            self._at(step).held.sent(json.loads(body))
        with contextlib.suppress(ConnectionClosed):
            await self._at(step).socket.send(body)

    async def _c2s_binary(self, body: Json, step: Step) -> None:
        self.trace.add("c2s", {"binary": body}, conn=self._at(step).name)
        with contextlib.suppress(ConnectionClosed):
            await self._at(step).socket.send(bytes.fromhex(body))

    async def _s2c(self, body: Json, step: Step) -> None:
        socket = self._at(step)

        def found() -> Json:
            while socket.cursor < len(socket.frames):
                frame = socket.frames[socket.cursor]
                socket.cursor += 1
                if fits(body, frame, self.bindings):
                    return frame
            return None

        frame = await self._until(socket, f"a frame like {json.dumps(body)[:300]}", found, step)
        self.bindings = match(body, frame, self.bindings)

    async def _s2c_next(self, body: Json, step: Step) -> None:
        socket = self._at(step)

        def following() -> Json:
            while socket.cursor < len(socket.frames):
                frame = socket.frames[socket.cursor]
                if not fits(PING, frame, {}) or fits(body, frame, self.bindings):
                    return frame
                socket.cursor += 1
            return None

        frame = await self._until(socket, "a frame", following, step)
        self.bindings = match(body, frame, self.bindings)
        socket.cursor += 1

    async def _s2c_raw(self, body: Json, step: Step) -> None:
        socket = self._at(step)

        def found() -> Json:
            return next((text for text in socket.texts if fits(body, text, self.bindings)), None)

        await self._until(socket, f"a text like {json.dumps(body)}", found, step)

    async def _frames(self, body: Json, step: Step) -> None:
        """Count the frames of a type that have come so far."""
        frames = self._at(step).frames
        count = sum(frame["type"] == body["type"] for frame in frames)
        if count > body["at_most"]:
            raise self.fail(f"{count} frames of type {body['type']}, allowed {body['at_most']}")

    async def _pings(self, body: Json, step: Step) -> None:
        """Wait until so many WebSocket pings have come."""
        socket, wanted = self._at(step), body["at_least"]
        client = socket.socket
        assert isinstance(client, Connection)
        await self._until(
            socket,
            f"{wanted} WebSocket pings",
            lambda: True if client.pings >= wanted else None,
            step,
        )

    async def _pause_reading(self, body: Json, step: Step) -> None:
        self._at(step).socket.transport.pause_reading()

    async def _resume_reading(self, body: Json, step: Step) -> None:
        self._at(step).socket.transport.resume_reading()

    async def _view(self, body: Json, step: Step) -> None:
        socket = self._at(step)
        wanted = {str(self.fill(query)): pattern for query, pattern in body.items()}

        def found() -> Json:
            seen = {str(query): result for query, result in socket.held.results.items()}
            return check_view(seen, wanted, self.bindings)

        try:
            await self._until(socket, f"a view like {json.dumps(self.fill(wanted))}", found, step)
        except Failed as failed:
            raise Failed(f"{failed}; there is {json.dumps(socket.held.results)[:600]}") from None

    async def _closed(self, body: Json, step: Step) -> None:
        socket = self._at(step)
        await self._until(socket, "the close", lambda: None if socket.is_open else True, step)
        if isinstance(body, dict):
            received = socket.socket.protocol.close_rcvd
            code = received.code if received is not None else 1006
            seen = {"code": code, "reason": received.reason if received is not None else ""}
            self.bindings = match(body, seen, self.bindings)

    async def _drop(self, body: Json, step: Step) -> None:
        socket = self._at(step)
        if body.get("reset"):
            socket.socket.transport.abort()
        else:
            await socket.socket.close(body.get("code", 1000), body.get("reason", ""))
        await self._until(socket, "the close", lambda: None if socket.is_open else True, step)

    async def _never(self, body: Json, step: Step) -> None:
        socket = self._at(step)
        self._nevers.append((socket.name, len(socket.frames), self.fill(body["s2c"])))

    async def _fence(self, body: Json, step: Step) -> None:
        """A query of the runner's own: what was wanted before it has come before its answer."""
        socket = self._at(step)
        self._fences += 1
        base, query_id = socket.held.sent_query_set, 4_000_000_000 + self._fences
        add = {
            "type": "Add",
            "queryId": query_id,
            "udfPath": "fx:get",
            "args": [{"key": f"fence-{uuid.uuid4().hex}"}],
        }
        frame = {
            "type": "ModifyQuerySet",
            "baseVersion": base,
            "newVersion": base + 1,
            "modifications": [add],
        }
        await self._c2s(frame, step)
        await self._view({str(query_id): None}, step)

    async def _http(self, body: Json, step: Step) -> None:
        request = self.fill(body)
        self.trace.add("http", request)
        answer = await asyncio.to_thread(call_http, self._target.url, request)
        self.trace.add("answer", answer)
        self.bindings = match(step.get("expect", {}), answer, self.bindings)

    async def _control(self, body: Json, step: Step) -> None:
        """Give an order to whoever runs the server."""
        assert self._target.control is not None, "a case that gives orders requires them"
        order = self.fill(body)
        answer = await give_order(self._target.control, order)
        self.trace.add("control", order)
        self.bindings = match(step.get("answer", {}), answer, self.bindings)

    async def _advance(self, body: Json, step: Step) -> None:
        """Move the server's clock, or let so much time pass."""
        if self._target.control is None:
            await asyncio.sleep(body / 1000)
        else:
            await self._control({"do": "advance", "ms": body}, step)

    async def _any_of(self, body: Json, step: Step) -> None:
        """Take the first way whose first step, an `s2c`, `s2c!` or `closed`, comes true."""
        socket = self._at(step)

        def ready() -> Json:
            return next((way for way in body if self._is_ready(way[0], socket)), None)

        with contextlib.suppress(Failed):
            await self._until(socket, "one of the ways that are allowed", ready, step)
        way = ready()
        if way is None:
            raise self.fail("none of the ways that are allowed was taken")
        await self.play_steps(way)

    def _is_ready(self, step: Step, socket: Socket) -> bool:
        if "closed" in step:
            return not socket.is_open
        pattern = step.get("s2c", step.get("s2c!"))
        rest = socket.frames[socket.cursor :]
        return any(fits(pattern, frame, self.bindings) for frame in rest)
