"""The same peers, the same verdicts: twenty times over."""

from __future__ import annotations

import logging

import pytest
from suite_peers import adapter_command
from suite_server import mock_server

from unisono_conformance.case import load_cases
from unisono_conformance.runner import Run, run_client, run_server

TIMES = 20


def verdicts(run: Run) -> dict[str, str]:
    return {result.id: result.outcome for result in run.results}


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("words", [("--core",), ("asyncio",)], ids=str)
async def test_a_client_gets_the_same_verdicts_every_time(words: tuple[str, ...]) -> None:
    command, cases = adapter_command("python", *words), load_cases(role="client")
    first = verdicts(await run_client(command, cases))

    for _ in range(TIMES - 1):
        assert verdicts(await run_client(command, cases)) == first


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(1800)
async def test_a_server_gets_the_same_verdicts_every_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    cases = load_cases(role="server")
    async with mock_server() as target:
        first = verdicts(await run_server(target, cases))
        for _ in range(TIMES - 1):
            assert verdicts(await run_server(target, cases)) == first
