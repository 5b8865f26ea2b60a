"""Breaks one rule of a right server: a proxy that changes frames on their way.

Spec: reading
Not here: the faults themselves (see `broken/`), right servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from unisono_conformance.values import ZERO, Json

Frames = Iterable[Json]

HOP_HEADERS: Final = ("convex-client", "authorization")


class ServerFault:
    """One wrong server: by default it changes nothing. One object lives as long as one socket."""

    name: ClassVar[str]
    rule: ClassVar[str]
    delay_s: ClassVar[float] = 0.0

    def __init__(self, shared: dict[Any, Any]) -> None:
        self.shared = shared
        self.close_with: tuple[int | None, str] | None = None

    def c2s(self, frame: Json) -> Frames:
        """A frame of the client on its way to the right server."""
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        """A frame of the right server on its way to the client."""
        return [frame]

    def binary(self, data: bytes) -> bytes | None:
        """A binary message on its way to the right server; None drops it."""
        return data

    def broken_text(self, text: str) -> str | None:
        """Text that is no JSON on its way to the right server; None drops it."""
        return text

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        """The close of the right server; None leaves the socket open."""
        return code, reason

    def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]] | int:
        """The path and headers of an upgrade, or a status to refuse it with."""
        return path, headers

    def text_of(self, frame: Json) -> str:
        """Write a frame for the client."""
        return json.dumps(frame, ensure_ascii=False)


class Rechaining(ServerFault):
    """Keeps the chain of transitions whole when a fault drops or changes some of them."""

    told: Json = ZERO

    def chained(self, frame: Json) -> Json:
        """The Transition, starting where the last one ended that the client was told of."""
        frame = {**frame, "startVersion": self.told}
        self.told = frame["endVersion"]
        return frame


class _Pipe:
    """One socket of the client and one to the right server."""

    def __init__(self, fault: ServerFault, client: ServerConnection, server: ClientConnection):
        self._fault = fault
        self._client = client
        self._server = server

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            up = group.create_task(self._up())
            await self._down()
            up.cancel()

    async def _up(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._client:
                for each in self._upward(message):
                    await self._server.send(each)
                if self._fault.close_with is not None:
                    await _close(self._client, *self._fault.close_with)
        with contextlib.suppress(ConnectionClosed):
            await self._server.close()

    def _upward(self, message: str | bytes) -> list[str | bytes]:
        if isinstance(message, bytes):
            data = self._fault.binary(message)
            return [] if data is None else [data]
        try:
            frame = json.loads(message)
        except ValueError:
            text = self._fault.broken_text(message)
            return [] if text is None else [text]
        try:
            changed = list(self._fault.c2s(frame))
        except (AttributeError, KeyError, TypeError):
            # A frame that is malformed on purpose is nothing that a fault has to understand.
            return [message]
        return [json.dumps(each, ensure_ascii=False) for each in changed]

    async def _down(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._server:
                frame = json.loads(message)
                if self._fault.delay_s:
                    await asyncio.sleep(self._fault.delay_s)
                for each in self._fault.s2c(frame):
                    await self._client.send(self._fault.text_of(each))
                if self._fault.close_with is not None:
                    await _close(self._client, *self._fault.close_with)
        received = self._server.protocol.close_rcvd
        code = received.code if received is not None else 1006
        reason = received.reason if received is not None else ""
        closing = self._fault.closing(None if code in (1005, 1006) else code, reason)
        if closing is not None:
            await _close(self._client, *closing)
        else:
            await self._client.wait_closed()


async def _close(socket: ServerConnection, code: int | None, reason: str) -> None:
    with contextlib.suppress(ConnectionClosed):
        async with socket.send_context():
            socket.protocol.send_close(code, reason)


class _Front:
    """What stands before the right server: each socket of a client gets one of its own behind."""

    def __init__(self, fault: type[ServerFault], upstream: str) -> None:
        self._fault = fault
        self._target = "ws" + upstream.rstrip("/").removeprefix("http")
        self._shared: dict[Any, Any] = {}
        self._opened: dict[ServerConnection, tuple[ServerFault, ClientConnection]] = {}

    async def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """Open the socket behind; a refusal there is a refusal here."""
        made = self._fault(self._shared)
        raw = request.headers.raw_items()
        kept = {name: value for name, value in raw if name.lower() in HOP_HEADERS}
        changed = made.upgrade(request.path, kept)
        if isinstance(changed, int):
            return socket.respond(HTTPStatus(changed), "no\n")
        path, headers = changed
        try:
            server = await connect(
                self._target + path,
                additional_headers=headers,
                user_agent_header=None,
                max_size=None,
                ping_interval=None,
                close_timeout=1,
            )
        except InvalidStatus as refused:
            response = socket.respond(HTTPStatus(refused.response.status_code), "")
            response.body = refused.response.body or b""
            del response.headers["Content-Length"]
            response.headers["Content-Length"] = str(len(response.body))
            return response
        self._opened[socket] = (made, server)
        return None

    async def handle(self, socket: ServerConnection) -> None:
        """Carry what is said between the two sockets."""
        made, server = self._opened.pop(socket)
        try:
            await _Pipe(made, socket, server).run()
        finally:
            server.transport.abort()


@asynccontextmanager
async def faulty_server(fault: type[ServerFault], upstream: str) -> AsyncIterator[str]:
    """Serve the right server at `upstream` with a fault in front; yields the address."""
    front = _Front(fault, upstream)
    async with serve(
        front.handle,
        "127.0.0.1",
        0,
        process_request=front.admit,
        max_size=None,
        ping_interval=None,
        close_timeout=1,
    ) as listener:
        port = next(iter(listener.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"
