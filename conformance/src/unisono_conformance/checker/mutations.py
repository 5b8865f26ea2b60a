"""I7 to I9 and I11: failures leave no trace, successes count once and in order, answers first.

Spec: mutations
Not here: writes that show in results (see readings), settling (see views).
"""

from __future__ import annotations

from collections.abc import Iterator

from unisono_conformance.checker.anomalies import Event, Fact, Finding, finding
from unisono_conformance.checker.facts import APPEND, Call, Commit, Facts, Request
from unisono_conformance.checker.state import Connection
from unisono_conformance.checker.wire import decode_ts


def log(facts: Facts) -> Iterator[Finding]:
    """Judge the commit log against the calls: I7, I8 and I9."""
    if facts.has_log:
        yield from _aborted(facts)
        yield from _once(facts)
        yield from _lost(facts)
        yield from _session_order(facts)
        yield from _ts_order(facts)
    yield from _same_answer(facts)


def _commit(commit: Commit) -> Fact:
    return Fact(commit.at, f"commit {commit.n} append({commit.key}, {commit.id})")


def _name(call: Call) -> str:
    return f"mutation {call.request} of session {call.session}"


def _aborted(facts: Facts) -> Iterator[Finding]:
    for commit in facts.commits:
        call = facts.by_id.get(commit.id)
        # [mutations.failure-leaves-no-trace] A mutation that failed and was not sent again.
        if call is not None and call.failed_at is not None and call.has_failed:
            yield finding(
                "ABORTED-WRITE-VISIBLE",
                commit.at,
                f"{_name(call)} failed, but its write {commit.id} is commit {commit.n}.",
                Fact(call.failed_at, f"{_name(call)} was answered with a failure"),
                _commit(commit),
            )


def _once(facts: Facts) -> Iterator[Finding]:
    for commit in facts.commits:
        number = facts.position[commit.id]
        # [mutations.dedupe] Sent again is not run again.
        if number != commit.n:
            before = next(each for each in facts.commits if each.n == number)
            yield finding(
                "DUP-APPLY",
                commit.at,
                f"the write {commit.id} was committed twice, as {before.n} and as {commit.n}.",
                _commit(before),
                _commit(commit),
            )


def _same_answer(facts: Facts) -> Iterator[Finding]:
    for call in facts.calls.values():
        if len(call.succeeded) < 2:
            continue
        (first_at, first), (at, last) = call.succeeded[0], call.succeeded[-1]
        # [mutations.dedupe-original] The same commit has the same ts for ever.
        if first != last:
            yield finding(
                "DUP-APPLY",
                at,
                f"{_name(call)} was answered with ts={first} and again with ts={last}.",
                Fact(first_at, f"{_name(call)} succeeded with ts={first}"),
                Fact(at, f"{_name(call)} succeeded with ts={last}"),
                rule="mutations.dedupe-original",
            )


def _lost(facts: Facts) -> Iterator[Finding]:
    for call in facts.calls.values():
        if call.path != APPEND or not call.succeeded or call.id in facts.position:
            continue
        at, ts = call.succeeded[0]
        yield finding(
            "LOST-UPDATE",
            at,
            f"{_name(call)} was acknowledged with ts={ts}, but its write {call.id} is not in the "
            "commit log.",
            Fact(at, f"{_name(call)} succeeded with ts={ts}"),
            Fact(facts.commits[-1].at, f"the log ends at {facts.commits[-1].n} without {call.id}"),
        )


def _session_order(facts: Facts) -> Iterator[Finding]:
    newest: dict[str, Commit] = {}
    for commit in facts.commits:
        # The second commit of a write is out of order by being there at all.
        if commit.request is None or facts.position[commit.id] != commit.n:
            continue
        session, request = commit.request
        before = newest.get(session)
        if before is None or before.request is None or request > before.request[1]:
            newest[session] = commit
            continue
        # [mutations.serial] One after another. A mutation that had failed before may run
        # again later, since a failure is not recorded.
        call = facts.calls.get(commit.request)
        if call is None or call.failed_at is None:
            yield finding(
                "SESSION-REORDER",
                commit.at,
                f"session {session} sent mutation {request} before mutation {before.request[1]}, "
                f"but they were committed as {commit.n} and {before.n}.",
                Fact(before.at, f"commit {before.n} is mutation {before.request[1]}"),
                Fact(commit.at, f"commit {commit.n} is mutation {request}"),
            )


def _ts_order(facts: Facts) -> Iterator[Finding]:
    before: Commit | None = None
    for commit in facts.commits:
        if commit.ts is None:
            continue
        if before is not None and before.ts is not None and commit.ts <= before.ts:
            if commit.id != before.id:
                yield finding(
                    "TS-ORDER",
                    commit.at,
                    f"commit {before.n} has ts={before.ts}, and the later commit {commit.n} has "
                    f"ts={commit.ts}.",
                    _commit(before),
                    _commit(commit),
                )
        else:
            before = commit


def early(event: Event, connection: Connection, facts: Facts) -> Finding | None:
    """I11: the response comes before a Transition that covers it."""
    frame = event["frame"]
    ts = frame.get("ts")
    if not frame.get("success") or not isinstance(ts, str):
        return None
    if connection.version.ts < decode_ts(ts):
        return None
    call = facts.calls.get((connection.session, frame["requestId"]))
    # [mutations.early-transition] Not for one sent again: its second answer may come late.
    if call is None or len(call.sent) != 1:
        return None
    return finding(
        "EARLY-TRANSITION",
        event["at"],
        f"a Transition to ts={connection.version.ts} was sent before the response to "
        f"{_name(call)}, which was committed at ts={decode_ts(ts)}.",
        Fact(connection.last_at, f"a Transition went to ts={connection.version.ts}"),
        Fact(event["at"], f"{_name(call)} succeeded with ts={decode_ts(ts)}"),
        connection=connection.number,
    )


class Actions:
    """V4: an action is sent once, whatever happens to its connection."""

    def __init__(self) -> None:
        self._sent: dict[Request, int] = {}

    def sent(self, event: Event, connection: Connection) -> Finding | None:
        """Follow one Action of the client."""
        request = (connection.session, event["frame"]["requestId"])
        before = self._sent.setdefault(request, event["at"])
        # [mutations.action-lost] Nobody knows whether it has run, so it must not run again.
        if before == event["at"]:
            return None
        return finding(
            "ACTION-REPLAY",
            event["at"],
            f"action {request[1]} of session {request[0]} was sent a second time.",
            Fact(before, f"action {request[1]} was sent"),
            Fact(event["at"], f"action {request[1]} was sent again"),
            connection=connection.number,
        )
