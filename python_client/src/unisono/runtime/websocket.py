"""One WebSocket over anyio: the same code on every loop that anyio knows, and through proxies.

Not here: when to open or close one (see driver, and core/connection).
"""

import ssl
from collections.abc import Mapping, Sequence

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream
from websockets.proxy import Proxy
from websockets.uri import WebSocketURI

from .frames import Frames, said
from .proxy import Tunnel
from .transport import Socket, SocketLost, Take, WebSocketOptions

RECEIVE_BYTES = 256 * 1024
GOODBYE_S = 1.0
LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError, ssl.SSLError)


class WebSocket:
    """An open WebSocket; made by `connect`."""

    def __init__(self, stream: ByteStream, frames: Frames) -> None:
        self._stream = stream
        self._frames = frames
        self._outgoing: list[bytes] = []
        self._has_outgoing = anyio.Event()

    def send(self, texts: Sequence[str]) -> None:
        """Take messages to be sent together; never waits."""
        for text in texts:
            self._frames.send(text)
        self._collect()

    def ping(self) -> None:
        """Take a WebSocket ping to be sent; never waits."""
        self._frames.ping()
        self._collect()

    @property
    def pongs(self) -> int:
        """How many pings were answered."""
        return self._frames.pongs

    def _collect(self) -> None:
        outgoing = self._frames.take_outgoing()
        if outgoing:
            self._outgoing.append(outgoing)
            self._has_outgoing.set()

    async def run(self, take: Take) -> None:
        """Hand over the messages as they come. Raises SocketLost."""
        lost: SocketLost | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write_all)
            lost = await self._read_all(take)
            tasks.cancel_scope.cancel()
        assert lost is not None
        raise lost

    async def _read_all(self, take: Take) -> SocketLost:
        """Read until there will be nothing more; say why."""
        while True:
            messages = self._frames.take_messages()
            if messages:
                rest = take(messages)
                if rest is not None:
                    await rest()
            if self._frames.is_over:
                return self._frames.lost()
            try:
                self._frames.feed(await self._stream.receive(RECEIVE_BYTES))
            except SocketLost as lost:
                return lost
            except anyio.EndOfStream:
                self._frames.ended()
            except LOST:
                return self._frames.lost()
            # Pongs, and the echo of a close frame.
            self._collect()

    async def _write_all(self) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing = anyio.Event()
            try:
                await self._write()
            except LOST:
                # The reader reports it: he may still find the server's last words.
                return

    async def _write(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        await self._stream.send(b"".join(outgoing))

    async def aclose(self, code: int, reason: str) -> None:
        """Say goodbye, briefly, and free the socket."""
        with anyio.move_on_after(GOODBYE_S, shield=True):
            try:
                self._frames.say_goodbye(code, reason)
                self._collect()
                await self._write()
            except LOST:
                pass
            await anyio.aclose_forcefully(self._stream)


async def connect(
    uri: WebSocketURI,
    options: WebSocketOptions,
    name: Mapping[str, str],
    proxy: Proxy | None = None,
) -> Socket:
    """Open a WebSocket. Raises SocketLost."""
    frames = Frames(uri, options, name)
    host, port = (proxy.host, proxy.port) if proxy else (uri.host, uri.port)
    try:
        stream: ByteStream = await anyio.connect_tcp(host, port)
    except LOST as error:
        what = "the proxy " if proxy else ""
        raise SocketLost(1006, "", f"cannot reach {what}{host}:{port}: {said(error)}") from error
    try:
        if proxy is not None:
            await _pass(stream, Tunnel(proxy, uri))
        if uri.secure:
            stream = await _secured(stream, uri, options)
        await _shake_hands(stream, frames)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
        raise
    return WebSocket(stream, frames)


async def _pass(stream: ByteStream, tunnel: Tunnel) -> None:
    try:
        await stream.send(tunnel.question)
        while not tunnel.feed(await stream.receive(RECEIVE_BYTES)):
            pass
    except anyio.EndOfStream:
        tunnel.feed(b"")
    except LOST as error:
        raise SocketLost(1006, "", f"the proxy broke off: {said(error)}") from error


async def _secured(stream: ByteStream, uri: WebSocketURI, options: WebSocketOptions) -> TLSStream:
    try:
        return await TLSStream.wrap(
            stream,
            hostname=uri.host,
            ssl_context=options.ssl_context,
            standard_compatible=False,
        )
    except (anyio.EndOfStream, *LOST) as error:
        raise SocketLost(1006, "", f"no TLS with {uri.host}: {said(error)}") from error


async def _shake_hands(stream: ByteStream, frames: Frames) -> None:
    frames.greet()
    try:
        await stream.send(frames.take_outgoing())
        while not frames.is_shaken:
            frames.feed(await stream.receive(RECEIVE_BYTES))
    except (anyio.EndOfStream, *LOST):
        frames.ended()
    frames.check_handshake()
