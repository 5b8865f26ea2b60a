"""I12: no result was computed as somebody else than the Transition confirms.

Spec: auth
Not here: tokens. A history holds their hashes and, where known, whom they name.
"""

from __future__ import annotations

from unisono_conformance.checker.anomalies import Fact, Finding, Json, finding
from unisono_conformance.checker.facts import Facts
from unisono_conformance.checker.state import UNKNOWN, Connection, Held, Step
from unisono_conformance.checker.wire import Version

PERSONAL = frozenset({"fx:whoami", "fx:mine"})
OWN_WRITE = "fx:appendMine"


class Identities:
    """The judge of whom results belong to; remembers who wrote what for himself."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._owners: dict[Json, Json] = {}

    def wrote(self, frame: Json, connection: Connection) -> None:
        """Follow a personal write: it runs as whoever the connection was when it was sent."""
        call = self._facts.calls.get((connection.session, frame["requestId"]))
        if call is None or call.id is None:
            return
        owner = connection.identities[-1]
        # [mutations.identity-at-receipt] Sent again after a change of user, it is whoever
        # was first to get it through; then nothing is certain.
        if len(call.sent) > 1 and self._owners.get(call.id, owner) != owner:
            owner = UNKNOWN
        self._owners[call.id] = owner

    def judge(self, step: Step, before: Version) -> Finding | None:
        """I12: personal results belong to the confirmed identity, also those not sent again."""
        connection = step.connection
        if not 0 <= step.end.identity < len(connection.identities):
            return None
        subject = connection.identities[step.end.identity]
        if subject is UNKNOWN:
            return None
        # [auth.rerun] At a new identity everything held is judged again.
        judged = connection.held if step.end.identity != before.identity else step.updated
        for query, result in judged.items():
            if result.definition.path in PERSONAL:
                stranger = self._stranger(result, subject)
                if stranger is not UNKNOWN:
                    return _leak(step, query, result, subject, stranger)
        return None

    def _stranger(self, result: Held, subject: Json) -> Json:
        value = result.value
        if result.definition.path == "fx:whoami":
            name = value.get("subject") if isinstance(value, dict) else value
            return UNKNOWN if name == subject else name
        for each in value if isinstance(value, list) else ():
            owner = self._owners.get(each, UNKNOWN)
            if owner is not UNKNOWN and owner != subject:
                return owner
        return UNKNOWN


def _leak(step: Step, query: int, result: Held, subject: Json, stranger: Json) -> Finding:
    who, other = (name if name is not None else "nobody" for name in (subject, stranger))
    return finding(
        "IDENTITY-LEAK",
        step.at,
        f"identity {step.end.identity} is {who}, but query {query} shows what belongs to {other}.",
        Fact(step.at, f"a Transition to {step.end} confirms {who}"),
        Fact(result.at, f"query {query} {result.definition.name} = {result.value!r}"),
        connection=step.connection.number,
    )
