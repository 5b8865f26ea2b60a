"""One WebSocket over asyncio's own transports: messages go to the driver as they are read.

No task wakes up for a message. Everything that is to be sent in one turn of the loop, but
its first part, is written together.

Not here: other loops and proxies (see websocket), when to open or close one (see driver).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
from websockets.uri import WebSocketURI

from .frames import Frames, said
from .transport import Socket, SocketLost, Take, WebSocketOptions

GOODBYE_S = 1.0


class AsyncioSocket(asyncio.Protocol):
    """An open WebSocket; made by `connect`."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._take: Take | None = None
        self._kept: list[bytes] = []
        self._rest: Callable[[], Awaitable[None]] | None = None
        self._failure: Exception | None = None
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
        messages = self._frames.take_messages()
        if messages:
            self._hand_over(messages)
        if self._frames.has_replied:
            self._wake()
            # Behind the wake-up, so that what is said on opening goes out with the first pong.
            self._write_soon()

    def eof_received(self) -> None:
        """No more bytes will come."""
        self._frames.ended()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone."""
        self._is_gone = True
        self._wake()

    def _hand_over(self, messages: list[bytes]) -> None:
        if self._take is None or self._rest is not None:
            self._kept += messages
            return
        try:
            self._rest = self._take(messages)
        except Exception as error:
            # Not for the loop's handler: it ends the task that runs this socket.
            self._failure = error
            self._wake()
            return
        if self._rest is not None:
            # A peer that is faster than its reader has to wait for him.
            if self._transport is not None:
                self._transport.pause_reading()
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

    def send(self, texts: Sequence[str]) -> None:
        """Take messages to be sent: the first of a turn at once, the others together."""
        for text in texts:
            self._frames.send(text)
        if not self._is_writing:
            self._write()
        self._write_soon()

    def ping(self) -> None:
        """Take a WebSocket ping to be sent."""
        self._frames.ping()
        self._write_soon()

    @property
    def pongs(self) -> int:
        """How many pings were answered."""
        return self._frames.pongs

    def _write_soon(self) -> None:
        if not self._is_writing:
            self._is_writing = True
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._is_writing = False
        outgoing = self._frames.take_outgoing()
        if outgoing and self._transport is not None and not self._is_gone:
            self._transport.write(outgoing)

    async def run(self, take: Take) -> None:
        """Hand over the messages as they come. Raises SocketLost."""
        self._take = take
        while True:
            if self._rest is not None:
                await self._rest()
                self._rest = None
            elif self._kept:
                kept, self._kept = self._kept, []
                self._hand_over(kept)
            elif self._failure is not None:
                raise self._failure
            elif self._frames.is_over or self._is_gone:
                raise self._frames.lost()
            else:
                if self._transport is not None:
                    self._transport.resume_reading()
                await self._wait()

    async def aclose(self, code: int, reason: str) -> None:
        """Say goodbye, briefly, and free the socket."""
        self._take = None
        self._frames.say_goodbye(code, reason)
        self._write()
        if self._transport is None or self._is_gone:
            return
        self._transport.close()
        with anyio.move_on_after(GOODBYE_S, shield=True):
            while not self._is_gone:
                await self._wait()
        self._transport.abort()


async def connect(uri: WebSocketURI, options: WebSocketOptions, name: Mapping[str, str]) -> Socket:
    """Open a WebSocket. Raises SocketLost."""
    frames = Frames(uri, options, name)
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
