"""One WebSocket over anyio: the same code on asyncio and on trio.

Not here: when to open or close one (see driver, and core/connection).
"""

import ssl
from collections import deque
from collections.abc import Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from .transport import SocketLost, WebSocketOptions

RECEIVE_BYTES = 256 * 1024
DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
GOODBYE_S = 1.0
LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError, ssl.SSLError)


class WebSocket:
    """An open WebSocket; made by `connect`."""

    def __init__(self, stream: ByteStream, protocol: ClientProtocol) -> None:
        self._stream = stream
        self._protocol = protocol
        self._fragments: list[bytes] = []
        self._messages: deque[bytes] = deque()
        self._outgoing: list[bytes] = []
        self._has_outgoing = anyio.Event()

    def send(self, text: str) -> None:
        """Take a message to be sent; never waits."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())
            self._collect()

    def _collect(self) -> None:
        outgoing = self._protocol.data_to_send()
        if outgoing:
            self._outgoing += outgoing
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
            raise SocketLost(1006, "", f"the connection broke: {error or 'reset'}") from error

    async def receive(self) -> bytes:
        """The next message. Raises SocketLost."""
        while not self._messages:
            if self._protocol.state in (State.CLOSING, State.CLOSED):
                raise self._lost()
            try:
                self._protocol.receive_data(await self._stream.receive(RECEIVE_BYTES))
            except anyio.EndOfStream:
                self._protocol.receive_eof()
            except LOST:
                raise self._lost() from None
            self._take_events()
            # Pongs, and the echo of a close frame.
            self._collect()
        return self._messages.popleft()

    def _take_events(self) -> None:
        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame) or frame.opcode not in DATA:
                continue
            if frame.opcode is Opcode.BINARY:
                # [messages.text-frames]
                raise SocketLost(CloseCode.UNSUPPORTED_DATA, "", "the server sent binary data")
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                self._messages.append(b"".join(self._fragments))
                self._fragments.clear()

    def _lost(self) -> SocketLost:
        received = self._protocol.close_rcvd
        code = received.code if received else CloseCode.ABNORMAL_CLOSURE
        broken = self._protocol.parser_exc
        why = f"broken WebSocket: {broken}" if broken and not received else ""
        return SocketLost(int(code), received.reason if received else "", why)

    async def aclose(self, code: int, reason: str) -> None:
        """Say goodbye, briefly, and free the socket."""
        with anyio.move_on_after(GOODBYE_S, shield=True):
            try:
                if self._protocol.state is State.OPEN:
                    self._protocol.send_close(code, reason)
                    self._collect()
                await self._write()
            except SocketLost:
                pass
            await anyio.aclose_forcefully(self._stream)


async def connect(url: str, options: WebSocketOptions, name: Mapping[str, str]) -> WebSocket:
    """Open a WebSocket. Raises SocketLost."""
    uri = parse_uri(url)
    # Compression costs more than it saves where there is no distance.
    compresses = options.compression
    if compresses is None:
        compresses = not _is_loopback(uri.host)
    protocol = ClientProtocol(
        uri,
        extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)]
        if compresses
        else None,
        max_size=options.max_message_bytes,
    )
    try:
        stream = await _open_stream(uri.host, uri.port, uri.secure, options.ssl_context)
    except LOST as error:
        raise SocketLost(1006, "", f"cannot reach {uri.host}:{uri.port}: {_said(error)}") from error
    try:
        await _shake_hands(stream, protocol, {**name, **options.headers})
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
        raise
    return WebSocket(stream, protocol)


async def _open_stream(
    host: str, port: int, is_secure: bool, context: ssl.SSLContext | None
) -> ByteStream:
    if not is_secure:
        return await anyio.connect_tcp(host, port)
    return await anyio.connect_tcp(
        host, port, tls=True, ssl_context=context, tls_standard_compatible=False
    )


async def _shake_hands(
    stream: ByteStream, protocol: ClientProtocol, headers: Mapping[str, str]
) -> None:
    request = protocol.connect()
    for name, value in headers.items():
        # [connection.identification]
        request.headers[name] = value
    protocol.send_request(request)
    try:
        for data in protocol.data_to_send():
            await stream.send(data)
        while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
            protocol.receive_data(await stream.receive(RECEIVE_BYTES))
    except (anyio.EndOfStream, *LOST) as error:
        raise SocketLost(1006, "", "the server closed during the handshake") from error
    refused = protocol.handshake_exc
    if refused is not None:
        raise SocketLost(1006, "", _refusal(refused)) from None


def _refusal(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"")[:200].decode("utf-8", "replace")
        return f"the server answered HTTP {error.response.status_code} {body}".rstrip()
    if isinstance(error, InvalidHandshake):
        return f"the server is no WebSocket server: {error}"
    return f"the handshake failed: {error}"


def _said(error: BaseException) -> str:
    """The innermost sentence of an error, or its name if it has none."""
    inner: Any = error
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    cause = inner.__cause__
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return str(cause or inner) or type(inner).__name__


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
