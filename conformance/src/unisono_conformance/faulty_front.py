"""The proxy in which a fault lives: sockets, pings and HTTP requests, in both directions.

Spec: reading
Not here: what a fault may change (see faulty_server), the faults themselves (see `broken/`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event

from unisono_conformance import http_port
from unisono_conformance.faulty_server import ServerFault

PASSED_HEADERS: Final = ("convex-client", "authorization")
NO_CODE: Final = (1005, 1006)


class _Behind(ClientConnection):
    """The socket to the right server. It answers no ping: that is the client's affair."""

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self.pings: asyncio.Queue[bytes] = asyncio.Queue()
        take = protocol.recv_frame

        def recv_frame(frame: Frame) -> None:
            if frame.opcode is Opcode.PING:
                protocol.events.append(frame)
            else:
                take(frame)

        protocol.recv_frame = recv_frame  # type: ignore[method-assign]

    def say_pong(self, data: bytes) -> None:
        """Answer a ping."""
        self.protocol.send_pong(data)
        self.send_data()

    def process_event(self, event: Event) -> None:
        """Put pings aside for the client."""
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings.put_nowait(bytes(event.data))
        super().process_event(event)


class _Before(ServerConnection):
    """The socket to the client."""

    behind: _Behind | None = None

    def process_event(self, event: Event) -> None:
        """Hand the client's pongs to the right server."""
        if isinstance(event, Frame) and event.opcode is Opcode.PONG and self.behind is not None:
            with contextlib.suppress(Exception):
                self.behind.say_pong(bytes(event.data))
        super().process_event(event)


class _Pipe:
    """One socket of the client and one to the right server."""

    def __init__(self, fault: ServerFault, client: ServerConnection, server: _Behind) -> None:
        self._fault = fault
        self._client = client
        self._server = server

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._up()), group.create_task(self._pings())]
            await self._down()
            for each in others:
                each.cancel()

    async def _up(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._client:
                for each in self._upward(message):
                    await self._server.send(each)
                if self._fault.close_with is not None:
                    await _close(self._client, *self._fault.close_with)
        received = self._client.protocol.close_rcvd
        if received is None:
            self._server.transport.abort()
            return
        code = None if received.code in NO_CODE else received.code
        await _close(self._server, code, received.reason)

    async def _pings(self) -> None:
        while True:
            asked = await self._server.pings.get()
            if self._fault.answers_pings:
                self._server.say_pong(asked)
            data = self._fault.ping(asked)
            if data is not None:
                with contextlib.suppress(ConnectionClosed):
                    async with self._client.send_context():
                        self._client.protocol.send_ping(data)

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
        return [self._fault.upward_text_of(each) for each in changed]

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
        closing = self._fault.closing(None if code in NO_CODE else code, reason)
        if closing is not None:
            await _close(self._client, *closing)
        else:
            await self._client.wait_closed()


async def _close(
    socket: ServerConnection | ClientConnection, code: int | None, reason: str
) -> None:
    with contextlib.suppress(ConnectionClosed):
        async with socket.send_context():
            socket.protocol.send_close(code, reason)


class _Front:
    """What stands before the right server: each socket of a client gets one of its own behind."""

    def __init__(self, fault: type[ServerFault], upstream: str) -> None:
        self._fault = fault
        self._upstream = upstream.rstrip("/")
        self._shared: dict[Any, Any] = {}
        self._opened: dict[ServerConnection, tuple[ServerFault, _Behind]] = {}
        self.port = 0

    async def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """Open the socket behind; a refusal there is a refusal here."""
        made = self._fault(self._shared)
        raw = request.headers.raw_items()
        kept = {name: value for name, value in raw if name.lower() in PASSED_HEADERS}
        changed = made.upgrade(request.path, kept)
        if isinstance(changed, int):
            return socket.respond(HTTPStatus(changed), "no\n")
        path, headers = changed
        try:
            server = await connect(
                "ws" + self._upstream.removeprefix("http") + path,
                create_connection=_Behind,
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
        assert isinstance(server, _Behind)
        assert isinstance(socket, _Before)
        socket.behind = server if made.hears_pongs else None
        self._opened[socket] = (made, server)
        return None

    async def handle(self, socket: ServerConnection) -> None:
        """Carry what is said between the two sockets."""
        made, server = self._opened.pop(socket)
        try:
            await _Pipe(made, socket, server).run()
        finally:
            server.transport.abort()

    async def route(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead sockets to the sockets' port, and answer everything else here."""
        request = await http_port.read_request(reader)
        if request is None:
            return
        if request.is_upgrade:
            inside, to_inside = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                to_inside.write(http_port.head_of(request))
                await asyncio.gather(_copy(reader, to_inside), _copy(inside, writer))
            finally:
                to_inside.close()
        else:
            await http_port.answer_all(reader, writer, request, self._answer)

    async def _answer(self, request: http_port.Request) -> http_port.Reply:
        forward = partial(http_port.forward, self._upstream)
        return await self._fault(self._shared).exchange(request, forward)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
        writer.close()
    except ConnectionError:
        writer.transport.abort()


@asynccontextmanager
async def faulty_server(fault: type[ServerFault], upstream: str) -> AsyncIterator[str]:
    """Serve the right server at `upstream` with a fault in front; yields the address."""
    front = _Front(fault, upstream)
    async with serve(
        front.handle,
        "127.0.0.1",
        0,
        process_request=front.admit,
        create_connection=_Before,
        max_size=None,
        write_limit=fault.write_limit,
        ping_interval=None,
        close_timeout=1,
    ) as listener:
        front.port = next(iter(listener.sockets)).getsockname()[1]
        async with http_port.listening(front.route) as port:
            yield f"http://127.0.0.1:{port}"
