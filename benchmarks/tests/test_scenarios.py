"""Every scenario once, tiny: it runs, measures everybody who can take part, and can be printed."""

import asyncio
import contextlib
import io
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks import report
from benchmarks.__main__ import main, measure
from benchmarks.measure import CLIENTS
from benchmarks.report import Measured
from benchmarks.scenarios import SCENARIOS


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = asyncio.run(measure(list(SCENARIOS), 1, is_tiny=True))
    return {each.name: each for each in found}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_measures_everybody(measured: dict[str, Measured], name: str) -> None:
    """Every contender of every case has a finite number or a reason for having none."""
    for contest in measured[name].contests:
        numbers = [number for runs in contest.runs.values() for number in runs]

        assert numbers, contest
        assert all(map(math.isfinite, numbers)), contest
        assert not contest.stopped, contest
        if contest.server_share:
            present = set(contest.runs) | set(contest.without)
            assert set(CLIENTS) == present, contest


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_target_belongs_to_what_is_measured(measured: dict[str, Measured], name: str) -> None:
    """Each target names a case and a quantity of its scenario, and somebody who took part."""
    contests = {(each.case, each.quantity): each for each in measured[name].contests}
    for target in measured[name].targets:
        contest = contests[target.case, target.quantity]

        assert target.ours in contest.runs
        assert target.peer is None or target.peer in contest.runs


def test_the_table_has_a_line_for_every_target(measured: dict[str, Measured]) -> None:
    """What was promised cannot be left out of the results."""
    text = report.table(measured.values())
    promised = sum(len(each.targets) for each in measured.values())

    assert text.count("≤") == promised


def test_an_unknown_scenario_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name names itself, and nothing is measured."""
    with pytest.raises(SystemExit):
        main(["transition"])

    assert "no scenario is called transition" in capsys.readouterr().err


def test_results_are_kept_and_completed(
    measured: dict[str, Measured], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario that is measured alone replaces its own results and keeps all others."""
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    report.save(list(measured.values()), 1)
    whole = (tmp_path / "table.md").read_text()
    report.save([measured["mutations"]], 1)

    assert set(json.loads((tmp_path / "latest.json").read_text())["scenarios"]) == set(SCENARIOS)
    assert len((tmp_path / "table.md").read_text().splitlines()) == len(whole.splitlines())
    for name in ("python", "js", "server"):
        ElementTree.fromstring((tmp_path / f"{name}.svg").read_text())
