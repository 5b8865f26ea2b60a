"""What can be wrong with a history: its names, the rules it breaks, and one finding of it.

Spec: transitions, mutations
Not here: how it is found (see versions, queries, snapshots, mutations, identity, views).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
Event: TypeAlias = dict[str, Any]
"""One line of a synclog behind the header, as a decoded JSON object."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A way to break the protocol that a history can show."""

    name: str
    invariant: str
    rule: str
    means: str
    binding: str = "MUST"


def _table(*anomalies: Anomaly) -> dict[str, Anomaly]:
    return {anomaly.name: anomaly for anomaly in anomalies}


ANOMALIES: Final = _table(
    Anomaly(
        "VERSION-GAP",
        "I1",
        "transitions.chain",
        "a Transition does not start at the version held",
    ),
    Anomaly("TS-REGRESS", "I2", "transitions.monotonic", "the snapshot time went back"),
    Anomaly(
        "ACK-OF-UNSENT",
        "I3",
        "transitions.only-received",
        "a version was acknowledged that was never sent",
    ),
    Anomaly(
        "TORN-SNAPSHOT",
        "I4",
        "transitions.one-timestamp",
        "results of one Transition were read at different times",
    ),
    Anomaly("STALE-READ", "I5", "transitions.snapshot", "a result is older than its Transition"),
    Anomaly(
        "MISSED-UPDATE",
        "I5",
        "transitions.coalesce",
        "a result changed and the client was not told",
    ),
    Anomaly("FUTURE-READ", "I6", "transitions.snapshot", "a result is newer than its Transition"),
    Anomaly(
        "ABORTED-WRITE-VISIBLE",
        "I7",
        "mutations.failure-leaves-no-trace",
        "a write that did not happen can be seen",
    ),
    Anomaly(
        "LOST-UPDATE",
        "I8",
        "mutations.success-is-durable",
        "an acknowledged write is not in the log",
    ),
    Anomaly("DUP-APPLY", "I8", "mutations.dedupe", "one mutation was carried out twice"),
    Anomaly(
        "SESSION-REORDER",
        "I9",
        "mutations.serial",
        "mutations of one session were committed in another order",
    ),
    Anomaly(
        "TS-ORDER", "I9", "transitions.snapshot", "the order of ts is not the order of the log"
    ),
    Anomaly(
        "UPDATE-OF-UNKNOWN-QUERY",
        "I10",
        "queries.every-add-answered",
        "a query was answered that is not in the set",
    ),
    Anomaly(
        "NO-INITIAL-RESULT", "I10", "queries.every-add-answered", "an added query has no result"
    ),
    Anomaly(
        "EARLY-TRANSITION",
        "I11",
        "mutations.early-transition",
        "a Transition covered a mutation before its response",
        "SHOULD",
    ),
    Anomaly(
        "IDENTITY-LEAK",
        "I12",
        "auth.rerun",
        "a result was computed as somebody else than confirmed",
    ),
    Anomaly("TORN-VIEW", "V1", "transitions.atomic", "the application saw half of a Transition"),
    Anomaly(
        "RYW-BROKEN",
        "V2",
        "mutations.read-your-writes",
        "a call settled before its write was visible",
    ),
    Anomaly(
        "FLICKER", "V3", "optimistic.no-flicker", "an optimistic change vanished before it was real"
    ),
    Anomaly(
        "GHOST-UPDATE", "V4", "session.stop-then-silence", "a callback came after the unsubscribe"
    ),
    Anomaly(
        "LOST-CALLBACK", "V4", "session.one-snapshot", "a result never reached the application"
    ),
    Anomaly("ACTION-REPLAY", "V4", "mutations.action-lost", "an action was sent a second time"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the history says, and the moment at which it does."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One anomaly of one history: a sentence, and the facts that contradict each other."""

    anomaly: str
    at: int
    sentence: str
    facts: tuple[Fact, ...]
    rule: str
    connection: int | None = None

    @property
    def invariant(self) -> str:
        """The invariant that does not hold, I1 to I12 or V1 to V4."""
        return ANOMALIES[self.anomaly].invariant

    @property
    def binding(self) -> str:
        """How binding the rule is: MUST or SHOULD."""
        return ANOMALIES[self.anomaly].binding

    def to_json(self) -> Json:
        """Say the same as plain JSON."""
        return {
            "anomaly": self.anomaly,
            "invariant": self.invariant,
            "rule": self.rule,
            "binding": self.binding,
            "at": self.at,
            "connection": self.connection,
            "sentence": self.sentence,
            "facts": [{"at": fact.at, "text": fact.text} for fact in self.facts],
        }


def finding(
    anomaly: str,
    at: int,
    sentence: str,
    *facts: Fact,
    rule: str | None = None,
    connection: int | None = None,
) -> Finding:
    """Make a finding; the rule is the anomaly's own unless a nearer one is given."""
    return Finding(anomaly, at, sentence, facts, rule or ANOMALIES[anomaly].rule, connection)
