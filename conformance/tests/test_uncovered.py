"""Rules without a case: a list that is kept, and that only gets shorter."""

from __future__ import annotations

from suite_peers import HOME

from unisono_conformance.case import load_cases
from unisono_conformance.rules import is_provable, load_rules


def uncovered() -> list[str]:
    """Every binding, observable rule for a role in which no case names it."""
    named = {(rule, case.role) for case in load_cases() for rule in case.rules}
    return [
        f"{rule.id} {role}"
        for rule in load_rules().values()
        if is_provable(rule)
        for role in rule.roles
        if (rule.id, role) not in named
    ]


def test_the_list_of_uncovered_rules_is_the_kept_one() -> None:
    """A rule that lost its case fails this test, and so does one that got one."""
    lines = (HOME / "uncovered.txt").read_text("utf-8").splitlines()
    kept = [line.partition("  ")[0] for line in lines if line and not line.startswith("#")]
    print("\n".join(uncovered()))

    assert sorted(kept) == sorted(uncovered())


def test_every_kept_line_says_why() -> None:
    lines = (HOME / "uncovered.txt").read_text("utf-8").splitlines()

    assert all("  " in line for line in lines if line and not line.startswith("#"))
