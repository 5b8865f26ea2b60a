"""The command: what it prints, and with which code it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unisono_conformance.checker import check, read, report_json, shrink
from unisono_conformance.checker.__main__ import CLEAN, UNREADABLE, VIOLATION, main

from .mutants import EarlyTransition, Torn
from .simulator import Simulation


def save(simulation: Simulation, folder: Path) -> Path:
    simulation.run()
    path = folder / "history.jsonl"
    with path.open("w") as file:
        simulation.recorder.write(file)
    return path


def test_a_clean_history_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is right is said in one line."""
    assert main([str(save(Simulation(1, "bank"), tmp_path))]) == CLEAN
    assert capsys.readouterr().out.startswith("clean: ")


def test_a_violation_is_named_with_its_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report has the anomaly, the rule, the history and the diagram."""
    path = save(Simulation(1, "stamped", Torn), tmp_path)

    assert main([str(path), "--diagram"]) == VIOLATION
    shown = capsys.readouterr().out
    assert shown.startswith("TORN-SNAPSHOT (I4)  breaks [transitions.one-timestamp] (MUST)")
    assert "needs a log position of at least" in shown
    assert "sequenceDiagram" in shown
    assert "rect rgb(255, 210, 210)" in shown


def test_a_witness_is_a_history_with_the_same_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A written witness can be judged again, and is found guilty of the same."""
    path, small = save(Simulation(1, "stamped", Torn), tmp_path), tmp_path / "witness.jsonl"

    assert main([str(path), "--witness", str(small)]) == VIOLATION
    capsys.readouterr()
    assert main([str(small), "--json"]) == VIOLATION
    shown = json.loads(capsys.readouterr().out)
    assert [each["anomaly"] for each in shown["findings"]] == ["TORN-SNAPSHOT"]
    assert shown["events"] == len(read(small).events) <= 12
    assert shown["witnesses"][0]["diagram"].startswith("sequenceDiagram")


def test_a_rule_with_should_fails_only_on_request(tmp_path: Path) -> None:
    """EARLY-TRANSITION is a known gap of servers: it is shown, and fails with --strict."""
    path = save(Simulation(1, "bank", EarlyTransition, is_calm=True), tmp_path)

    assert main([str(path)]) == CLEAN
    assert main([str(path), "--strict"]) == VIOLATION


@pytest.mark.parametrize(
    "text",
    [
        "no synclog",
        '{"synclog": 1}\n{"at": 1, "kind": "s2c", "connection": 1, "frame": '
        '{"type": "Transition", "startVersion": {}}}',
    ],
)
def test_what_cannot_be_read_ends_with_two(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a wrong file nor a wrong frame ends in a traceback."""
    path = tmp_path / "history.jsonl"
    path.write_text(text)

    assert main([str(path)]) == UNREADABLE
    assert str(path) in capsys.readouterr().err


def test_the_json_form_is_json() -> None:
    """Nothing in a report is lost on the way through JSON."""
    history = Simulation(1, "stamped", Torn).run()
    shown = report_json(shrink(history, check(history).findings[0]))

    assert json.loads(json.dumps(shown)) == shown
