"""Coverage: which rules are proved by a case, and which are not yet.

Spec: 00-reading
Not here: the cases themselves; they belong to the conformance suite.
"""

from __future__ import annotations

import json
from pathlib import Path

from unisono_protocol.data import V1
from unisono_protocol.lint import cited
from unisono_protocol.rules import Rule


def named_by_cases(folder: Path) -> set[str]:
    """Return the ids of all rules that a case under the folder names."""
    return {
        id
        for path in folder.rglob("*.json")
        for id in cited(json.loads(path.read_text(encoding="utf-8")))
    }


def uncovered(rules: dict[str, Rule], folder: Path) -> list[Rule]:
    """Return the rules that bind, can be observed, and are named by no case or walkthrough."""
    named = named_by_cases(folder) | named_by_cases(V1 / "walkthroughs")
    return [
        rule
        for rule in rules.values()
        if rule.keyword != "MAY" and "none" not in rule.observe and rule.id not in named
    ]
