"""Frames with one thing wrong in them: right peers refuse them, and broken ones are caught."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from suite_peers import adapter_command
from suite_server import mock_server

from unisono_conformance.case import Case
from unisono_conformance.client_player import ClientPlayer
from unisono_conformance.faults import Fault, FaultyAdapter, Frames
from unisono_conformance.faulty_front import faulty_server
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.frame_mutants import mutant_cases, mutants
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import Run, run_client, run_server
from unisono_conformance.values import Json

SOME = 5


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def wrong(run: Run) -> list[tuple[str, str]]:
    return [(each.id, each.detail) for each in run.results if each.outcome is not Outcome.PASS]


def test_the_mutants_are_always_the_same() -> None:
    """Each once, in a fixed order, and as many as the schemas make."""
    for role, at_least in (("client", 450), ("server", 250)):
        names = [mutant.name for mutant in mutants(role)]  # type: ignore[arg-type]

        assert len(names) >= at_least
        assert names == [mutant.name for mutant in mutants(role)]  # type: ignore[arg-type]
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert len(mutant_cases("client")) >= 350
    assert len(mutant_cases("server")) >= 200


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["python", "js"])
async def test_clients_refuse_what_they_cannot_read(name: str) -> None:
    """A part of the mutants, another one for each client."""
    cases = mutant_cases("client")[len(name) % SOME :: SOME]

    assert wrong(await run_client(adapter_command(name, "--core"), cases)) == []


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", ["python", "js"])
async def test_clients_refuse_every_mutant(name: str) -> None:
    run = await run_client(adapter_command(name, "--core"), mutant_cases("client"))

    assert wrong(run) == []


@pytest.mark.asyncio
async def test_the_server_refuses_every_mutant() -> None:
    async with mock_server() as target:
        run = await run_server(target, mutant_cases("server"))

    assert wrong(run) == []


class Mends(Fault):
    """Takes the first query for any query that cannot be read."""

    name, rule = "mends", "messages.refused-heals"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications") or ():
            if change["type"] in ("QueryUpdated", "QueryFailed") and not is_u32(change["queryId"]):
                change["queryId"] = 0
        return [frame]


class Overlooks(Fault):
    """Ignores a response that cannot be read instead of giving the connection up."""

    name, rule = "overlooks", "messages.refused-heals"

    def s2c(self, frame: Json) -> Frames:
        return [frame] if is_u32(frame.get("requestId", 0)) else []


class MendsRequests(ServerFault):
    """Takes zero for any request number that cannot be read."""

    name, rule = "mends-requests", "errors.malformed"

    def c2s(self, frame: Json) -> Frames:
        if "requestId" in frame and not is_u32(frame["requestId"]):
            frame["requestId"] = 0
        return [frame]


class DropsUnknownFields(ServerFault):
    """Ends the connection because of a field that it does not know."""

    name, rule = "drops-unknown-fields", "messages.unknown-field"

    def c2s(self, frame: Json) -> Frames:
        if "unknownField" in frame:
            self.close_with = (1011, "")
            return []
        return [frame]


def is_u32(value: Json) -> bool:
    return type(value) is int and 0 <= value < 2**32


async def caught_by(fault: type[Fault], cases: Sequence[Case]) -> list[str]:
    adapter = await FaultyAdapter.with_fault(adapter_command("python", "--core"), fault)
    try:
        plays = [
            await ClientPlayer(adapter, case, f"mutant{number}", time_scale=0.25).play()
            for number, case in enumerate(cases)
        ]
    finally:
        await adapter.stop()
    return [each.case_id for each in plays if each.outcome is Outcome.FAIL]


@pytest.mark.asyncio
@pytest.mark.parametrize(("fault", "field"), [(Mends, "queryid"), (Overlooks, "requestid")])
async def test_mutants_catch_clients_that_go_on(fault: type[Fault], field: str) -> None:
    cases = [case for case in mutant_cases("client") if field in case.id]

    assert len(await caught_by(fault, cases)) >= 5


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "field"), [(MendsRequests, "requestid"), (DropsUnknownFields, "unknown-field")]
)
async def test_mutants_catch_servers_that_go_on(fault: type[ServerFault], field: str) -> None:
    cases = [case for case in mutant_cases("server") if field in case.id]
    async with mock_server() as target, faulty_server(fault, target.url) as url:
        run = await run_server(replace(target, url=url), cases, time_scale=0.25)

    assert len(wrong(run)) >= 5
