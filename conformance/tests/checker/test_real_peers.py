"""Real clients on a real server, over a line that is recorded and breaks: nobody is accused."""

from __future__ import annotations

import logging
import shutil
import sys
from dataclasses import replace
from typing import Final

import pytest
from suite_peers import HOME, adapter_command
from suite_server import mock_server

from unisono_conformance import pair_player
from unisono_conformance.case import Case
from unisono_conformance.checker import ANOMALIES, Event, Verdict, check
from unisono_conformance.outcome import Outcome
from unisono_conformance.pair import run_pair
from unisono_conformance.runner import Run
from unisono_conformance.stories import workloads
from unisono_conformance.values import Json

PYPI: Final = [sys.executable, str(HOME / "adapters/convex_pypi/adapter.py")]
NPM: Final = str(HOME / "adapters/convex_npm/adapter.mjs")
PEERS: Final = ("python asyncio", "python trio", "js", "npm convex", "PyPI convex")


def command(peer: str) -> list[str]:
    if peer == "PyPI convex":
        return PYPI
    if peer != "npm convex":
        return adapter_command(*peer.split())
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    return [node, NPM]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Functions that fail on purpose are logged by the server."""
    caplog.set_level(logging.CRITICAL)


def wire_only(events: list[Event]) -> Verdict:
    return check(each for each in events if each["kind"] not in ("op", "answer", "event"))


async def played(peer: str, stories: list[Case], patch: pytest.MonkeyPatch) -> Run:
    if peer == "PyPI convex":
        stories = [watched(story) for story in stories]
        # Each of its subscriptions is a loop of its own, so its application does see half a
        # Transition at times; what is judged here is the wire.
        patch.setattr(pair_player, "check", wire_only)
    async with mock_server() as target:
        return await run_pair(command(peer), target, stories)


def short_stories(peer: str) -> list[Case]:
    """Short ones in which lines are cut, held and refused all the same."""
    signing = [story for story in workloads(9, rounds=8) if story.id == "workload/users-9"]
    if "convex" not in peer:
        return [*workloads(7, rounds=8), *signing]
    # One of the official clients does not get over a refused line in the time of a story, and
    # the other one may show the results of who has signed out.
    stories = workloads(7 if peer == "npm convex" else 1, rounds=8)
    return [story for story in stories if "users" not in story.id]


def watched(story: Case) -> Case:
    """The same for a client that waits for each of its calls: somebody else makes them."""
    steps = [_by_somebody(step) for step in story.steps if "settled" not in step]
    return replace(story, requires=(), steps=tuple(steps))


def _by_somebody(step: Json) -> Json:
    op = step.get("do", {})
    if op.get("op") != "mutate":
        return step
    return {"write": {"path": op["path"], "args": op["args"]}}


def accused(run: Run) -> list[tuple[str, str]]:
    """What the checker has found; whether a client keeps up with a story is another matter."""
    named = ((each.id, each.detail) for each in run.results)
    return [(name, detail) for name, detail in named if detail.split(" ")[0] in ANOMALIES]


@pytest.mark.asyncio
@pytest.mark.parametrize("peer", PEERS)
async def test_no_real_client_is_accused(peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each workload is played, its record is judged, and nothing is found in it."""
    run = await played(peer, short_stories(peer), monkeypatch)

    assert accused(run) == []
    # PyPI's client does not always get over a line that was refused or held.
    finished = sum(each.outcome is Outcome.PASS for each in run.results)
    assert finished >= (1 if peer == "PyPI convex" else 4)


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("peer", PEERS)
async def test_no_real_client_is_accused_in_long_workloads(
    peer: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with forty rounds and ten seeds each."""
    assert accused(await played(peer, workloads(100 + seed), monkeypatch)) == []
