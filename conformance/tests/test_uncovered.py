"""Every rule that binds and can be observed has a case, for each role that it binds."""

from __future__ import annotations

from unisono_conformance.case import load_cases
from unisono_conformance.rules import is_provable, load_rules


def test_no_rule_is_without_a_case() -> None:
    """There is no list of exceptions: a new rule comes with its case."""
    named = {(rule, case.role) for case in load_cases() for rule in case.rules}
    uncovered = [
        f"{rule.id} {role}"
        for rule in load_rules().values()
        if is_provable(rule)
        for role in rule.roles
        if (rule.id, role) not in named
    ]

    assert uncovered == []
