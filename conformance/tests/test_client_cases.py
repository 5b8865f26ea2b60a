"""All client cases on the clients that are right: bare cores and real sockets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from suite_peers import adapter_command

from unisono_conformance.case import load_cases
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import run_client

CASES = load_cases(role="client")
PEERS = [
    ("python", ("--core",)),
    ("python", ("asyncio",)),
    # The pairs and the workloads are played on trio every time, all cases only here.
    pytest.param("python", ("trio",), marks=pytest.mark.soak),
    ("js", ("--core",)),
    ("js", ()),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "words"), PEERS, ids=lambda value: str(value))
async def test_a_right_client_passes_every_case(name: str, words: tuple[str, ...]) -> None:
    """Nothing fails; what is not played says why."""
    run = await run_client(adapter_command(name, *words), CASES)

    bad = {
        result.id: result.detail
        for result in run.results
        if result.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE)
    }
    assert not bad, json.dumps(bad, indent=2)
    assert len(run.results) == len(CASES)
    assert run.peer["exit_code"] == 0


@pytest.mark.asyncio
async def test_fragments_and_compression_change_nothing() -> None:
    cases = [case for case in CASES if case.matrix]

    run = await run_client(adapter_command("python", "asyncio"), cases, permute=True)

    assert {result.outcome for result in run.results} == {Outcome.PASS}
    assert len(run.results) > len(cases)


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "words"), [("python", ("asyncio",)), ("js", ())])
async def test_no_case_depends_on_the_form_of_transport(name: str, words: tuple[str, ...]) -> None:
    """Whole, in fragments, compressed, and both: every case has the same verdict."""
    plain = [case for case in CASES if case.id != "transitions/a-large-one-is-taken"]
    cases = [replace(case, matrix=("fragment", "compress")) for case in plain]

    run = await run_client(adapter_command(name, *words), cases, permute=True, time_scale=2)

    verdicts: dict[str, set[Outcome]] = {}
    for result in run.results:
        verdicts.setdefault(result.case_id, set()).add(result.outcome)
    assert {case: sorted(seen) for case, seen in verdicts.items() if len(seen) > 1} == {}
    assert len(run.results) == 4 * len(cases)
    assert Outcome.FAIL not in set().union(*verdicts.values())
