"""The script of a misbehaving server: which faults are armed, and what each has fired.

    fault = backend.misbehave(Delay(), when=BeforeServer("MutationResponse"))
    ...
    fault.release()

Every message of both directions passes its `Line` once there is a script. Events fire faults;
nothing here looks at a clock.

Spec: session
Not here: what a fault is (see faults), sockets (see runtime).
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from .core.effects import Abort, Close, Mute, Reading, Send, SendFragments, WireEffect
from .core.values import InvalidValue, parse_json
from .faults import (
    AfterClient,
    BeforeServer,
    Delay,
    Drop,
    Duplicate,
    Fault,
    OnConnect,
    PutAfter,
    Refuse,
    Restart,
    Say,
    SlowReader,
    StopReading,
    Trigger,
    UnknownMessage,
    check,
    ending,
    said,
    transform,
)

Faults: TypeAlias = Fault | Sequence[Fault]


class Wired(Protocol):
    """The two ends that a line connects: a socket, and whoever answers it."""

    line: "Line | None"
    number: int

    @property
    def sink(self) -> Callable[[WireEffect], None]:
        """Tell the socket."""

    def deliver(self, text: str) -> None:
        """Hand a client message to whoever answers."""

    def sent(self) -> None:
        """What was written has left."""

    def flushed(self) -> None:
        """The client reads again."""

    def lost(self) -> None:
        """The connection is gone."""

    def shown_identity(self) -> int:
        """The identity version of the last Transition that the client was sent."""


class Armed:
    """Faults that wait for their event."""

    def __init__(self, faults: tuple[Fault, ...], when: Trigger | None, times: int | None) -> None:
        self.faults = faults
        self.when = when
        self.fired = 0
        self._times = times
        self._seen = 0
        self._held: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_spent(self) -> bool:
        """Whether it will never fire again."""
        return self._times is not None and self.fired >= self._times

    def then(self, call: Callable[[], None]) -> "Armed":
        """Call this each time the event has come and the faults have happened."""
        self._listeners.append(call)
        return self

    def release(self) -> None:
        """Let go what Delay, SlowReader and StopReading have held back."""
        held, self._held = self._held, []
        for each in held:
            each()

    def cancel(self) -> None:
        """Fire no more; what is held back stays so until it is released."""
        self._times = self.fired

    def counts(self, n: int) -> bool:
        """Count an event that fits; whether the faults happen at this one."""
        if self.is_spent:
            return False
        self._seen += 1
        if self._seen < n:
            return False
        self.fired += 1
        return True

    def hold(self, release: Callable[[], None]) -> None:
        """Keep what lets go for later."""
        self._held.append(release)

    def tell(self) -> None:
        """The faults have happened."""
        for each in list(self._listeners):
            each()


class Script:
    """All faults that a server was asked for."""

    def __init__(self) -> None:
        self.armed: list[Armed] = []
        self.lines: dict[Wired, Line] = {}
        self._connections = 0
        self._admitted = 0

    def misbehave(self, do: Faults, when: Trigger | None, times: int | None) -> Armed:
        """Arm faults; without an event they happen now, to every connection there is."""
        faults = tuple(do) if isinstance(do, Sequence) else (do,)
        for fault in faults:
            check(fault, when)
        armed = Armed(faults, when, times)
        self.armed = [each for each in self.armed if not each.is_spent]
        if when is not None:
            self.armed.append(armed)
        elif armed.counts(1):
            for line in list(self.lines.values()):
                line.suffer(armed)
            armed.tell()
        return armed

    def admit(self) -> Refuse | None:
        """A client asks for a connection; a Refuse says that it gets none."""
        refused = self._refusal()
        if refused is None:
            self._admitted += 1
        return refused

    def attach(self, wired: Wired) -> None:
        """A connection begins. Only with something armed are its messages looked at."""
        self._connections += 1
        wired.number = self._connections
        refused = None
        if self._admitted:
            self._admitted -= 1
        else:
            refused = self._refusal()
        if self.armed:
            self.wire(wired)
            self._begin(self.lines[wired], refused)

    def wire(self, wired: Wired) -> None:
        """From now on the messages of this connection pass here."""
        if wired.line is None:
            wired.line = self.lines[wired] = Line(wired, self)

    def forget(self, wired: Wired) -> None:
        """A connection has ended."""
        self.lines.pop(wired, None)

    def fired_by(self, event: type[Trigger], text: str | bytes, connection: int) -> list[Armed]:
        """The faults that a message fires."""
        live = [armed for armed in self.armed if not armed.is_spent]
        kind = kind_of(text) if live else ""
        return [
            armed
            for armed in live
            if isinstance(armed.when, event)
            and not isinstance(armed.when, OnConnect)
            and armed.when.kind in (None, kind)
            and armed.when.connection in (None, connection)
            and armed.counts(armed.when.n)
        ]

    def restart(self) -> None:
        """Reset every connection; whoever answered them forgets its session."""
        for line in list(self.lines.values()):
            line.write_all([Abort()])

    def _begin(self, line: "Line", refused: Refuse | None) -> None:
        if refused is not None:
            line.write_all([Abort()])
            return
        for armed in self.armed:
            is_refusal = any(isinstance(fault, Refuse) for fault in armed.faults)
            if isinstance(armed.when, OnConnect) and not is_refusal and armed.counts(armed.when.n):
                line.suffer(armed)
                armed.tell()

    def _refusal(self) -> Refuse | None:
        for armed in self.armed:
            refusals = [fault for fault in armed.faults if isinstance(fault, Refuse)]
            if refusals and isinstance(armed.when, OnConnect) and armed.counts(armed.when.n):
                armed.tell()
                return refusals[0]
        return None


class Line:
    """One connection as the script sees it."""

    def __init__(self, wired: Wired, script: Script) -> None:
        self._wired = wired
        self._script = script
        self._ended = False
        self._cut = False
        self._slow = False
        # What is held back, each with whether it has fired its faults already.
        self._outbox: deque[tuple[WireEffect, bool]] = deque()
        self._inbox: deque[tuple[str, bool]] = deque()
        self._holds_outgoing = False
        self._holds_incoming = False
        self._followers: list[tuple[str, WireEffect]] = []

    # The two directions

    def incoming(self, text: str) -> None:
        """A client message has arrived."""
        if self._holds_incoming:
            self._inbox.append((text, False))
            return
        fired = self._script.fired_by(AfterClient, text, self._wired.number)
        texts = [text]
        for armed in fired:
            texts = self._receive(armed, texts)
        for each in texts:
            self._wired.deliver(each)
        for armed in fired:
            self.suffer(armed)
            armed.tell()

    def outgoing(self, effect: WireEffect) -> None:
        """The server has something for the socket."""
        if self._ended or self._cut:
            return
        if self._holds_outgoing:
            self._outbox.append((effect, False))
            if not self._slow:
                self._wired.sent()
            return
        if not isinstance(effect, Send):
            self.write_all([effect])
            return
        fired = self._script.fired_by(BeforeServer, effect.text, self._wired.number)
        before: list[WireEffect] = []
        effects: list[WireEffect] = [effect]
        for armed in fired:
            effects = self._replace(armed, before, effects)
        self.write_all([*before, *effects])
        if not any(isinstance(each, Send | SendFragments) for each in effects) and not self._slow:
            self._wired.sent()
        for armed in fired:
            self._accompany(armed)
            armed.tell()

    def suffer(self, armed: Armed) -> None:
        """What is not about one message happens to the connection now."""
        self._cut = False
        for fault in armed.faults:
            if isinstance(fault, SlowReader):
                self._hold_outgoing(armed, slow=True)
            self.write_all(said(fault))
            self.write_all(ending(fault, self._wired.shown_identity()) or [])
        self._accompany(armed)

    def lost(self) -> None:
        """The connection has ended."""
        self._ended = True
        self._script.forget(self._wired)

    def write_all(self, effects: Sequence[WireEffect]) -> None:
        """Write what came out of the faults, as far as the connection lasts."""
        for effect in effects:
            if self._ended:
                return
            self._ended = isinstance(effect, Close | Abort | Mute)
            self._wired.sink(effect)
            if isinstance(effect, Send) and self._followers:
                self._follow(kind_of(effect.text))
            if isinstance(effect, Close | Abort):
                self._wired.lost()

    # What a fault does

    def _receive(self, armed: Armed, texts: list[str]) -> list[str]:
        """What of a client message reaches the server."""
        for fault in armed.faults:
            match fault:
                case Drop():
                    texts = []
                case Duplicate(times):
                    texts = texts * times
                case Delay():
                    self._inbox.extend((each, True) for each in texts)
                    self._holds_incoming, texts = True, []
                    armed.hold(self._release_incoming)
                case _ if ending(fault, 0) is not None:
                    # The message arrives, but whatever the server answers does
                    # not get out: the client will not know.
                    self._cut = True
        return texts

    def _replace(
        self, armed: Armed, before: list[WireEffect], effects: list[WireEffect]
    ) -> list[WireEffect]:
        """What is written in the place of a server message; what is said before it is added."""
        for fault in armed.faults:
            before += said(fault)
            last = ending(fault, self._wired.shown_identity())
            if last is not None:
                return last
            match fault:
                case Delay() | SlowReader():
                    self._hold_outgoing(armed, slow=isinstance(fault, SlowReader))
                    self._outbox.extend((each, True) for each in effects)
                    return []
                case PutAfter(kind):
                    self._followers += [(kind, each) for each in effects]
                    return []
                case StopReading() | Restart() | Say() | UnknownMessage():
                    pass
                case _:
                    effects = [new for each in effects for new in _transformed(fault, each)]
        return effects

    def _accompany(self, armed: Armed) -> None:
        """What concerns more than the messages of this direction."""
        for fault in armed.faults:
            if isinstance(fault, StopReading):
                self._wired.sink(Reading(False))
                armed.hold(lambda: self._wired.sink(Reading(True)))
            elif isinstance(fault, Restart):
                self._script.restart()

    def _follow(self, kind: str) -> None:
        following = [effect for after, effect in self._followers if after == kind]
        self._followers = [each for each in self._followers if each[0] != kind]
        self.write_all(following)

    # Holding back

    def _hold_outgoing(self, armed: Armed, *, slow: bool) -> None:
        if not self._holds_outgoing:
            self._holds_outgoing, self._slow = True, slow
            armed.hold(self._release_outgoing)

    def _release_outgoing(self) -> None:
        was_slow, self._slow = self._slow, False
        self._holds_outgoing = False
        held, self._outbox = self._outbox, deque()
        while held and not self._holds_outgoing:
            effect, has_fired = held.popleft()
            if has_fired:
                self.write_all([effect])
            else:
                self.outgoing(effect)
        self._outbox.extend(held)
        if was_slow and not self._holds_outgoing:
            self._wired.flushed()

    def _release_incoming(self) -> None:
        self._holds_incoming = False
        held, self._inbox = self._inbox, deque()
        while held and not self._holds_incoming:
            text, has_fired = held.popleft()
            if has_fired:
                self._wired.deliver(text)
            else:
                self.incoming(text)
        self._inbox.extend(held)


def kind_of(text: str | bytes) -> str:
    """The type of a message, or nothing."""
    try:
        message = parse_json(text)
    except InvalidValue:
        return ""
    return str(message.get("type", "")) if isinstance(message, dict) else ""


def _transformed(fault: Fault, effect: WireEffect) -> list[WireEffect]:
    return transform(fault, effect) if isinstance(effect, Send) else [effect]
