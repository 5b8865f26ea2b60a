"""The rules of the protocol as the suite sees them: how binding, and of which level.

Spec: reading
Not here: the text and its parser (see unisono_protocol).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final

from unisono_protocol.rules import Rule, load


class Severity(StrEnum):
    """How binding a rule is."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Level(StrEnum):
    """What a peer can do, in the order in which an author meets it."""

    CORE = "Core"
    LIVE = "Live"
    HARDENED = "Hardened"
    OPTIMISTIC = "Optimistic"
    EXTENDED = "Extended"


@cache
def load_rules() -> Mapping[str, Rule]:
    """Every rule of every chapter, by its id."""
    return load()


def severity_of(rule_id: str) -> Severity:
    """How binding a rule is; one that no chapter has yet counts as MUST."""
    rule = load_rules().get(rule_id)
    return Severity(rule.keyword.split()[0]) if rule is not None else Severity.MUST


def is_provable(rule: Rule) -> bool:
    """Whether a case is owed: the rule binds, and what it says can be observed."""
    return severity_of(rule.id) is not Severity.MAY and rule.observe != ("none",)


_LEVELS: Final[Mapping[str, Level]] = {
    "values": Level.CORE,
    "messages": Level.CORE,
    "errors": Level.CORE,
    "queries": Level.CORE,
    "transitions": Level.CORE,
    "connection": Level.CORE,
    "mutations": Level.LIVE,
    "session": Level.LIVE,
    "auth": Level.HARDENED,
    "limits": Level.HARDENED,
    "security": Level.HARDENED,
    "optimistic": Level.OPTIMISTIC,
    "pagination": Level.EXTENDED,
    "http": Level.EXTENDED,
    "extensions": Level.EXTENDED,
}

_HARDENED: Final = frozenset(
    {
        "connection.backoff",
        "connection.backoff-class",
        "connection.backoff-cap",
        "connection.backoff-reset",
        "connection.connection-count",
        "connection.inactivity",
        "connection.last-close-reason",
        "connection.max-observed",
        "connection.max-observed-accepted",
        "connection.max-observed-check",
        "connection.rebuild",
        "connection.retry-forever",
        "connection.silent-peer",
        "connection.version-gate",
        "mutations.action-lost",
        "mutations.action-unsent",
        "mutations.dedupe",
        "mutations.dedupe-failed",
        "mutations.dedupe-original",
        "mutations.offline-queue",
        "mutations.queue-limit",
        "mutations.replay",
        "mutations.replay-completed",
        "mutations.replay-order",
        "queries.ids-survive",
        "queries.journal-echo",
        "transitions.continuity",
        "transitions.keep-old-results",
    }
)

_EXTENDED_PREFIXES: Final = ("transitions.chunk",)


def level_of(rule_id: str) -> Level:
    """The level of a rule: that of its chapter, but reconnecting and replay are Hardened."""
    if rule_id in _HARDENED:
        return Level.HARDENED
    if rule_id.startswith(_EXTENDED_PREFIXES):
        return Level.EXTENDED
    return _LEVELS.get(rule_id.partition(".")[0], Level.CORE)


def level_of_case(rules: tuple[str, ...]) -> Level:
    """The highest level among the rules of a case."""
    order = list(Level)
    return max((level_of(rule) for rule in rules), key=order.index)
