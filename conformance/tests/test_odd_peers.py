"""Peers that are odd but right pass everything; peers that do nothing pass nothing."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from suite_peers import adapter_command
from suite_server import mock_server

from unisono_conformance.case import Case, load_cases
from unisono_conformance.client_player import ClientPlayer
from unisono_conformance.faults import Fault, FaultyAdapter, Frames
from unisono_conformance.faulty_front import faulty_server
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.http_port import Answer, Reply, Request
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import run_server
from unisono_conformance.values import Json

BAD = (Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


class NoisyClient(Fault):
    """Sends events and unknown fields, and hears pings all the time."""

    name, rule = "noisy", "messages.unknown-field"

    def c2s(self, frame: Json) -> Frames:
        return [{"type": "Event", "eventType": "Noise", "event": {}}, {**frame, "noise": 1}]

    def s2c(self, frame: Json) -> Frames:
        return [{"type": "Ping"}, {**frame, "noise": [1]}]


class NoisyServer(ServerFault):
    """Sends pings and unknown fields."""

    name, rule = "noisy", "messages.unknown-field"

    def s2c(self, frame: Json) -> Frames:
        is_last = frame["type"] in ("FatalError", "AuthError")
        return [frame] if is_last else [{"type": "Ping"}, {**frame, "noise": 1}]


class SlowServer(ServerFault):
    """Takes its time with every message."""

    name, rule = "slow", "messages.unknown-field"
    delay_s = 0.02


class NullServer(ServerFault):
    """Accepts everything and never answers."""

    name, rule = "null", "messages.unknown-field"
    answers_pings = True

    def ping(self, data: bytes) -> bytes | None:
        return None

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        return None

    def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]] | int:
        return "/api/sync", {}

    def c2s(self, frame: Json) -> list[Json]:
        return []

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        return Reply(200)

    def broken_text(self, text: str) -> str | None:
        return None

    def binary(self, data: bytes) -> bytes | None:
        return None


def proxied_cases() -> list[Case]:
    """The server cases, but for the one rule that a proxy breaks by reading ahead."""
    return [
        case for case in load_cases(role="server") if "transitions.two-unsent" not in case.rules
    ]


@pytest.mark.asyncio
async def test_a_noisy_client_passes_everything() -> None:
    """Extra fields, events and pings break no rule."""
    adapter = await FaultyAdapter.with_fault(adapter_command("python", "--core"), NoisyClient)
    bad = []
    try:
        for number, case in enumerate(load_cases(role="client")):
            # These look at timers, which a message restarts, or at a chunk set's inside.
            if "clock.virtual" not in case.requires:
                result = await ClientPlayer(adapter, case, f"noisy{number}").play()
                bad += [(case.id, result.detail)] if result.outcome in BAD else []
    finally:
        await adapter.stop()

    assert bad == []


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [NoisyServer, SlowServer])
async def test_odd_servers_that_are_right_pass_everything(fault: type[ServerFault]) -> None:
    async with mock_server() as target, faulty_server(fault, target.url) as url:
        run = await run_server(replace(target, url=url), proxied_cases())

    assert [(each.id, each.detail) for each in run.results if each.outcome in BAD] == []


@pytest.mark.asyncio
async def test_a_server_that_does_nothing_passes_nothing() -> None:
    """Every case notices that nothing comes."""
    cases = [case for case in load_cases(role="server") if not case.vacuous]
    async with mock_server() as target, faulty_server(NullServer, target.url) as url:
        run = await run_server(replace(target, url=url), cases, time_scale=0.04)

    assert [each.id for each in run.results if each.outcome is Outcome.PASS] == []


class NullClient(FaultyAdapter):
    """Answers every operation with a friendly nothing."""

    async def ask(self, op: str, **fields: Json) -> dict[str, Json]:
        return await super().ask(op) if op in ("hello", "bye") else {"ok": True, "views": {}}


@pytest.mark.asyncio
async def test_a_client_that_does_nothing_passes_nothing() -> None:
    """Every case asks for something that only a client does."""
    adapter = await NullClient.with_fault(adapter_command("python", "--core"), Fault)
    passed = []
    try:
        for number, case in enumerate(load_cases(role="client")):
            if not case.vacuous:
                result = await ClientPlayer(adapter, case, f"null{number}", time_scale=0.01).play()
                passed += [case.id] if result.outcome is Outcome.PASS else []
    finally:
        await adapter.stop()

    assert passed == []
