"""The two wires between the runner and a client: bare frames in the adapter, or a socket.

Spec: connection, messages
Not here: what to send when (see client_player).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from unisono_conformance.adapter import Adapter, Unsupported
from unisono_conformance.values import Json
from unisono_conformance.world import Connection, World

STEP_MS: Final = 50
LONGEST_WAIT_MS: Final = 120_000
OP_TURNS: Final = 3


@dataclass(frozen=True)
class Permutation:
    """How frames travel over a socket; part of a result's id."""

    fragment: bool = False
    compress: bool = False

    def __str__(self) -> str:
        words = [word for word in ("fragment", "compress") if getattr(self, word)]
        return "+".join(words)


class Wire(Protocol):
    """What the player needs of a wire."""

    url: str

    async def start(self) -> None:
        """Be ready for the client's first attempt."""

    async def accept(self, budget_s: float) -> Connection:
        """Wait for an attempt of the client and let it in."""

    async def refuse(self, budget_s: float, status: int) -> None:
        """Wait for an attempt of the client and turn it away."""

    async def send(self, text: str) -> None:
        """Send a frame on the newest connection."""

    async def send_binary(self, data: bytes) -> None:
        """Send a binary frame on the newest connection."""

    async def drop(self, code: int | None, reason: str, *, reset: bool) -> None:
        """End the newest connection from the server's side."""

    async def idle(self) -> None:
        """Give the client every chance to react to what it was sent."""

    async def stop(self) -> None:
        """Free what the wire holds."""


def _parse(text: str | bytes) -> Json:
    if isinstance(text, bytes):
        return {"type": "(binary)", "size": len(text)}
    try:
        return json.loads(text)
    except ValueError:
        return {"type": "(no JSON)", "text": text[:200]}


class InlineWire:
    """Frames as values: the adapter's core has no socket and no clock of its own."""

    url = "http://127.0.0.1:3210"

    def __init__(self, adapter: Adapter, client: str, world: World) -> None:
        self._adapter = adapter
        self._client = client
        self._world = world
        self.jitter: float | None = None

    def on_wire(self, event: Json) -> None:
        """Take one wire effect of the core."""
        match event["do"]:
            case "open":
                self._world.attempted()
            case "send":
                self._world.received(self._open_connection(), _parse(event["text"]))
            case "close":
                code = event.get("code")
                if self._world.current is not None:
                    self._world.closed(self._world.current, code, by_client=True)
                self._world.attempts = 0

    async def start(self) -> None:
        """Nothing to prepare."""

    async def accept(self, budget_s: float) -> Connection:
        """Move the clock until the core wants a socket, then say that it is open."""
        await self._attempt(budget_s)
        connection = Connection(len(self._world.connections) + 1)
        self._world.accepted(connection)
        await self._do("opened")
        return connection

    async def refuse(self, budget_s: float, status: int) -> None:
        """Move the clock until the core wants a socket, then say that there is none."""
        del status
        await self._attempt(budget_s)
        self._world.attempts -= 1
        await self._do("lost", code=1006, reason="")

    async def send(self, text: str) -> None:
        """Hand a frame to the core."""
        await self._do("received", text=text)

    async def send_binary(self, data: bytes) -> None:
        """There are no binary frames without a socket."""
        raise Unsupported("wire", f"{len(data)} binary bytes need a socket")

    async def drop(self, code: int | None, reason: str, *, reset: bool) -> None:
        """Tell the core that its socket is gone."""
        seen = 1006 if reset else 1005 if code is None else code
        if self._world.current is not None:
            self._world.closed(self._world.current, seen, by_client=False)
        await self._do("lost", code=seen, reason=reason)

    async def idle(self) -> None:
        """Everything that an operation causes is there before its answer."""

    async def stop(self) -> None:
        """Nothing to free."""

    async def advance(self, ms: float) -> None:
        """Move the clock of the core."""
        await self._adapter.request("advance", client=self._client, ms=ms, **self._chance())

    async def _attempt(self, budget_s: float) -> None:
        waited = 0
        while self._world.attempts <= 0:
            if waited >= LONGEST_WAIT_MS:
                await self._world.until("an attempt to connect", lambda: None, budget_s)
            await self.advance(STEP_MS)
            waited += STEP_MS

    def _open_connection(self) -> Connection:
        current = self._world.current
        if current is None or not current.is_open:
            stray = Connection(0, is_open=False)
            self._world.connections.insert(0, stray)
            return stray
        return current

    async def _do(self, do: str, **fields: Json) -> None:
        await self._adapter.request("wire", client=self._client, do=do, **fields, **self._chance())

    def _chance(self) -> dict[str, Json]:
        return {} if self.jitter is None else {"jitter": self.jitter}


class SocketWire:
    """A WebSocket server of the runner's own, with one client, that waits to be told."""

    def __init__(
        self, adapter: Adapter, client: str, world: World, permutation: Permutation
    ) -> None:
        self._adapter = adapter
        self._client = client
        self._world = world
        self._permutation = permutation
        self._chance = random.Random(client)
        self._decisions: list[asyncio.Future[int | None]] = []
        self._sockets: dict[int, ServerConnection] = {}
        self._server: Server | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            0,
            process_request=self._process_request,
            compression="deflate" if self._permutation.compress else None,
            max_size=None,
            ping_interval=None,
            close_timeout=1,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def accept(self, budget_s: float) -> Connection:
        """Let the waiting attempt in, and wait for its socket."""
        before = len(self._world.connections)
        decision = await self._attempt(budget_s)
        decision.set_result(None)
        return await self._world.until(
            "an open socket",
            lambda: self._world.connections[-1] if len(self._world.connections) > before else None,
            budget_s,
        )

    async def refuse(self, budget_s: float, status: int) -> None:
        """Answer the waiting attempt with an HTTP status instead of an upgrade."""
        decision = await self._attempt(budget_s)
        self._world.attempts -= 1
        decision.set_result(status)

    async def send(self, text: str) -> None:
        """Send one text message, in one frame or in many."""
        socket = self._socket()
        with contextlib.suppress(ConnectionClosed):
            if self._permutation.fragment and len(text) > 1:
                await socket.send(self._pieces(text))
            else:
                await socket.send(text)

    async def send_binary(self, data: bytes) -> None:
        """Send one binary message."""
        with contextlib.suppress(ConnectionClosed):
            await self._socket().send(data)

    async def drop(self, code: int | None, reason: str, *, reset: bool) -> None:
        """Close with a code, without one, or let the line go dead."""
        socket, current = self._socket(), self._world.current
        if current is not None:
            self._world.closed(current, code, by_client=False)
        if reset:
            socket.transport.abort()
            return
        with contextlib.suppress(ConnectionClosed):
            async with socket.send_context():
                socket.protocol.send_close(code, reason)

    async def idle(self) -> None:
        """The library has read everything, then its loop has turned a few times."""
        current = self._world.current
        if current is not None and current.is_open:
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                pong = await self._socket().ping()
                await asyncio.wait_for(pong, 5)
        for _ in range(OP_TURNS):
            with contextlib.suppress(Unsupported):
                await self._adapter.ask("state", client=self._client)

    async def stop(self) -> None:
        """Turn waiting attempts away and close the port."""
        for decision in self._decisions:
            if not decision.done():
                decision.set_result(HTTPStatus.SERVICE_UNAVAILABLE)
        if self._server is not None:
            self._server.close(close_connections=True)
            await self._server.wait_closed()

    async def _attempt(self, budget_s: float) -> asyncio.Future[int | None]:
        def waiting() -> asyncio.Future[int | None] | None:
            return next((item for item in self._decisions if not item.done()), None)

        return await self._world.until("an attempt to connect", waiting, budget_s)

    async def _process_request(self, socket: ServerConnection, request: Request) -> Response | None:
        decision: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._decisions.append(decision)
        self._world.attempted(path=request.path)
        status = await decision
        if status is None:
            return None
        return socket.respond(HTTPStatus(status), "not now\n")

    async def _handle(self, socket: ServerConnection) -> None:
        number = len(self._world.connections) + 1
        request = socket.request
        connection = Connection(number)
        if request is not None:
            connection.request_path = request.path
            connection.request_headers = dict(request.headers.raw_items())
        self._sockets[number] = socket
        self._world.accepted(connection)
        try:
            async for message in socket:
                # What a client had on its way when the runner dropped the line never arrived.
                if connection.is_open:
                    self._world.received(connection, _parse(message))
        except ConnectionClosed:
            pass
        finally:
            received = socket.protocol.close_rcvd
            code = received.code if received is not None else None
            self._world.closed(connection, code, by_client=True)

    def _socket(self) -> ServerConnection:
        current = self._world.current
        assert current is not None, "the case sends before it accepts"
        return self._sockets[current.number]

    def _pieces(self, text: str) -> Iterable[str]:
        start = 0
        while start < len(text):
            end = start + self._chance.choice((1, 2, 7, 50, 4096))
            yield text[start:end]
            start = end
