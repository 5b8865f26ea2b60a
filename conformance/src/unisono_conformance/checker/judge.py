"""Reads a history once and says what in it contradicts the protocol.

Spec: reading
Not here: the file (see synclog), how to make a finding small (see shrink) or readable (see report).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from unisono_conformance.checker import mutations, queries, versions
from unisono_conformance.checker.anomalies import Event, Finding, Json
from unisono_conformance.checker.facts import Facts, gather, gather_into
from unisono_conformance.checker.identity import OWN_WRITE, Identities
from unisono_conformance.checker.snapshots import Snapshots
from unisono_conformance.checker.state import Connection, step_of
from unisono_conformance.checker.views import Views
from unisono_conformance.checker.wire import WireError

FROM_THE_WIRE = frozenset({"I4", "I5", "I6", "I8", "I10"})
ONLY_SHOWN = frozenset({"V1", "V2", "V3"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, how much was read, and what could not be judged."""

    findings: tuple[Finding, ...]
    events: int
    transitions: int
    unjudged: tuple[str, ...] = ()

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings against a rule with MUST."""
        return tuple(each for each in self.findings if each.binding == "MUST")

    @property
    def is_clean(self) -> bool:
        """Whether every rule with MUST was kept."""
        return not self.violations

    def to_json(self) -> Json:
        """Say the same as plain JSON."""
        return {
            "clean": self.is_clean,
            "events": self.events,
            "transitions": self.transitions,
            "unjudged": list(self.unjudged),
            "findings": [each.to_json() for each in self.findings],
        }


def check(events: Iterable[Event]) -> Verdict:
    """Judge a history: the events of a synclog, in their order.

    Raises WireError when an event is not what its kind and its frame's type demand.
    """
    history = list(events)
    with _no_collection():
        return _verdict(history)


def _verdict(history: Sequence[Event]) -> Verdict:
    """Judge, and let go of all that was known for it before collections begin again."""
    judge = _judged(history)
    found = [*judge.found, *mutations.log(judge.facts)]
    unjudged = () if judge.facts.has_log else ("I4 to I9, V1, V2: the history has no commit log",)
    return Verdict(_in_order(found), len(history), judge.transitions, unjudged)


class Live:
    """Judges a history while it happens; what only the commit log can show it does not see."""

    def __init__(self) -> None:
        self._facts = Facts()
        self._sessions: dict[int, str] = {}
        self._judge = _Judge(self._facts)
        self._readers = self._judge.readers()

    def take(self, event: Event) -> tuple[Finding, ...]:
        """Take in the next event; returns what it shows wrong. Raises WireError like `check`."""
        judge, reader = self._judge, self._readers.get(event["kind"])
        try:
            gather_into(self._facts, self._sessions, [event])
            if reader is not None:
                judge.at = event["at"]
                reader(event)
        except (KeyError, TypeError, AttributeError) as error:
            raise WireError(f"event {event['at']} cannot be read: {error!r}") from error
        found, judge.found = judge.found, []
        return _in_order(found)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Judging makes many objects and no cycles: looking for them takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _judged(history: Sequence[Event]) -> _Judge:
    at = 0
    try:
        judge = _Judge(gather(history))
        readers = judge.readers()
        for event in history:
            reader = readers.get(event["kind"])
            if reader is not None:
                judge.at = at = event["at"]
                reader(event)
        judge.end()
    except (KeyError, TypeError, AttributeError, WireError) as error:
        raise WireError(f"event {at} cannot be read: {error!r}") from error
    return judge


def _in_order(found: Sequence[Finding]) -> tuple[Finding, ...]:
    # A view that shows what a wrong server said is not the client's fault.
    if any(each.invariant in FROM_THE_WIRE for each in found):
        found = [each for each in found if each.invariant not in ONLY_SHOWN]
    return tuple(sorted(found, key=lambda each: each.at))


@dataclass(slots=True)
class _Judge:
    facts: Facts
    found: list[Finding] = field(default_factory=list)
    transitions: int = 0
    at: int = 0
    connections: dict[int, Connection] = field(default_factory=dict)
    of_client: dict[str, Connection] = field(default_factory=dict)
    actions: mutations.Actions = field(default_factory=mutations.Actions)
    snapshots: Snapshots = field(init=False)
    identities: Identities = field(init=False)
    views: Views = field(init=False)

    def __post_init__(self) -> None:
        self.snapshots = Snapshots(self.facts)
        self.identities = Identities(self.facts)
        self.views = Views(self.facts)

    def readers(self) -> dict[str, Callable[[Event], None]]:
        """Say who takes in which kind of event; the other kinds are no news at their time."""
        return {
            "opened": self._opened,
            "lost": self._lost,
            "c2s": self._from_client,
            "s2c": self._from_server,
            "op": self.views.operated,
            "answer": lambda event: self.found.extend(self.views.answered(event)),
            "event": lambda event: self.found.extend(self.views.reported(event)),
            "fence": self._quiet,
        }

    def end(self) -> None:
        """Judge what can be said at the end: nothing is on its way any more."""
        for connection in self.connections.values():
            self.found.extend(queries.unanswered(self.at, connection))

    def _connection(self, event: Event) -> Connection:
        number = event["connection"]
        connection = self.connections.get(number)
        if connection is not None:
            return connection
        session = event.get("session") or f"#{number}"
        made = self.connections[number] = Connection(number, session, last_at=event["at"])
        return made

    def _opened(self, event: Event) -> None:
        connection = self._connection(event)
        if "client" in event:
            self.of_client[event["client"]] = connection

    def _lost(self, event: Event) -> None:
        connection = self.connections.pop(event["connection"], None)
        for client, known in list(self.of_client.items()):
            if known is connection:
                del self.of_client[client]

    def _quiet(self, event: Event) -> None:
        client = event.get("client")
        for name, connection in self.of_client.items():
            if client is None or name == client:
                self.found.extend(queries.unanswered(self.at, connection))
        self.found.extend(self.views.quiet(event, self.of_client))

    def _from_client(self, event: Event) -> None:
        frame = event["frame"]
        kind = frame.get("type")
        if kind == "Mutation" and frame.get("udfPath") != OWN_WRITE:
            return
        connection = self._connection(event)
        if kind == "Mutation":
            self.identities.wrote(frame, connection)
        elif kind == "Action":
            self._note(self.actions.sent(event, connection))
        else:
            connection.sent(event)

    def _from_server(self, event: Event) -> None:
        connection, frame = self._connection(event), event["frame"]
        kind = frame.get("type")
        if kind == "TransitionChunk":
            whole = connection.pieces.add(frame)
            if isinstance(whole, dict) and whole.get("type") == "Transition":
                self._step(connection, whole)
            return
        if kind != "Ping":
            connection.pieces.drop()
        if kind == "Transition":
            self._step(connection, frame)
        elif kind == "MutationResponse":
            self._note(mutations.early(event, connection, self.facts))

    def _step(self, connection: Connection, frame: Json) -> None:
        self.transitions += 1
        if connection.is_broken:
            return
        step = step_of(self.at, connection, frame)
        if self._note(versions.chain(step)):
            return
        before = connection.version
        self._note(versions.time(step))
        if self._note(versions.acknowledged(step)):
            return
        self._note(queries.members(step))
        if connection.removals:
            connection.forget_removed(step.end.query_set)
        self.found.extend(self.snapshots.judge(step))
        self._note(self.identities.judge(step, before))
        connection.version, connection.last_at = step.end, self.at
        connection.spelled = frame["endVersion"]

    def _note(self, found: Finding | None) -> bool:
        if found is None:
            return False
        self.found.append(found)
        return True
