"""All client cases on the clients that are right: bare cores and real sockets."""

from __future__ import annotations

import json

import pytest
from suite_peers import adapter_command

from unisono_conformance.case import load_cases
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import run_client

CASES = load_cases(role="client")
PEERS = [
    ("python", ("--core",)),
    ("python", ("asyncio",)),
    ("python", ("trio",)),
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
