"""Results, expected failures, reports and exit codes."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from unisono_conformance.expected import Expectation, apply_expectations, load_expected
from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.reports import write_reports
from unisono_conformance.results import (
    build_results,
    check_results,
    exit_code,
    load_results,
    save_results,
)
from unisono_conformance.runner import Run, weigh

MUST, SHOULD = "transitions.continuity", "queries.ids-survive"


def result(name: str, outcome: Outcome, *rules: str) -> Result:
    return Result(name, outcome, rules or (MUST,), detail=f"why <&> {name}\x07")


def run_of(*results: Result) -> Run:
    return Run("client", {"name": "peer", "version": "1"}, list(results))


@pytest.mark.parametrize(
    ("outcomes", "code", "strict"),
    [
        ([Outcome.PASS], 0, 0),
        ([Outcome.PASS, Outcome.UNSUPPORTED, Outcome.NOT_APPLICABLE, Outcome.XFAIL], 0, 0),
        ([Outcome.PASS, Outcome.WARN], 0, 1),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], 3, 3),
        ([Outcome.INCONCLUSIVE, Outcome.FAIL], 1, 1),
        ([], 3, 3),
    ],
)
def test_the_exit_code_follows_from_the_results(
    outcomes: list[Outcome], code: int, strict: int, tmp_path: Path
) -> None:
    """Nothing but what stands in the file counts: written and read again it gives the same."""
    run = run_of(*(result(f"a/case-{index}", each) for index, each in enumerate(outcomes)))
    save_results(build_results(run), tmp_path / "results.json")
    results = load_results(tmp_path / "results.json")

    assert exit_code(results) == code
    assert exit_code(results, strict=True) == strict


def test_a_defect_of_the_suite_is_told_apart() -> None:
    run = run_of(result("a/b", Outcome.FAIL))
    run.defects.append("case a/c: there is no step 'x'")

    assert exit_code(build_results(run)) == 4


def test_should_rules_alone_warn() -> None:
    assert weigh(result("a/b", Outcome.FAIL, SHOULD)).outcome is Outcome.WARN
    assert weigh(result("a/b", Outcome.FAIL, SHOULD, MUST)).outcome is Outcome.FAIL


def test_an_expected_failure_is_told_with_its_reason() -> None:
    expectation = Expectation("a/b", "bug", "no chunks yet")

    marked, complaints = apply_expectations([result("a/b", Outcome.FAIL)], [expectation])

    assert (marked[0].outcome, complaints) == (Outcome.XFAIL, [])
    assert "no chunks yet" in marked[0].detail


@pytest.mark.parametrize(
    ("outcome", "expectation", "complaint"),
    [
        (Outcome.PASS, Expectation("a/b", "bug", "r"), "expected to fail, but it passed"),
        (Outcome.FAIL, Expectation("a/gone", "bug", "r"), "expected to fail, but not played"),
        (
            Outcome.FAIL,
            Expectation("a/b", "bug", "r", expires=datetime.date(2020, 1, 1)),
            "the expectation has expired",
        ),
    ],
)
def test_expectations_are_strict(
    outcome: Outcome, expectation: Expectation, complaint: str
) -> None:
    results = build_results(run_of(result("a/b", outcome)), [expectation])

    assert complaint in results["complaints"][0]
    assert exit_code(results) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"case": "a/*", "kind": "bug", "reason": "r"},
        {"case": "a/b", "kind": "bug"},
        {"case": "a/b", "kind": "mood", "reason": "r"},
        {"kind": "bug", "reason": "r"},
    ],
)
def test_entries_that_are_not_in_order_are_refused(entry: object, tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    path.write_text(json.dumps([entry]), encoding="utf-8")

    with pytest.raises(ValueError, match=r"expected\.json"):
        load_expected(path)


def test_every_report_can_be_read(tmp_path: Path) -> None:
    results = build_results(run_of(*(result(f"a/{each.lower()}", each) for each in Outcome)))
    write_reports(results, tmp_path)

    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suite.attrib["tests"] == str(len(Outcome))
    assert len(suite.findall(".//failure")) == 1
    assert "not conformant" in (tmp_path / "summary.md").read_text("utf-8")
    assert "why &lt;&amp;&gt; a/fail" in (tmp_path / "matrix.html").read_text("utf-8")
    assert json.loads((tmp_path / "badge.json").read_text("utf-8"))["color"] == "red"


def test_levels_say_what_is_next() -> None:
    results = build_results(
        run_of(result("a/first", Outcome.PASS, "queries.share"), result("a/second", Outcome.FAIL))
    )

    assert results["levels"]["Core"] == {"passed": 1, "cases": 1, "next": None}
    assert results["levels"]["Hardened"] == {"passed": 0, "cases": 1, "next": "a/second"}


def test_what_is_no_file_of_results_is_refused() -> None:
    with pytest.raises(ValueError, match="required"):
        check_results({"schema": 1})
