"""All server cases on our mock server with the fixture."""

from __future__ import annotations

import json

import pytest
from fixture.fx import app

from unisono_conformance.case import load_cases
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import run_server
from unisono_conformance.server_player import ServerTarget
from unisono_mock import serve


@pytest.mark.asyncio
async def test_the_mock_server_passes_every_case() -> None:
    """Nothing fails; what is not played says why."""
    cases = load_cases(role="server")
    async with serve(app, port=0) as server:
        run = await run_server(ServerTarget(server.url), cases)

    bad = {
        result.id: result.detail
        for result in run.results
        if result.outcome in (Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE)
    }
    assert not bad, json.dumps(bad, indent=2)
    assert len(run.results) == len(cases)
