"""I1 to I3: versions form one chain, time does not go back, nothing unsent is acknowledged.

Spec: transitions, auth
Not here: what the results say (see snapshots).
"""

from __future__ import annotations

from unisono_conformance.checker.anomalies import Fact, Finding, finding
from unisono_conformance.checker.state import Step
from unisono_conformance.checker.wire import ZERO


def chain(step: Step) -> Finding | None:
    """I1: a Transition starts where the one before it ended."""
    connection = step.connection
    # [transitions.chain] All three components count.
    if step.start == connection.version:
        return None
    connection.is_broken = True
    held = Fact(connection.last_at, f"the connection stands at {connection.version}")
    if connection.version == ZERO:
        held = Fact(connection.last_at, "the connection has just been opened, at 0.0.0")
    return finding(
        "VERSION-GAP",
        step.at,
        f"a Transition starts at {step.start}, but the connection stands at {connection.version}.",
        held,
        Fact(step.at, f"a Transition from {step.start} to {step.end}"),
        connection=connection.number,
    )


def time(step: Step) -> Finding | None:
    """I2: ts never decreases, also across the connections of a session."""
    connection, now = step.connection, step.end.ts
    # [transitions.monotonic] Equal is fine, smaller never.
    if now < step.start.ts:
        return finding(
            "TS-REGRESS",
            step.at,
            f"a Transition goes back in time, from ts={step.start.ts} to ts={now}.",
            Fact(connection.last_at, f"the connection had reached ts={step.start.ts}"),
            Fact(step.at, f"a Transition to ts={now}"),
            connection=connection.number,
        )
    seen = connection.max_observed
    # [connection.max-observed-check] A server that has not caught up must refuse the client.
    if seen is not None and now < seen[1]:
        return finding(
            "TS-REGRESS",
            step.at,
            f"the session had seen ts={seen[1]}, but its new connection is at ts={now}.",
            Fact(seen[0], f"Connect says maxObservedTimestamp={seen[1]}"),
            Fact(step.at, f"a Transition to ts={now}"),
            rule="connection.max-observed-check",
            connection=connection.number,
        )
    return None


def acknowledged(step: Step) -> Finding | None:
    """I3: an acknowledged version is one that the client has sent."""
    connection, end = step.connection, step.end
    # What is in a version that nobody sent cannot be known.
    if end.query_set not in connection.query_sets:
        connection.is_broken = True
        newest = connection.newest_query_set
        return finding(
            "ACK-OF-UNSENT",
            step.at,
            f"a Transition acknowledges query set {end.query_set}, which the client never sent.",
            Fact(step.at, f"the newest query set that was sent is {newest}"),
            Fact(step.at, f"a Transition to {end}"),
            connection=connection.number,
        )
    sent = len(connection.identities) - 1
    # [auth.identity-step] One step for each Authenticate.
    if end.identity > sent:
        connection.is_broken = True
        return finding(
            "ACK-OF-UNSENT",
            step.at,
            f"a Transition acknowledges identity {end.identity} after {sent} Authenticate(s).",
            Fact(step.at, f"{sent} Authenticate message(s) had been sent"),
            Fact(step.at, f"a Transition to {end}"),
            rule="auth.identity-step",
            connection=connection.number,
        )
    return None
