"""What is true of a whole history: the log of commits, and what became of each mutation.

Spec: mutations
Not here: what a moment of the history claims (see state), what contradicts what (see mutations).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from unisono_conformance.checker.anomalies import Event, Json
from unisono_conformance.checker.wire import decode_ts

END: Final = 1 << 62
"""A log position behind all commits."""

APPEND: Final = "fx:append"
"""The mutation of the fixture that writes the global log."""

Request = tuple[str, int]


@dataclass(slots=True)
class Call:
    """One mutation, under its session and request, over all its connections."""

    session: str
    request: int
    path: str
    key: str | None
    id: Json
    sent: tuple[tuple[int, int], ...] = ()
    """When, and on which connection."""
    succeeded: tuple[tuple[int, int], ...] = ()
    """When, and with which ts."""
    failed_at: int | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it is certain that it left no commit."""
        last = self.sent[-1][0] if self.sent else 0
        return self.failed_at is not None and not self.succeeded and self.failed_at > last


@dataclass(slots=True)
class Commit:
    """One entry of the log; `n` counts all commits, so a snapshot at p holds those with n < p."""

    at: int
    n: int
    id: Json
    key: str | None
    ts: int | None
    request: Request | None


@dataclass(slots=True)
class Facts:
    """The commits of a history and its mutations, found in one pass before the judging."""

    commits: list[Commit] = field(default_factory=list)
    calls: dict[Request, Call] = field(default_factory=dict)
    by_id: dict[Json, Call] = field(default_factory=dict)
    position: dict[Json, int] = field(default_factory=dict)
    written: dict[str, tuple[list[Json], list[int]]] = field(default_factory=dict)
    """For each key what was written to it, and the log numbers of that."""
    stamps: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    """The known timestamps, ascending, and the log numbers they belong to."""
    refused: set[str] = field(default_factory=set)
    """Names of application calls that settled with an error."""

    @property
    def has_log(self) -> bool:
        """Whether the history ends with the commit log."""
        return bool(self.commits)

    def snapshot_at(self, ts: int) -> tuple[int, int]:
        """Find the log positions that a snapshot at a timestamp can have: lowest, highest."""
        times, numbers = self.stamps
        index = bisect_right(times, ts)
        low = numbers[index - 1] + 1 if index else 0
        return low, numbers[index] if index < len(numbers) else END


def gather(events: Sequence[Event]) -> Facts:
    """Go through a history once and keep what is true of the whole of it."""
    facts = Facts()
    gather_into(facts, {}, events)
    return facts


def gather_into(facts: Facts, sessions: dict[int, str], events: Sequence[Event]) -> None:
    """Go on gathering; `sessions` says whose each connection is as far as that is known."""
    commits: list[Event] = []
    for event in events:
        kind = event["kind"]
        if kind == "c2s":
            frame = event["frame"]
            if frame.get("type") == "Mutation":
                _sent(facts, _session(event, sessions), event)
            elif frame.get("type") == "Connect":
                sessions[event["connection"]] = frame.get("sessionId", f"#{event['connection']}")
        elif kind == "s2c":
            if event["frame"].get("type") == "MutationResponse":
                _answered(facts, _session(event, sessions), event)
        elif kind == "opened":
            sessions[event["connection"]] = event.get("session") or f"#{event['connection']}"
        elif kind == "commit":
            commits.append(event)
        elif kind == "ack":
            _acknowledged(facts, event)
        elif kind == "event":
            body = event["event"]
            if body.get("ev") == "settled" and "error" in body:
                facts.refused.add(body["call"])
    _commit_all(facts, commits)


def _session(event: Event, sessions: dict[int, str]) -> str:
    number: int = event["connection"]
    return sessions.get(number) or event.get("session") or f"#{number}"


def _sent(facts: Facts, session: str, event: Event) -> None:
    frame = event["frame"]
    request = (session, frame["requestId"])
    call = facts.calls.get(request)
    if call is None:
        args = frame.get("args")
        named = args[0] if isinstance(args, list) and args and isinstance(args[0], dict) else {}
        call = Call(*request, frame.get("udfPath", ""), named.get("key"), named.get("id"))
        facts.calls[request] = call
        # Entries are texts or numbers; the id of another fixture may be anything.
        if type(call.id) in (str, int, float):
            facts.by_id[call.id] = call
    call.sent += ((event["at"], event["connection"]),)


def _answered(facts: Facts, session: str, event: Event) -> None:
    frame = event["frame"]
    call = facts.calls.get((session, frame.get("requestId")))
    if call is None:
        return
    if not frame.get("success"):
        call.failed_at = event["at"]
    elif isinstance(frame.get("ts"), str):
        call.succeeded += ((event["at"], decode_ts(frame["ts"])),)


def _acknowledged(facts: Facts, event: Event) -> None:
    request = (event["session"], event["request"])
    call = facts.calls.setdefault(
        request, Call(*request, APPEND, event.get("key"), event.get("id"))
    )
    if call.id is not None:
        facts.by_id.setdefault(call.id, call)
    if event.get("ts") is not None:
        call.succeeded += ((event["at"], decode_ts(event["ts"])),)


def _commit_all(facts: Facts, events: list[Event]) -> None:
    times, numbers = facts.stamps
    for event in sorted(events, key=lambda each: int(each["n"])):
        commit = _commit(facts, event)
        facts.commits.append(commit)
        facts.position.setdefault(commit.id, commit.n)
        if commit.key is not None:
            ids, ns = facts.written.setdefault(commit.key, ([], []))
            ids.append(commit.id)
            ns.append(commit.n)
        # A ts out of order is an anomaly of its own; it must not bend the others.
        if commit.ts is not None and (not times or commit.ts > times[-1]):
            times.append(commit.ts)
            numbers.append(commit.n)


def _commit(facts: Facts, event: Event) -> Commit:
    entry, spelled, session = event["id"], event.get("ts"), event.get("session")
    call = facts.by_id.get(entry)
    key: str | None = event.get("key")
    ts = None if spelled is None else decode_ts(spelled)
    request: Request | None = None
    if session is not None and event.get("request") is not None:
        request = (session, event["request"])
    if call is not None:
        # A response names the ts of the first commit of a write, not of a second one.
        if ts is None and call.succeeded and entry not in facts.position:
            ts = call.succeeded[0][1]
        request = request or (call.session, call.request)
        key = key or call.key
    return Commit(event["at"], int(event["n"]), entry, key, ts, request)
