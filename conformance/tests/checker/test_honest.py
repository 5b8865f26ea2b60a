"""An honest server and honest clients are never accused."""

from __future__ import annotations

import pytest

from unisono_conformance.checker import Live, check

from .simulator import WORKLOADS, Simulation


def assert_clean(workload: str, seeds: range) -> None:
    for seed in seeds:
        history = Simulation(seed, workload, has_ts=seed % 2 == 0, steps=150).run()
        assert check(history).findings == (), f"seed {seed}"


@pytest.mark.parametrize("workload", WORKLOADS)
def test_clean_histories_raise_no_alarm(workload: str) -> None:
    """No workload makes the checker see what is not there."""
    assert_clean(workload, range(40))


@pytest.mark.soak
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("part", range(17))
def test_ten_thousand_clean_histories_raise_no_alarm(workload: str, part: int) -> None:
    """The same, 10,200 times."""
    assert_clean(workload, range(part * 100, part * 100 + 100))


def test_the_same_seed_gives_the_same_history() -> None:
    """A history can be had again from its seed and its workload."""
    first, second = (Simulation(3, "bank").run() for _ in range(2))

    assert first == second


def test_a_history_without_log_is_judged_as_far_as_it_goes() -> None:
    """Without commits the verdict says what it could not judge."""
    events = [each for each in Simulation(1, "stamped").run() if each["kind"] != "commit"]

    verdict = check(events)

    assert verdict.findings == ()
    assert "no commit log" in verdict.unjudged[0]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_whoever_judges_live_raises_no_alarm_either(workload: str) -> None:
    """Event by event, without knowing what comes."""
    for seed in range(10):
        live = Live()
        found = [each for event in Simulation(seed, workload).run() for each in live.take(event)]
        assert found == [], f"seed {seed}"
