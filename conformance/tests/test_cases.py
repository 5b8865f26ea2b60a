"""The cases as files: what holds for all of them."""

from __future__ import annotations

import pytest

from unisono_conformance.case import Case, CaseError, load_cases, parse_case, select
from unisono_conformance.player import step_name
from unisono_conformance.rules import load_rules
from unisono_protocol.rules import chapter_name, chapters

CASES = load_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_names_rules_of_its_role(case: Case) -> None:
    """Each rule stands in a chapter, and binds the side that is under test."""
    for rule in case.rules:
        assert case.role in load_rules()[rule].roles, rule


def test_folders_are_chapters() -> None:
    names = {chapter_name(path) for path in chapters()}

    assert {case.folder for case in CASES} <= names


def test_controls_are_cases_of_the_same_role() -> None:
    roles = {case.id: case.role for case in CASES}

    for case in CASES:
        assert case.control is None or roles[case.control] == case.role


def test_marks_that_must_be_reached_are_set() -> None:
    for case in CASES:
        assert set(case.reach) <= set(_marks(case.steps)), case.id


def test_every_client_case_ends_with_a_proof_that_it_is_over() -> None:
    """A fence, or an end after which nothing can come."""
    ends = {"fence", "closed", "attempts", "idle", "settled", "event"}
    for case in CASES:
        if case.role == "client":
            assert step_name(case.id, case.steps[-1]) in ends, case.id


def test_titles_are_unique_sentences() -> None:
    titles = [case.title for case in CASES]

    assert len(set(titles)) == len(titles)
    assert not [title for title in titles if title.endswith(".")]


def test_a_case_that_breaks_the_schema_is_refused() -> None:
    good = {"title": "a title of a case", "role": "client", "rules": ["a.b"], "since": 1}

    with pytest.raises(CaseError, match="should be non-empty"):
        parse_case("x/y", {**good, "steps": []})


def test_selection_takes_ids_folders_and_rules() -> None:
    by_rule = select(CASES, ["transitions.continuity"])

    assert "transitions/a-gap-is-never-applied" in {case.id for case in by_rule}
    assert all(case.folder == "queries" for case in select(CASES, ["queries"]))
    assert select(CASES, []) == CASES


def _marks(steps: object) -> list[str]:
    found: list[str] = []
    for step in steps:  # type: ignore[attr-defined]
        if "mark" in step:
            found.append(step["mark"])
        for way in step.get("anyOf", ()):
            found += _marks(way)
    return found
