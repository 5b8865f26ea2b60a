"""One WebSocket over anyio: the same code on every loop that anyio knows.

Not here: when to open or close one (see driver, and core/connection).
"""

import ssl
from collections.abc import Mapping

import anyio
from anyio.abc import ByteStream

from .frames import Frames, said
from .transport import Socket, SocketLost, WebSocketOptions

RECEIVE_BYTES = 256 * 1024
GOODBYE_S = 1.0
LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError, ssl.SSLError)


class WebSocket:
    """An open WebSocket; made by `connect`."""

    writes_by_itself = False

    def __init__(self, stream: ByteStream, frames: Frames) -> None:
        self._stream = stream
        self._frames = frames
        self._outgoing: list[bytes] = []
        self._has_outgoing = anyio.Event()

    def send(self, text: str) -> None:
        """Take a message to be sent; never waits."""
        self._frames.send(text)
        self._collect()

    def _collect(self) -> None:
        outgoing = self._frames.take_outgoing()
        if outgoing:
            self._outgoing.append(outgoing)
            self._has_outgoing.set()

    async def flush(self) -> None:
        """Wait for something to send, and send it. Raises SocketLost."""
        await self._has_outgoing.wait()
        self._has_outgoing = anyio.Event()
        await self._write()

    async def _write(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        try:
            await self._stream.send(b"".join(outgoing))
        except LOST as error:
            raise SocketLost(1006, "", f"the connection broke: {said(error)}") from error

    async def receive(self) -> list[bytes]:
        """All messages that have come. Raises SocketLost."""
        while not self._frames.message_count:
            if self._frames.is_over:
                raise self._frames.lost()
            try:
                self._frames.feed(await self._stream.receive(RECEIVE_BYTES))
            except anyio.EndOfStream:
                self._frames.ended()
            except LOST:
                raise self._frames.lost() from None
            # Pongs, and the echo of a close frame.
            self._collect()
        return self._frames.take_messages()

    async def aclose(self, code: int, reason: str) -> None:
        """Say goodbye, briefly, and free the socket."""
        with anyio.move_on_after(GOODBYE_S, shield=True):
            try:
                self._frames.say_goodbye(code, reason)
                self._collect()
                await self._write()
            except SocketLost:
                pass
            await anyio.aclose_forcefully(self._stream)


async def connect(url: str, options: WebSocketOptions, name: Mapping[str, str]) -> Socket:
    """Open a WebSocket. Raises SocketLost."""
    frames = Frames(url, options, name)
    uri = frames.uri
    try:
        stream: ByteStream
        if uri.secure:
            stream = await anyio.connect_tcp(
                uri.host,
                uri.port,
                tls=True,
                ssl_context=options.ssl_context,
                tls_standard_compatible=False,
            )
        else:
            stream = await anyio.connect_tcp(uri.host, uri.port)
    except LOST as error:
        raise SocketLost(1006, "", f"cannot reach {uri.host}:{uri.port}: {said(error)}") from error
    try:
        await _shake_hands(stream, frames)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
        raise
    return WebSocket(stream, frames)


async def _shake_hands(stream: ByteStream, frames: Frames) -> None:
    frames.greet()
    try:
        await stream.send(frames.take_outgoing())
        while not frames.is_shaken:
            frames.feed(await stream.receive(RECEIVE_BYTES))
    except (anyio.EndOfStream, *LOST):
        frames.ended()
    frames.check_handshake()
