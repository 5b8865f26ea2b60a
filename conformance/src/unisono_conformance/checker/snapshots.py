"""I4 to I6: all results of one Transition were read at one moment, and at the right one.

Spec: transitions
Not here: how a result shows its moment (see readings).

Every result and the timestamp give an interval of log positions. The Transition is consistent
when all of them have a position in common that is not before the session's last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from unisono_conformance.checker.anomalies import Fact, Finding, finding
from unisono_conformance.checker.facts import END, Facts
from unisono_conformance.checker.readings import Impossible
from unisono_conformance.checker.state import Held, Step


@dataclass(slots=True)
class Snapshots:
    """The judge of moments; remembers how far each session has come."""

    facts: Facts
    reached: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each session the highest position it has certainly seen, and when."""

    def judge(self, step: Step) -> list[Finding]:
        """Judge the results of a Transition together with those held, and take them over."""
        connection, held = step.connection, step.connection.held
        found: list[Finding] = []
        for query, result in step.updated.items():
            try:
                result.span = result.definition.read(result.value, self.facts)
            except Impossible as impossible:
                found.append(_impossible(step, query, result, impossible))
            held[query] = result
        if not self.facts.commits:
            return found
        low, high = self.facts.snapshot_at(step.end.ts)
        seen = self.reached.get(connection.session)
        least = max(low, seen[0]) if seen is not None else low
        most, top = high, least
        for result in held.values():
            first, last = result.span
            if first > top:
                top = first
            if last < most:
                most = last
        if top > most:
            found.extend(self._contradiction(step, (low, high), seen))
        elif top and (seen is None or top > seen[0]):
            self.reached[connection.session] = (top, step.at)
        return found

    def _contradiction(
        self, step: Step, stamp: tuple[int, int], seen: tuple[int, int] | None
    ) -> list[Finding]:
        """Name what does not fit: first among the results sent, then against the time."""
        sent = step.updated
        if sent:
            newest = max(sent.items(), key=lambda each: each[1].span.low)
            oldest = min(sent.items(), key=lambda each: each[1].span.high)
            if newest[1].span.low > oldest[1].span.high:
                return [_torn(step, newest, oldest)]
            if newest[1].span.low > stamp[1]:
                return [_future(step, newest, self.facts)]
            if oldest[1].span.high < stamp[0]:
                return [_stale(step, oldest, stamp[0], self.facts)]
            if seen is not None and oldest[1].span.high < seen[0]:
                return [_backwards(step, oldest, seen)]
        return self._held_contradiction(step, stamp, seen)

    def _held_contradiction(
        self, step: Step, stamp: tuple[int, int], seen: tuple[int, int] | None
    ) -> list[Finding]:
        held = step.connection.held
        lowest = max((result.span.low for result in step.updated.values()), default=0)
        least = max(stamp[0], lowest, seen[0] if seen is not None else 0)
        behind = [each for each in held.items() if each[1].span.high < least]
        if behind:
            return [_missed(step, each, least, self.facts) for each in behind[:1]]
        newest = max(held.items(), key=lambda each: each[1].span.low, default=None)
        if newest is not None and newest[1].span.low > stamp[1]:
            return [_future(step, newest, self.facts)]
        # What is left is a time before the session's own: no result is wrong for that.
        return []


def shows(query: int, result: Held) -> str:
    """Write a result for a person: its query, and its value cut to what matters."""
    text = repr(result.value)
    if len(text) > 60:
        text = f"{text[:16]} .. {text[-40:]}"
    return f"query {query} {result.definition.name} = {text}"


def commit_text(facts: Facts, number: int) -> str:
    """Write one commit for a person."""
    for commit in facts.commits:
        if commit.n == number:
            ts = f" ts={commit.ts}" if commit.ts is not None else ""
            return f"commit {number} append({commit.key}, {commit.id}){ts}"
    return f"commit {number}"


def _impossible(step: Step, query: int, result: Held, why: Impossible) -> Finding:
    return finding(
        why.anomaly,
        step.at,
        f"the result of query {query} fits no log position: {why.why}.",
        Fact(step.at, f"a Transition to {step.end}"),
        Fact(step.at, shows(query, result)),
        connection=step.connection.number,
    )


def _torn(step: Step, newest: tuple[int, Held], oldest: tuple[int, Held]) -> Finding:
    # [transitions.one-timestamp] No single position fits both.
    low, high = newest[1].span.low, oldest[1].span.high
    return finding(
        "TORN-SNAPSHOT",
        step.at,
        f"query {newest[0]} needs a log position of at least {low}, query {oldest[0]} one of at "
        f"most {high}: the two results were read at different times.",
        Fact(newest[1].at, f"{shows(*newest)} needs position >= {low}"),
        Fact(oldest[1].at, f"{shows(*oldest)} needs position <= {high}"),
        connection=step.connection.number,
    )


def _stale(step: Step, oldest: tuple[int, Held], least: int, facts: Facts) -> Finding:
    # [transitions.snapshot] All that was committed up to ts is in it.
    high = oldest[1].span.high
    return finding(
        "STALE-READ",
        step.at,
        f"query {oldest[0]} was sent as of ts={step.end.ts}, but lacks commit {high}, "
        "which has no later ts.",
        Fact(step.at, f"{commit_text(facts, least - 1)} is covered by ts={step.end.ts}"),
        Fact(step.at, f"{shows(*oldest)} needs position <= {high}"),
        connection=step.connection.number,
    )


def _backwards(step: Step, oldest: tuple[int, Held], seen: tuple[int, int]) -> Finding:
    return finding(
        "STALE-READ",
        step.at,
        f"query {oldest[0]} shows log position {oldest[1].span.high} at most, but the session had "
        f"already seen position {seen[0]}.",
        Fact(seen[1], f"the session reached position {seen[0]}"),
        Fact(step.at, f"{shows(*oldest)} needs position <= {oldest[1].span.high}"),
        connection=step.connection.number,
    )


def _future(step: Step, newest: tuple[int, Held], facts: Facts) -> Finding:
    # [transitions.snapshot] Nothing that was committed after ts is in it.
    low = newest[1].span.low
    return finding(
        "FUTURE-READ",
        step.at,
        f"query {newest[0]} was sent as of ts={step.end.ts}, but shows commit {low - 1}, "
        "which came later.",
        Fact(step.at, f"{commit_text(facts, low - 1)} is not covered by ts={step.end.ts}"),
        Fact(newest[1].at, f"{shows(*newest)} needs position >= {low}"),
        connection=step.connection.number,
    )


def _missed(step: Step, behind: tuple[int, Held], least: int, facts: Facts) -> Finding:
    # [transitions.coalesce] What is not mentioned is valid at the new ts too.
    high = behind[1].span.high
    if high == END:
        high = least - 1
    return finding(
        "MISSED-UPDATE",
        step.at,
        f"the Transition to ts={step.end.ts} does not mention query {behind[0]}, whose result "
        f"changed with commit {high}.",
        Fact(behind[1].at, f"{shows(*behind)} needs position <= {high}"),
        Fact(step.at, f"{commit_text(facts, high)}; the Transition needs position >= {least}"),
        connection=step.connection.number,
    )
