"""The command: its words, its exit codes, its sentences."""

from __future__ import annotations

import pytest
from suite_peers import PYTHON

from unisono_conformance.cli import main


def test_a_right_client_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["client", "--case", "transitions.continuity", "--", *PYTHON, "--core"])

    assert code == 0
    assert "PASS" in capsys.readouterr().out


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client"]) == 2
    assert "behind --" in capsys.readouterr().err


def test_a_command_that_does_not_start_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client", "--", "no-such-program"]) == 2
    assert "cannot start no-such-program" in capsys.readouterr().err


def test_a_rule_is_explained_with_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "transitions.continuity"]) == 0

    text = capsys.readouterr().out
    assert "**MUST NOT** apply" in text
    assert "transitions/a-gap-is-never-applied" in text


def test_an_unknown_rule_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "no.such-rule"]) == 2
    assert "no rule [no.such-rule]" in capsys.readouterr().err


def test_cases_are_listed_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "queries.share"]) == 0
    assert "queries/equal-subscriptions-share-one-query" in capsys.readouterr().out
