"""A peer: one socket of a backend, from the outside.

Spec: session
Not here: what the socket says (see core.session), its bytes (see runtime.websocket).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from .clocks import Clock
from .core.effects import Effect, WireEffect
from .core.errors import internal_failure
from .core.session import Session
from .line import Line

Sink: TypeAlias = Callable[[Effect], None]


class Host(Protocol):
    """The backend, as far as a peer knows it."""

    clock: Clock

    def wants_turn(self, session: Session) -> None:
        """This session has something to do."""

    def pump(self) -> None:
        """Carry out effects until nobody has any left."""

    def forget(self, session: Session) -> None:
        """This session is over."""


@dataclass(slots=True, eq=False)
class Peer:
    """One socket of a backend, from the outside."""

    backend: Host
    session: Session
    sink: Sink
    line: Line | None = None
    number: int = 0

    def received(self, text: str) -> None:
        """A text frame came."""
        if self.line is None:
            self.deliver(text)
        else:
            self.line.incoming(text)

    def deliver(self, text: str) -> None:
        """The session gets a message."""
        self.session.received(text, self.backend.clock.now())
        self._pump()

    def emit(self, effect: WireEffect) -> None:
        """The session has something for the socket."""
        if self.line is None:
            self.sink(effect)
        else:
            self.line.outgoing(effect)

    def received_binary(self) -> None:
        """A binary frame came."""
        self.session.received_binary(self.backend.clock.now())
        self._pump()

    def heard(self) -> None:
        """A ping or a pong came."""
        self.session.heard(self.backend.clock.now())

    def flushed(self) -> None:
        """Everything sent so far is on its way."""
        self.session.flushed(self.backend.clock.now())
        self._pump()

    def sent(self) -> None:
        """What was written has left this process."""
        transitions = self.session.transitions
        transitions.unsent = 0
        if transitions.wanted:
            # What waited for that may go on.
            self._pump()

    def shown_identity(self) -> int:
        """The identity version that the client was told of."""
        return self.session.transitions.current.identity

    def next_deadline(self) -> float | None:
        """When `tick` is due; None if the connection has ended."""
        return self.session.next_deadline()

    def tick(self) -> None:
        """A deadline has passed, or the socket has just opened."""
        if self.line is not None:
            self.line.begin()
        self.session.tick(self.backend.clock.now())
        self._pump()

    def fail(self, reason: str) -> None:
        """The socket broke a rule below the messages."""
        self.session.fail(internal_failure(reason), self.backend.clock.now())
        self._pump()

    def lost(self) -> None:
        """The socket is gone."""
        self.session.lost()
        self.backend.forget(self.session)
        if self.line is not None:
            self.line.lost()

    def _pump(self) -> None:
        self.backend.wants_turn(self.session)
        self.backend.pump()
