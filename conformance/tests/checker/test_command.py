"""The command: what it prints, and with which code it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unisono_conformance.checker import ANOMALIES, check, read, report_json, shrink
from unisono_conformance.checker.__main__ import CLEAN, UNREADABLE, VIOLATION, main
from unisono_conformance.proxy import live_printer

from .mutants import MUTANTS, EarlyTransition, Mutant, Torn, VersionGap
from .simulator import Simulation


def save(simulation: Simulation, folder: Path) -> Path:
    if not simulation.recorder.events:
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
    assert f"check {path} --witness {path.with_suffix('.witness.jsonl')}" in shown


def test_a_witness_is_a_history_with_the_same_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A written witness can be judged again, and is found guilty of the same."""
    path, small = save(Simulation(1, "stamped", Torn), tmp_path), tmp_path / "witness.jsonl"

    assert main([str(path), "--witness", str(small)]) == VIOLATION
    assert f"again: unisono-conformance replay {small}" in capsys.readouterr().out
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


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.anomaly)
def test_every_fault_can_be_understood_from_what_is_printed(
    mutant: Mutant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names the anomaly and its rule, in a sentence, and shows few events."""
    about = (mutant.workload, mutant.server, mutant.client)
    histories = (Simulation(seed, *about, is_calm=mutant.is_calm) for seed in range(30))
    path = save(next(each for each in histories if each.run() and each.fired), tmp_path)

    main([str(path), "--strict"])
    shown = capsys.readouterr().out

    anomaly = ANOMALIES[mutant.anomaly]
    head = f"{anomaly.name} ({anomaly.invariant})  breaks [{anomaly.rule}] ({anomaly.binding})"
    report = next(each for each in shown.split("\n\n") if each.startswith(head))
    assert int(report.split(" -> ")[1].split()[0]) <= 12
    assert len(report.splitlines()) == 2
    assert "keep the smallest history: unisono-conformance check" in shown


def test_the_proxy_says_at_once_what_a_frame_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to end the session to be told; what cannot be read ends nothing."""
    tell = live_printer()
    for event in Simulation(1, "list-append", VersionGap).run():
        tell(event)
    tell({"at": 10_000, "kind": "s2c", "connection": 1, "frame": {"type": "TransitionChunk"}})

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("VERSION-GAP [transitions.chain] at ")
    assert lines[-1].startswith("not judged: ")
