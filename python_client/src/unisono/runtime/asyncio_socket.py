"""One WebSocket over asyncio's own transports: fewer turns of the loop for each message.

Not here: other loops (see websocket), when to open or close one (see driver).
"""

import asyncio
import ssl
from collections.abc import Mapping

import anyio

from .frames import Frames, said
from .transport import Socket, SocketLost, WebSocketOptions

#: Reading pauses while more messages than this wait.
CROWD = 1000
GOODBYE_S = 1.0


class AsyncioSocket(asyncio.Protocol):
    """An open WebSocket; made by `connect`."""

    writes_by_itself = True

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: SocketLost | None = None
        self._is_writing = False
        self._is_gone = False

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a stream."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._frames.greet()
        self._write()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        try:
            self._frames.feed(data)
        except SocketLost as error:
            self._failure = error
        self._write()
        self._wake()
        # A peer that is faster than its reader has to wait for him.
        if self._frames.message_count > CROWD and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """No more bytes will come."""
        self._frames.ended()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone."""
        self._is_gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    # What the driver wants

    async def shake_hands(self) -> None:
        """Wait for the end of the handshake. Raises SocketLost."""
        while not self._frames.is_shaken and not self._is_gone:
            await self._wait()
        self._frames.check_handshake()

    def send(self, text: str) -> None:
        """Take a message to be sent: the first of a turn at once, the others together."""
        self._frames.send(text)
        if not self._is_writing:
            self._write()
            self._is_writing = True
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._is_writing = False
        outgoing = self._frames.take_outgoing()
        if outgoing and self._transport is not None and not self._is_gone:
            self._transport.write(outgoing)

    async def flush(self) -> None:
        """Nothing waits to be sent here."""

    async def receive(self) -> list[bytes]:
        """All messages that have come. Raises SocketLost."""
        while not self._frames.message_count:
            if self._failure is not None:
                raise self._failure
            if self._frames.is_over or self._is_gone:
                raise self._frames.lost()
            await self._wait()
        if self._transport is not None and not self._is_gone:
            self._transport.resume_reading()
        return self._frames.take_messages()

    async def aclose(self, code: int, reason: str) -> None:
        """Say goodbye, briefly, and free the socket."""
        self._frames.say_goodbye(code, reason)
        self._write()
        if self._transport is None or self._is_gone:
            return
        self._transport.close()
        with anyio.move_on_after(GOODBYE_S, shield=True):
            while not self._is_gone:
                await self._wait()
        self._transport.abort()


async def connect(url: str, options: WebSocketOptions, name: Mapping[str, str]) -> Socket:
    """Open a WebSocket. Raises SocketLost."""
    frames = Frames(url, options, name)
    uri = frames.uri
    context = (options.ssl_context or ssl.create_default_context()) if uri.secure else None
    loop = asyncio.get_running_loop()
    try:
        transport, socket = await loop.create_connection(
            lambda: AsyncioSocket(frames), uri.host, uri.port, ssl=context
        )
    except OSError as error:
        raise SocketLost(1006, "", f"cannot reach {uri.host}:{uri.port}: {said(error)}") from error
    try:
        await socket.shake_hands()
    except BaseException:
        transport.abort()
        raise
    return socket
