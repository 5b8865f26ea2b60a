"""One WebSocket without a stream: bytes in, messages out, and the other way round.

Not here: where the bytes come from (see websocket, asyncio_socket).
"""

from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from .transport import SocketLost, WebSocketOptions

DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class Frames:
    """The WebSocket protocol of one connection."""

    def __init__(self, url: str, options: WebSocketOptions, name: Mapping[str, str]) -> None:
        self.uri: WebSocketURI = parse_uri(url)
        # Compression costs more than it saves where there is no distance.
        compresses = options.compression
        if compresses is None:
            compresses = not _is_loopback(self.uri.host)
        deflate = ClientPerMessageDeflateFactory(client_max_window_bits=True)
        self._protocol = ClientProtocol(
            self.uri,
            extensions=[deflate] if compresses else None,
            max_size=options.max_message_bytes,
        )
        self._headers = {**name, **options.headers}
        self._fragments: list[bytes] = []
        self._messages: list[bytes] = []

    def greet(self) -> None:
        """Begin with the handshake."""
        request = self._protocol.connect()
        # [connection.identification]
        for header, value in self._headers.items():
            request.headers[header] = value
        self._protocol.send_request(request)

    def feed(self, data: bytes) -> None:
        """Bytes have come. Raises SocketLost for what no server may send."""
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame) or frame.opcode not in DATA:
                continue
            if frame.opcode is Opcode.BINARY:
                # [messages.text-frames]
                raise SocketLost(CloseCode.UNSUPPORTED_DATA, "", "the server sent binary data")
            if frame.fin and not self._fragments:
                self._messages.append(bytes(frame.data))
                continue
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                self._messages.append(b"".join(self._fragments))
                self._fragments.clear()

    def ended(self) -> None:
        """No more bytes will come."""
        self._protocol.receive_eof()

    def send(self, text: str) -> None:
        """A message is to be sent."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())

    def say_goodbye(self, code: int, reason: str) -> None:
        """The close frame is to be sent."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)

    def take_outgoing(self) -> bytes:
        """The bytes to send now."""
        return b"".join(self._protocol.data_to_send())

    def take_messages(self) -> list[bytes]:
        """The messages that are complete."""
        messages, self._messages = self._messages, []
        return messages

    @property
    def message_count(self) -> int:
        """How many messages there are to take."""
        return len(self._messages)

    @property
    def is_over(self) -> bool:
        """Whether no message will come any more."""
        return self._protocol.state in (State.CLOSING, State.CLOSED)

    @property
    def is_shaken(self) -> bool:
        """Whether the handshake has ended, well or not."""
        has_failed = self._protocol.handshake_exc is not None
        return has_failed or self._protocol.state is not State.CONNECTING

    def check_handshake(self) -> None:
        """Raise SocketLost if the server has refused the handshake."""
        refused = self._protocol.handshake_exc
        if refused is not None or self._protocol.state is State.CONNECTING:
            raise SocketLost(1006, "", _refusal(refused))

    def lost(self) -> SocketLost:
        """Why no message will come any more."""
        received = self._protocol.close_rcvd
        code = received.code if received else CloseCode.ABNORMAL_CLOSURE
        broken = self._protocol.parser_exc
        why = f"broken WebSocket: {broken}" if broken and not received else ""
        return SocketLost(int(code), received.reason if received else "", why)


def _refusal(error: Exception | None) -> str:
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"")[:200].decode("utf-8", "replace")
        return f"the server answered HTTP {error.response.status_code} {body}".rstrip()
    if isinstance(error, InvalidHandshake):
        return f"the server is no WebSocket server: {error}"
    if error is None:
        return "the server closed during the handshake"
    return f"the handshake failed: {error}"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def said(error: BaseException) -> str:
    """The innermost sentence of an error, or its name if it has none."""
    inner: BaseException = error
    while True:
        if isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        elif inner.__cause__ is not None:
            inner = inner.__cause__
        else:
            return str(inner) or type(inner).__name__
