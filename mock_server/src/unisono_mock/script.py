"""The script of a misbehaving server: which faults are armed, and what each has fired.

    fault = backend.misbehave(Delay(), when=BeforeServer("MutationResponse"))
    ...
    fault.release()

Events fire faults; nothing here looks at a clock.

Spec: session
Not here: what a fault is (see faults), what it does to a connection (see line).
"""

from collections.abc import Sequence
from typing import TypeAlias

from .armed import Armed
from .core.effects import Abort
from .faults import Fault, OnConnect, Refuse, Trigger, check
from .line import Line, Wired, kind_of

Faults: TypeAlias = Fault | Sequence[Fault]


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

    def _begin(self, line: Line, refused: Refuse | None) -> None:
        if refused is not None:
            line.write_all([Abort()])
            return
        line.begin_with(
            [
                armed
                for armed in self.armed
                if isinstance(armed.when, OnConnect)
                and not any(isinstance(fault, Refuse) for fault in armed.faults)
                and armed.counts(armed.when.n)
            ]
        )

    def _refusal(self) -> Refuse | None:
        for armed in self.armed:
            refusals = [fault for fault in armed.faults if isinstance(fault, Refuse)]
            if refusals and isinstance(armed.when, OnConnect) and armed.counts(armed.when.n):
                armed.tell()
                return refusals[0]
        return None
