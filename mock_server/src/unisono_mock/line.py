"""A line: one connection as a script sees it. Every message of both directions passes here.

Spec: session
Not here: which faults an event fires (see script), what they make of a message (see faults).
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from .armed import Armed
from .core.effects import Abort, Close, Mute, Reading, Send, SendFragments, WireEffect
from .core.values import InvalidValue, parse_json
from .faults import (
    AfterClient,
    BeforeServer,
    Delay,
    Drop,
    Duplicate,
    Fault,
    PutAfter,
    Restart,
    Say,
    SlowReader,
    StopReading,
    UnknownMessage,
    ending,
    said,
    transform,
)

if TYPE_CHECKING:
    from .script import Script


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


class Line:
    """One connection as the script sees it."""

    def __init__(self, wired: Wired, script: "Script") -> None:
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
        self._first: list[Armed] = []

    def begin_with(self, armed: list[Armed]) -> None:
        """These faults happen before anything else does."""
        self._first = armed

    def begin(self) -> None:
        """The connection is open, and whoever holds its other end knows it."""
        first, self._first = self._first, []
        for armed in first:
            self.suffer(armed)
            armed.tell()

    # The two directions

    def incoming(self, text: str) -> None:
        """A client message has arrived."""
        self.begin()
        if self._ended:
            return
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
        self.begin()
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
