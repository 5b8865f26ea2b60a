"""The line between a client and a server: everything passes, is written down, and can be broken.

Spec: connection
Not here: when to break it (see pair_player), the judging of the record (see checker).

Only what happens on real networks happens here: a line goes dead, a connection is refused,
a direction stands still for a while. Frames are never changed and never change places.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Data

from unisono_conformance.checker.synclog import Recorder
from unisono_conformance.values import Json

PASSED_ON: Final = ("convex-client", "authorization", "user-agent", "origin")

OnChange = Callable[[str, Json], None]
"""Told of `attempted`, `opened`, `sent` (with the client's frame) and `lost`."""


class Link:
    """One client's way to the server, over as many connections as it takes.

    Connections are numbered over the whole history, so links that share a record share `numbers`.
    """

    def __init__(
        self,
        upstream: str,
        recorder: Recorder,
        numbers: Iterator[int],
        *,
        client: str | None = None,
        on_change: OnChange = lambda what, frame: None,
    ) -> None:
        self._upstream = "ws" + upstream.rstrip("/").removeprefix("http")
        self._recorder = recorder
        self._numbers = numbers
        self._client = client
        self._on_change = on_change
        self._refusals = 0
        self._sockets: dict[int, tuple[ServerConnection, ClientConnection]] = {}
        self._behind: dict[ServerConnection, ClientConnection] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()

    @asynccontextmanager
    async def open(self, port: int = 0) -> AsyncIterator[str]:
        """Listen on the loopback; yields the address for the client."""
        async with serve(
            self._handle,
            "127.0.0.1",
            port,
            process_request=self._admit,
            max_size=None,
            ping_interval=None,
            close_timeout=1,
        ) as listener:
            bound = next(iter(listener.sockets)).getsockname()[1]
            try:
                yield f"http://127.0.0.1:{bound}"
            finally:
                self.release()

    def cut(self) -> None:
        """The line goes dead: both sides lose their socket at once, nobody says goodbye."""
        for number, (client, server) in list(self._sockets.items()):
            self._recorder.fault("cut", connection=number)
            self._lose(number, 1006, "")
            client.transport.abort()
            server.transport.abort()

    def refuse(self, count: int) -> None:
        """The next attempts find nobody."""
        self._refusals = count

    def hold(self) -> None:
        """From now on nothing of the server arrives."""
        self._flowing.clear()

    def release(self) -> None:
        """What was held arrives, in order."""
        self._flowing.set()

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self._on_change("attempted", None)
        if self._refusals > 0:
            self._refusals -= 1
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not now\n")
        headers = {
            name: value for name, value in request.headers.raw_items() if name.lower() in PASSED_ON
        }
        try:
            self._behind[socket] = await connect(
                self._upstream + request.path,
                additional_headers=headers,
                user_agent_header=None,
                max_size=None,
                ping_interval=None,
                close_timeout=1,
            )
        except InvalidStatus as refused:
            answer = refused.response
            return socket.respond(HTTPStatus(answer.status_code), (answer.body or b"").decode())
        except OSError as error:
            return socket.respond(HTTPStatus.BAD_GATEWAY, f"{error}\n")
        return None

    async def _handle(self, client: ServerConnection) -> None:
        server, number = self._behind.pop(client), next(self._numbers)
        self._sockets[number] = client, server
        self._recorder.opened(number, client=self._client or f"client{number}")
        self._on_change("opened", None)
        try:
            await asyncio.gather(
                self._up(number, client, server), self._down(number, client, server)
            )
        finally:
            self._lose(number, None, "")

    async def _up(self, number: int, client: ServerConnection, server: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in client:
                self._note(self._sent, number, data)
                await server.send(data)
        self._lose(number, *_closing(client))
        await server.close()

    async def _down(self, number: int, client: ServerConnection, server: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in server:
                await self._flowing.wait()
                self._note(self._recorder.s2c, number, data)
                await client.send(data)
        code, reason = _closing(server)
        self._lose(number, code, reason)
        await _close(client, code, reason)

    def _sent(self, number: int, frame: Json) -> None:
        self._recorder.c2s(number, frame)
        self._on_change("sent", frame)

    def _note(self, note: Callable[[int, Json], None], number: int, data: Data) -> None:
        if not isinstance(data, str) or number not in self._sockets:
            return
        with contextlib.suppress(ValueError):
            frame = json.loads(data)
            if isinstance(frame, dict):
                note(number, frame)

    def _lose(self, number: int, code: int | None, reason: str) -> None:
        if self._sockets.pop(number, None) is not None:
            self._recorder.lost(number, code, reason)
            self._on_change("lost", None)


def _closing(socket: ServerConnection | ClientConnection) -> tuple[int | None, str]:
    received = socket.protocol.close_rcvd
    return (None, "") if received is None else (received.code, received.reason)


async def _close(socket: ServerConnection, code: int | None, reason: str) -> None:
    with contextlib.suppress(ConnectionClosed):
        async with socket.send_context():
            if code in (None, 1005, 1006):
                socket.protocol.send_close()
            else:
                socket.protocol.send_close(code, reason)
