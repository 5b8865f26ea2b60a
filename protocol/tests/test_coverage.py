"""Rules that no case names are found, and only those that a case could prove."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unisono_protocol.__main__ import main
from unisono_protocol.coverage import named_by_cases, uncovered
from unisono_protocol.rules import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of cases in which one case names one rule."""
    case = {"title": "x", "rules": ["http.cors"], "steps": [{"anyOf": [[{"rule": "no"}]]}]}
    (tmp_path / "http").mkdir()
    (tmp_path / "http" / "a.json").write_text(json.dumps(case), encoding="utf-8")
    return tmp_path


def test_named_rules_are_found(folder: Path) -> None:
    """The rules of a case are read from its file."""
    assert "http.cors" in named_by_cases(folder)


def test_what_nobody_names_is_listed(folder: Path) -> None:
    """A rule is listed until a case or a walkthrough names it."""
    open_rules = {rule.id for rule in uncovered(load(), folder)}

    assert "http.cors" not in open_rules
    assert "http.query-ts" in open_rules
    assert "transitions.continuity" not in open_rules


def test_what_nobody_can_prove_is_not_listed(folder: Path) -> None:
    """Rules that cannot be observed, and those that only allow, need no case."""
    open_rules = {rule.id for rule in uncovered(load(), folder)}

    assert not {"transitions.single-flight", "auth.force-after-cached"} & open_rules


def test_the_list_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`uncovered` prints one rule per line with its keyword."""
    assert main(["uncovered", str(folder)]) == 0
    assert "[http.query-ts] MUST\n" in capsys.readouterr().out
