"""One WebSocket without a stream: bytes in, messages out, and the other way round.

The library does the handshake, everything that is sent, and every frame that is not whole and
plain. Whole and plain text frames, nearly all that a server says, are cut out of the bytes
here: that takes less than a third of the time.

Not here: where the bytes come from (see websocket, asyncio_socket).
"""

from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import WebSocketURI

from .transport import SocketLost, WebSocketOptions

DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
#: The first byte of a text frame that is a whole message and not compressed.
PLAIN_TEXT = 0x81
HEADER_BYTES = 2
#: What the second byte says: the length follows, in two bytes or, above that, in eight;
#: and from here on, that the content is masked.
LENGTH_IN_2, MASKED = 126, 128
END_OF_HEAD = b"\r\n\r\n"
LONGEST_HEAD_BYTES = 64 * 1024


class Frames:
    """The WebSocket protocol of one connection."""

    def __init__(
        self, uri: WebSocketURI, options: WebSocketOptions, name: Mapping[str, str]
    ) -> None:
        # Compression costs more than it saves where there is no distance.
        compresses = options.compression
        if compresses is None:
            compresses = not is_loopback(uri.host)
        deflate = ClientPerMessageDeflateFactory(client_max_window_bits=True)
        self._protocol = ClientProtocol(
            uri,
            extensions=[deflate] if compresses else None,
            max_size=options.max_message_bytes,
        )
        self._longest = options.max_message_bytes
        self._headers = {**name, **options.headers}
        self._has_head = False
        # What has come of a frame that is not complete, and how much it takes to go on.
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._wanted_bytes = 0
        self._fragments: list[bytes] = []
        self._messages: list[bytes] = []
        #: Whether more than plain messages was in the last bytes; it may want an answer.
        self.has_replied = False
        #: How many pings were answered.
        self.pongs = 0

    def greet(self) -> None:
        """Begin with the handshake."""
        request = self._protocol.connect()
        # [connection.identification]
        for header, value in self._headers.items():
            request.headers[header] = value
        self._protocol.send_request(request)

    def feed(self, data: bytes) -> None:
        """Bytes have come. Raises SocketLost for what no server may send."""
        self.has_replied = False
        if self._waiting:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes < self._wanted_bytes:
                return
            data, self._waiting = b"".join(self._waiting), []
        used = self._cut(data, 0) if self._has_head else self._shake(data)
        if used < len(data):
            self._waiting, self._waiting_bytes = [data[used:]], len(data) - used

    def _shake(self, data: bytes) -> int:
        """Take the answer to the handshake, and what follows on it; say how much that was."""
        end = data.find(END_OF_HEAD)
        if end < 0 and len(data) < LONGEST_HEAD_BYTES:
            return 0
        self._has_head = True
        end = len(data) if end < 0 else end + len(END_OF_HEAD)
        self._hand_over(data[:end])
        return self._cut(data, end)

    def _cut(self, data: bytes, place: int) -> int:
        """Take the frames that are complete; return where the one begins that is not."""
        end = len(data)
        if not self._is_open:
            # The body of a refusal, or what follows on the last frame of all.
            self._hand_over(data[place:])
            return end
        self._wanted_bytes = HEADER_BYTES
        while (begin := place + HEADER_BYTES) <= end:
            size = data[place + 1]
            if size >= LENGTH_IN_2:
                length = 2 if size == LENGTH_IN_2 else 8
                is_masked, begin = size >= MASKED, begin + length
                size = int.from_bytes(data[begin - length : begin], "big")
                if is_masked or (begin <= end and size > self._longest):
                    # No server may send that; the library says what is wrong with it.
                    self._hand_over(data[place:begin])
                    return end
            stop = begin + size
            if stop > end:
                self._wanted_bytes = stop - place
                break
            if data[place] == PLAIN_TEXT and not self._fragments:
                self._messages.append(data[begin:stop])
            else:
                if not self._hand_over(data[place:stop]):
                    return end
            place = stop
        return place

    def _hand_over(self, data: bytes) -> bool:
        """Let the library read the handshake or one frame; say whether more frames may come."""
        if not data:
            return self._is_open
        self.has_replied = True
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame):
                continue
            if frame.opcode is Opcode.PONG:
                self.pongs += 1
            if frame.opcode not in DATA:
                continue
            if frame.opcode is Opcode.BINARY:
                # [messages.text-frames]
                raise SocketLost(CloseCode.UNSUPPORTED_DATA, "", "the server sent binary data")
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                self._messages.append(b"".join(self._fragments))
                self._fragments.clear()
        return self._is_open

    @property
    def _is_open(self) -> bool:
        return self._protocol.state is State.OPEN

    def ended(self) -> None:
        """No more bytes will come."""
        if self._waiting and self._protocol.state is State.CONNECTING:
            self._hand_over(b"".join(self._waiting))
        self._protocol.receive_eof()

    def send(self, text: str) -> None:
        """A message is to be sent."""
        if self._is_open:
            self._protocol.send_text(text.encode())

    def ping(self) -> None:
        """A ping is to be sent."""
        if self._is_open:
            self._protocol.send_ping(b"")

    def say_goodbye(self, code: int, reason: str) -> None:
        """The close frame is to be sent."""
        if self._is_open:
            self._protocol.send_close(code, reason)

    def take_outgoing(self) -> bytes:
        """The bytes to send now."""
        return b"".join(self._protocol.data_to_send())

    def take_messages(self) -> list[bytes]:
        """The messages that are complete."""
        messages, self._messages = self._messages, []
        return messages

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


def is_loopback(host: str) -> bool:
    """Whether this is a name of the machine itself."""
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
