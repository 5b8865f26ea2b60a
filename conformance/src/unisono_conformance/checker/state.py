"""Where one connection stands while the history is read: versions, query set, results.

Spec: connection, queries, transitions
Not here: any judgement of it (see versions, queries, snapshots, mutations, identity).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from unisono_conformance.checker.anomalies import Event, Json
from unisono_conformance.checker.readings import Definition, Span, define
from unisono_conformance.checker.wire import ZERO, Pieces, Version, decode_ts, version_of

UNKNOWN: Final = object()
"""The subject of a token that the history does not name."""


class Edit(NamedTuple):
    """A change of the query set: an Add with what was asked, or a Remove with nothing."""

    version: int
    definition: Definition | None


@dataclass(slots=True)
class Held:
    """The newest result of one query on one connection."""

    definition: Definition
    value: Json
    span: Span
    """Unknown, and so everywhere, until it has been read."""
    at: int


@dataclass(slots=True)
class Connection:
    """What both ends of one socket have said so far."""

    number: int
    session: str
    version: Version = ZERO
    spelled: Json = None
    """The version held, as the last Transition has written it."""
    query_sets: set[int] = field(default_factory=lambda: {0})
    identities: list[Json] = field(default_factory=lambda: [None])
    """Who each identity version is: a subject, None for nobody, or UNKNOWN."""
    edits: dict[int, list[Edit]] = field(default_factory=dict)
    removals: list[tuple[int, int]] = field(default_factory=list)
    held: dict[int, Held] = field(default_factory=dict)
    pieces: Pieces = field(default_factory=Pieces)
    max_observed: tuple[int, int] | None = None
    """What the client said in Connect that it had seen, and when it said so."""
    last_at: int = 0
    is_broken: bool = False
    """After a break of the chain nothing more can be said about this connection."""

    @property
    def newest_query_set(self) -> int:
        """The largest query set version that the client has sent."""
        return max(self.query_sets)

    def sent(self, event: Event) -> None:
        """Follow one frame of the client."""
        frame = event["frame"]
        kind = frame.get("type")
        if kind == "Connect":
            self.session = frame.get("sessionId", self.session)
            seen = frame.get("maxObservedTimestamp")
            self.max_observed = None if seen is None else (event["at"], decode_ts(seen))
        elif kind == "Authenticate":
            self.identities.append(subject_of(frame))
        elif kind == "ModifyQuerySet":
            self._edit(frame)

    def _edit(self, frame: Json) -> None:
        version = frame["newVersion"]
        self.query_sets.add(version)
        for change in frame["modifications"]:
            query = change["queryId"]
            edits = self.edits.setdefault(query, [])
            if change["type"] == "Add":
                edits.append(Edit(version, define(change["udfPath"], change.get("args"))))
            else:
                edits.append(Edit(version, None))
                self.removals.append((version, query))

    def edit_of(self, query: int, query_set: int) -> Edit | None:
        """Find the last edit of a query that a query set version covers."""
        for edit in reversed(self.edits.get(query, ())):
            if edit.version <= query_set:
                return edit
        return None

    def forget_removed(self, query_set: int) -> None:
        """Let go of the results of queries that are out of the set by now."""
        for version, query in self.removals:
            if version <= query_set:
                edit = self.edit_of(query, query_set)
                if edit is None or edit.definition is None:
                    self.held.pop(query, None)
        self.removals = [each for each in self.removals if each[0] > query_set]


def subject_of(frame: Json) -> Json:
    """Say whom an Authenticate makes the connection, as far as the history says it."""
    if frame.get("tokenType") == "None":
        return None
    return frame.get("subject", UNKNOWN)


@dataclass(slots=True)
class Step:
    """One Transition on its way into the state: what it says, before it is taken over."""

    at: int
    connection: Connection
    start: Version
    end: Version
    changes: list[Json]
    updated: dict[int, Held]
    """The results that it brings, of queries that were asked for."""


def step_of(at: int, connection: Connection, frame: Json) -> Step:
    """Read a Transition."""
    spelled = frame["startVersion"]
    # Nearly every start is spelled like the end before it, and need not be decoded again.
    start = connection.version if spelled == connection.spelled else version_of(spelled)
    end = version_of(frame["endVersion"])
    return Step(at, connection, start, end, frame["modifications"], updated={})
