"""The counts of this tree are the recorded ones; whoever changes them says so by recording."""

import asyncio
import json

import pytest
from benchmarks import counts


@pytest.fixture(scope="module")
def found() -> counts.Counts:
    return asyncio.run(counts.collect())


def test_counts_are_as_recorded(found: counts.Counts) -> None:
    """Messages, bytes, parses and function runs are those of results/counts.json."""
    assert counts.differences(json.loads(counts.PATH.read_text()), found) == []


def test_strangers_cost_a_commit_nothing(found: counts.Counts) -> None:
    """A commit does the same work whether or not 500 other subscriptions exist."""
    alone, among = found["server commit"], found["server commit among strangers"]

    assert {**among, "calls": 0} == {**alone, "calls": 0}
    assert among["calls"] <= alone["calls"] * 1.05


def test_a_shared_result_is_computed_once(found: counts.Counts) -> None:
    """100 watchers of one query cost one run of the mutation and one of the query."""
    assert found["server commit"]["runs"] == 2


def test_a_transition_is_parsed_once(found: counts.Counts) -> None:
    """Nobody parses a message twice."""
    parses = {name: each["parses"] for name, each in found.items() if "parses" in each}

    assert set(parses.values()) == {1}


def test_other_queries_cost_a_transition_nothing(found: counts.Counts) -> None:
    """A Transition that changes one of 1,000 queries does the work of one that changes the only."""
    alone, among = (
        found[f"python transition {case}"]["calls"] for case in ("100 B", "100 B of 1,000")
    )

    assert among <= alone * 1.05


def test_a_difference_is_told() -> None:
    """A count that grew, a count that is new and a count that is gone are all found."""
    recorded = {"a": {"messages": 3, "calls": 100}, "gone": {"runs": 1}}
    fresh = {"a": {"messages": 4, "calls": 119}, "new": {"runs": 1}}

    assert counts.differences(recorded, fresh) == [
        "a: messages was 3, is 4",
        "gone is not counted any more",
        "new is not recorded",
    ]


def test_a_count_that_is_nearly_nothing_may_be_a_few_more() -> None:
    """But not many more, which would be a leak."""
    assert counts.differences({"a": {"left_bytes": 3}}, {"a": {"left_bytes": 13}}) == []
    assert counts.differences({"a": {"left_bytes": 3}}, {"a": {"left_bytes": 14}}) != []
