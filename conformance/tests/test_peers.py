"""The lists of what the official packages do otherwise: complete, and told in the specification."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from suite_peers import HOME

from unisono_conformance.case import load_cases
from unisono_conformance.expected import load_expected

APPENDIX = HOME.parent / "protocol/v1/appendix-b-divergences.md"
LISTS = sorted((HOME / "results").glob("*/expected.json"))


def topics() -> set[str]:
    """The first column of the appendix's tables."""
    lines = APPENDIX.read_text("utf-8").splitlines()
    rows = (re.match(r"\| (.+?) \|", line) for line in lines)
    return {row[1] for row in rows if row}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.name)
def test_every_expected_failure_stands_in_the_appendix(path: Path) -> None:
    """Each names its case, the row of the divergence, and what was seen."""
    entries = load_expected(path)
    known, cases = topics(), {case.id for case in load_cases(role="client")}

    assert {entry.divergence for entry in entries} <= known
    assert {entry.case for entry in entries} <= cases
    assert all(len(entry.reason) > 10 for entry in entries)
    assert len({entry.case for entry in entries}) == len(entries)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.name)
def test_the_published_results_have_no_failure_without_a_reason(path: Path) -> None:
    published = path.parent / "results.json"
    results = json.loads(published.read_text("utf-8"))

    assert results["complaints"] == []
    assert [row["id"] for row in results["results"] if row["outcome"] in ("FAIL", "WARN")] == []
