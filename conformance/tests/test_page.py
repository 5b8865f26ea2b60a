"""The JavaScript client in a real page: Chromium's own WebSocket under the same cases."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from suite_peers import HOME

from unisono_conformance.case import load_cases
from unisono_conformance.outcome import Outcome
from unisono_conformance.rules import Level, level_of_case
from unisono_conformance.runner import run_client

BAD = (Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE)


def page_command() -> list[str]:
    node, chromium = shutil.which("node"), os.environ.get("CHROMIUM") or shutil.which("chromium")
    if node is None or not chromium:
        pytest.skip("there is no node, or no chromium, on this machine")
    return [node, str(HOME / "adapters/js/page.mjs")]


@pytest.mark.asyncio
@pytest.mark.timeout(120)
async def test_the_client_in_a_page_passes_core() -> None:
    """A small form: the folders of queries and values; all of Core under `make soak`."""
    cases = [case for case in load_cases(role="client") if case.folder in ("queries", "values")]
    run = await run_client(page_command(), cases, side_by_side=8, time_scale=4)

    bad = {each.id: each.detail for each in run.results if each.outcome in BAD}
    assert not bad, json.dumps(bad, indent=2)
    assert sum(each.outcome is Outcome.PASS for each in run.results) > 20
    assert run.peer["exit_code"] == 0


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(300)
async def test_the_client_in_a_page_passes_the_whole_of_core() -> None:
    cases = [
        case
        for case in load_cases(role="client")
        if level_of_case(case.rules) is Level.CORE and "clock.virtual" not in case.requires
    ]
    run = await run_client(page_command(), cases, side_by_side=8, time_scale=4)

    bad = {each.id: each.detail for each in run.results if each.outcome in BAD}
    assert not bad, json.dumps(bad, indent=2)
