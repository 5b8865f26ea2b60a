"""A relay: one client of a proxy, and its own connection to the server behind.

Spec: session
Not here: the port and the command line (see proxy), the sockets (see runtime).
"""

from collections.abc import Callable

from .clocks import Clock
from .core.connection import ClientVersion
from .core.effects import Abort, Close, Effect, Send, SendFragments, SendWebSocketPing, WireEffect
from .core.values import InvalidValue, parse_json
from .line import Line
from .recording import Recorder
from .runtime.upstream import Upstream
from .script import Script


class Relay:
    """One client, and its own connection to the server behind."""

    def __init__(
        self,
        upstream: Upstream,
        sink: Callable[[WireEffect], None],
        recorder: Recorder | None,
        client: ClientVersion,
    ) -> None:
        self.line: Line | None = None
        self.number = 0
        self._upstream = upstream
        self._socket = sink
        self._recorder = recorder
        self._recorded_as = 0 if recorder is None else recorder.opened(client)
        self._unsent = 0
        self._identity = 0
        self._has_ended = False
        self._is_over = False

    # From the client

    def received(self, text: str) -> None:
        """A text message came."""
        if self._recorder is not None:
            self._recorder.message(self._recorded_as, "c2s", text)
        if self.line is None:
            self.deliver(text)
        else:
            self.line.incoming(text)

    def deliver(self, text: str) -> None:
        """Pass a message on to the server."""
        self._upstream.say(text.encode())

    def received_binary(self) -> None:
        """A binary message came, which no server takes."""
        self.fail("binary frames are not part of the protocol")

    def heard(self) -> None:
        """A ping or a pong came; the two sides beat on their own."""

    def sent(self) -> None:
        """What was written has left, so the server may go on."""
        if self._unsent:
            self.flushed()

    def flushed(self) -> None:
        """The client reads again, so the server may go on."""
        self._unsent = 0
        self._upstream.reading(True)

    def fail(self, reason: str) -> None:
        """The client broke a rule below the messages."""
        self._emit(Close(1011, "InternalServerError"))
        self.lost()

    def lost(self) -> None:
        """The client is gone."""
        if self._is_over:
            return
        self._is_over = True
        if self._recorder is not None and not self._has_ended:
            self._recorder.closed(self._recorded_as, "client")
        if self.line is not None:
            self.line.lost()
        self._upstream.leave()

    def tick(self) -> None:
        """The connection has begun."""
        if self.line is not None:
            self.line.begin()
        self._upstream.receive(self)

    def next_deadline(self) -> float | None:
        """A proxy does nothing by the clock."""
        return None

    # From the server

    def said(self, text: bytes) -> None:
        """A text message came."""
        self._emit(Send(text))
        if b'"endVersion"' in text:
            self._identity = _identity_in(text, self._identity)

    def pinged(self) -> None:
        """A WebSocket ping came."""
        self._emit(SendWebSocketPing())

    def closed(self, code: int | None, reason: str) -> None:
        """A Close frame came."""
        self._emit(Close(code, reason))

    def gone(self) -> None:
        """The connection ended without a Close frame."""
        self._emit(Abort())

    def shown_identity(self) -> int:
        """The identity version of the last Transition."""
        return self._identity

    def sink(self, effect: WireEffect) -> None:
        """Tell the client's socket, whatever has become of the message on the way."""
        if self._is_over or self._has_ended:
            return
        self._has_ended = isinstance(effect, Close | Abort)
        if self._recorder is not None:
            self._record(self._recorder, effect)
        self._socket(effect)

    def _emit(self, effect: WireEffect) -> None:
        self._unsent += isinstance(effect, Send)
        if self.line is None:
            self.sink(effect)
        else:
            self.line.outgoing(effect)
        # Whoever reads slowly makes the server behind wait, as without a proxy.
        if self._unsent:
            self._upstream.reading(False)

    def _record(self, recorder: Recorder, effect: WireEffect) -> None:
        match effect:
            case Send(text) | SendFragments(text, _):
                recorder.message(self._recorded_as, "s2c", text)
            case Close(code, reason):
                recorder.closed(self._recorded_as, "server", code, reason)
            case Abort():
                recorder.closed(self._recorded_as, "reset")
            case _:
                pass


class Gate:
    """What a WebSocket of the proxy is answered by: one connection to the server behind."""

    def __init__(
        self, upstream: Upstream, script: Script, recorder: Recorder | None, clock: Clock
    ) -> None:
        self.clock = clock
        self._upstream = upstream
        self._script = script
        self._recorder = recorder

    def connect(self, sink: Callable[[Effect], None], client: ClientVersion) -> Relay:
        """The client's socket is open."""
        relay = Relay(self._upstream, sink, self._recorder, client)
        self._script.wire(relay)
        self._script.attach(relay)
        return relay


def _identity_in(text: bytes, before: int) -> int:
    try:
        version = parse_json(text)["endVersion"]
        return int(version["identity"])
    except (InvalidValue, KeyError, TypeError, ValueError):
        return before
