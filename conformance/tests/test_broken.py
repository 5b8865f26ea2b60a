"""Every broken peer is caught by a case that names its rule."""

from __future__ import annotations

import asyncio
import logging

import pytest
from broken.registry import all_faults, all_server_faults
from fixture.fx import app
from suite_peers import adapter_command

from unisono_conformance.case import load_cases
from unisono_conformance.client_player import ClientPlayer
from unisono_conformance.faults import Fault, FaultyAdapter
from unisono_conformance.faulty_server import ServerFault, faulty_server
from unisono_conformance.outcome import Outcome
from unisono_conformance.rules import load_rules
from unisono_conformance.runner import run_server
from unisono_conformance.server_player import ServerTarget
from unisono_mock import serve

CLIENTS, SERVERS = all_faults(), all_server_faults()
CAUGHT = {Outcome.FAIL, Outcome.WARN}
IMPATIENT = 0.2


@pytest.mark.asyncio
async def test_every_broken_client_is_caught() -> None:
    """At least one case that names the rule fails on the broken client."""
    adapter = await FaultyAdapter.with_fault(adapter_command("reference", "--core"), Fault)
    survivors, plays = [], 0
    try:
        for name, fault in CLIENTS.items():
            adapter.fault = fault
            outcomes = set()
            for case in load_cases(role="client"):
                if fault.rule in case.rules:
                    plays += 1
                    result = await ClientPlayer(adapter, case, f"client{plays}").play()
                    outcomes.add(result.outcome)
            if not outcomes & CAUGHT:
                survivors.append(name)
    finally:
        await adapter.stop()

    assert survivors == []


@pytest.mark.asyncio
async def test_every_broken_server_is_caught(caplog: pytest.LogCaptureFixture) -> None:
    """At least one case that names the rule fails on the broken server."""
    caplog.set_level(logging.CRITICAL)
    async with serve(app, port=0) as server:
        caught = await asyncio.gather(
            *(_is_caught(fault, server.url) for fault in SERVERS.values())
        )

    assert [name for name, is_caught in zip(SERVERS, caught, strict=True) if not is_caught] == []


async def _is_caught(fault: type[ServerFault], upstream: str) -> bool:
    cases = [case for case in load_cases(role="server") if fault.rule in case.rules]
    async with faulty_server(fault, upstream) as url:
        run = await run_server(ServerTarget(url), cases, time_scale=IMPATIENT)
    return any(result.outcome in CAUGHT for result in run.results)


@pytest.mark.asyncio
async def test_a_fault_that_changes_nothing_is_not_caught() -> None:
    """The proxy itself breaks no rule."""
    cases = [case for case in load_cases(role="server") if case.folder != "http"]
    async with serve(app, port=0) as server, faulty_server(ServerFault, server.url) as url:
        run = await run_server(ServerTarget(url), cases)

    bad = [result.id for result in run.results if result.outcome in CAUGHT]
    assert bad == []


def test_every_fault_breaks_a_rule_of_its_role() -> None:
    rules = load_rules()

    assert all("client" in rules[fault.rule].roles for fault in CLIENTS.values())
    assert all("server" in rules[fault.rule].roles for fault in SERVERS.values())
    assert all(fault.__doc__ for fault in [*CLIENTS.values(), *SERVERS.values()])


def test_there_are_sixty_broken_peers() -> None:
    assert len(CLIENTS) >= 35
    assert len(SERVERS) >= 25
