"""A client and a real server, with a line between them that breaks."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

import pytest
from suite_peers import adapter_command
from suite_server import mock_server

from unisono_conformance import pair_player
from unisono_conformance.adapter import AdapterError
from unisono_conformance.checker.synclog import read
from unisono_conformance.cli import main
from unisono_conformance.faulty_front import faulty_server
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.http_steps import call_http
from unisono_conformance.outcome import Outcome
from unisono_conformance.pair import run_pair
from unisono_conformance.rules import load_rules
from unisono_conformance.sockets import ServerTarget
from unisono_conformance.stories import load_stories, workloads
from unisono_conformance.values import Json

SLOW = {"pair/nobody-answers-for-a-while", "pair/a-query-left-while-away-stays-away"}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The fixture's functions fail on purpose; the server logs each failure."""
    caplog.set_level(logging.CRITICAL)


@pytest.mark.asyncio
async def test_our_client_and_our_server_get_on() -> None:
    """Every story ends well, and the checker finds nothing in any record."""
    told = [story for story in load_stories() if story.id not in SLOW]
    async with mock_server() as target:
        run = await run_pair(
            adapter_command("python", "asyncio"), target, [*told, *workloads(0, rounds=15)]
        )

    bad = [(result.id, result.detail) for result in run.results if result.outcome != Outcome.PASS]
    assert bad == []
    assert run.peer["exit_code"] == 0


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
async def test_workloads_of_many_seeds_end_well(seed: int) -> None:
    async with mock_server() as target:
        command = adapter_command("python", "trio" if seed % 2 else "asyncio")
        run = await run_pair(command, target, [*load_stories(), *workloads(seed)], seed=seed)

    bad = [(each.id, each.detail) for each in run.results if each.outcome != Outcome.PASS]
    assert bad == []


@pytest.mark.asyncio
async def test_a_bare_core_cannot_be_paired() -> None:
    with pytest.raises(AdapterError, match="needs real sockets"):
        await run_pair(adapter_command("python", "--core"), ServerTarget("http://127.0.0.1:9"), [])


class Forgets(ServerFault):
    """Tells only once what one query gives."""

    name, rule = "forgets", "transitions.coalesce"

    def s2c(self, frame: Json) -> list[Json]:
        if frame["type"] != "Transition" or not frame["startVersion"]["querySet"]:
            return [frame]
        kept = [each for each in frame["modifications"] if each["queryId"] != 0]
        return [{**frame, "modifications": kept}]


@pytest.mark.asyncio
async def test_a_wrong_server_is_caught_and_leaves_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went over the line can be judged again, by whoever gets the file."""
    story = next(each for each in load_stories() if each.id.endswith("show-one-moment"))
    async with mock_server() as target, faulty_server(Forgets, target.url) as url:
        # The fault sits on the socket; what is asked over HTTP goes to the right server.
        right = partial(call_http, target.url)
        monkeypatch.setattr(pair_player, "call_http", lambda _, request: right(request))
        run = await run_pair(
            adapter_command("python", "asyncio"),
            ServerTarget(url),
            [story],
            out=tmp_path,
            time_scale=0.1,
        )

    assert [result.outcome for result in run.results] == [Outcome.FAIL]
    record = await asyncio.to_thread(read, tmp_path / "pair-several-queries-show-one-moment.jsonl")
    assert record.events


def test_every_story_names_rules_that_exist() -> None:
    stories = [*load_stories(), *workloads(7)]

    assert all(rule in load_rules() for story in stories for rule in story.rules)
    assert len({story.title for story in stories}) == len(stories)


def test_a_seed_makes_the_same_workloads() -> None:
    assert workloads(3) == workloads(3)
    assert workloads(3) != workloads(4)


def test_a_pair_needs_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", "--", "adapter"]) == 2
    assert "behind ---" in capsys.readouterr().err
