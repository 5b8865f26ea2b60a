"""Every fault is caught, in every history in which it happened, and called by its name."""

from __future__ import annotations

import pytest

from unisono_conformance.checker import ANOMALIES, Live, check, report_text, shrink

from .mutants import MUTANTS, Mutant
from .simulator import Simulation

SEEDS = range(12)


def judge(mutant: Mutant, seeds: range) -> int:
    """Play a mutant; returns in how many histories its fault happened."""
    fired = 0
    for seed in seeds:
        about = (mutant.workload, mutant.server, mutant.client)
        simulation = Simulation(seed, *about, is_calm=mutant.is_calm)
        verdict = check(simulation.run())
        names = {finding.anomaly for finding in verdict.findings}
        fired += simulation.fired > 0
        assert (mutant.anomaly in names) == (simulation.fired > 0), f"seed {seed}: {names}"
        assert names <= {mutant.anomaly, *mutant.also}, f"seed {seed}: {names}"
    return fired


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.anomaly)
def test_every_fault_is_caught_and_named(mutant: Mutant) -> None:
    """A history is guilty exactly when the fault could be seen in it, and of that fault."""
    assert judge(mutant, SEEDS) >= 3


@pytest.mark.soak
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.anomaly)
def test_every_fault_is_caught_in_many_histories(mutant: Mutant) -> None:
    """The same in two hundred histories each."""
    assert judge(mutant, range(200)) >= 40


def test_every_anomaly_has_a_mutant() -> None:
    """There is no name in the table that no history has ever shown."""
    assert {mutant.anomaly for mutant in MUTANTS} == set(ANOMALIES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.anomaly)
def test_a_witness_is_small_and_always_the_same(mutant: Mutant) -> None:
    """The shrunk history shows the same finding, in few events, and does so every time."""
    sizes = []
    for seed in range(5):
        about = (mutant.workload, mutant.server, mutant.client)
        history = Simulation(seed, *about, is_calm=mutant.is_calm).run()
        found = [each for each in check(history).findings if each.anomaly == mutant.anomaly]
        for finding in found[:1]:
            witness = shrink(history, finding)
            assert witness == shrink(history, finding)
            assert (witness.finding.anomaly, witness.finding.at) == (finding.anomaly, finding.at)
            shown = report_text(witness).split("\n\n")[1].splitlines()
            assert len(shown) <= 12
            assert any(line.startswith("  >") for line in shown)
            sizes.append(len(witness.events))
    assert sorted(sizes)[len(sizes) // 2] <= 12


LIVE = {"TS-REGRESS", "VERSION-GAP", "ACK-OF-UNSENT", "UPDATE-OF-UNKNOWN-QUERY", "IDENTITY-LEAK"}


@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if each.anomaly in LIVE], ids=lambda each: each.anomaly
)
def test_what_frames_alone_show_is_told_at_once(mutant: Mutant) -> None:
    """Live, each finding comes with the event that shows it, long before the commit log."""
    for seed in SEEDS:
        live, simulation = Live(), Simulation(seed, mutant.workload, mutant.server, mutant.client)
        told = [
            (each.anomaly, each.at, event["at"])
            for event in simulation.run()
            for each in live.take(event)
        ]
        names = {name for name, _, _ in told}
        assert (mutant.anomaly in names) == (simulation.fired > 0), f"seed {seed}: {names}"
        assert all(at == now for _, at, now in told)
