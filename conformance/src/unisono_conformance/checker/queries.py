"""I10: only queries of the set are answered, and every one of them is.

Spec: queries
Not here: what the answers say (see snapshots).
"""

from __future__ import annotations

from collections.abc import Iterator

from unisono_conformance.checker.anomalies import Fact, Finding, finding
from unisono_conformance.checker.readings import EVERYWHERE
from unisono_conformance.checker.state import Connection, Held, Step


def members(step: Step) -> Finding | None:
    """I10: no result for a query that is not in the acknowledged set; keeps the good ones."""
    connection, query_set = step.connection, step.end.query_set
    found: Finding | None = None
    for change in step.changes:
        query = change["queryId"]
        edit = connection.edit_of(query, query_set)
        if change["type"] == "QueryRemoved":
            connection.held.pop(query, None)
            if edit is None or edit.definition is not None:
                found = found or _stranger(step, query, "removed without having been asked to")
        elif edit is None:
            found = found or _stranger(step, query, "answered though it was never added")
        elif edit.definition is None:
            found = found or _stranger(step, query, "answered though it had been removed")
        else:
            step.updated[query] = Held(edit.definition, change.get("value"), EVERYWHERE, step.at)
    return found


def _stranger(step: Step, query: int, why: str) -> Finding:
    # [queries.every-add-answered] One answer for what was asked, and none for what was not.
    return finding(
        "UPDATE-OF-UNKNOWN-QUERY",
        step.at,
        f"query {query} was {why} at query set {step.end.query_set}.",
        Fact(step.at, f"query {query} is not in query set {step.end.query_set}"),
        Fact(step.at, f"a Transition to {step.end} with a modification of query {query}"),
        connection=step.connection.number,
    )


def unanswered(at: int, connection: Connection) -> Iterator[Finding]:
    """I10: where all is quiet, every query of the acknowledged set has its first result."""
    if connection.is_broken:
        return
    query_set = connection.version.query_set
    for query in connection.edits:
        edit = connection.edit_of(query, query_set)
        if edit is None or edit.definition is None or query in connection.held:
            continue
        yield finding(
            "NO-INITIAL-RESULT",
            at,
            f"query {query}, {edit.definition.name}, never got a result, "
            f"though query set {query_set} was acknowledged.",
            Fact(at, f"query {query} was added in query set {edit.version}"),
            Fact(connection.last_at, f"the last Transition went to {connection.version}"),
            connection=connection.number,
        )
