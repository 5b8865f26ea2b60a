"""All server cases on our mock server with the fixture."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from suite_server import mock_server

from unisono_conformance.case import load_cases, select
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import Run, run_server

BAD = (Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The fixture's functions fail on purpose; the server logs each failure."""
    caplog.set_level(logging.CRITICAL)


def bad(run: Run) -> str:
    found = {each.id: each.detail for each in run.results if each.outcome in BAD}
    return json.dumps(found, indent=2) if found else ""


@pytest.mark.asyncio
async def test_the_mock_server_passes_every_case() -> None:
    """Nothing fails; what is not played says why."""
    cases = load_cases(role="server")
    async with mock_server() as target:
        run = await run_server(target, cases)

    assert not bad(run), bad(run)
    assert len(run.results) == len(cases)


@pytest.mark.asyncio
async def test_the_mock_server_redacts() -> None:
    cases = select(load_cases(role="server"), ["errors.redaction", "errors.application-data"])
    async with mock_server(redact=True) as target:
        run = await run_server(target, cases)

    assert not bad(run), bad(run)
    assert sum(each.outcome is Outcome.PASS for each in run.results) >= 2


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(200)
async def test_the_mock_server_keeps_its_times() -> None:
    """The same cases without a hand on the clock."""
    cases = [case for case in load_cases(role="server") if "time" in case.requires]
    async with mock_server() as target:
        features = target.features - {"control.admin", "control.keys"}
        run = await run_server(replace(target, control=None, features=features), cases)

    assert not bad(run), bad(run)
    assert sum(each.outcome is Outcome.PASS for each in run.results) >= 5
