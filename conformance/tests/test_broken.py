"""Every broken peer is caught by a case that names its rule."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from conformance.broken.matrix import CAUGHT, client_rows, server_rows
from conformance.broken.registry import all_faults, all_server_faults
from suite_peers import adapter_command
from suite_server import mock_server

from unisono_conformance.case import load_cases
from unisono_conformance.faulty_front import faulty_server
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.rules import Severity, load_rules, severity_of
from unisono_conformance.runner import run_server

CLIENTS, SERVERS = all_faults(), all_server_faults()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Broken peers make right ones log a lot."""
    caplog.set_level(logging.CRITICAL)


@pytest.mark.asyncio
async def test_every_broken_client_is_caught() -> None:
    """At least one case that names the rule fails on the broken client."""
    rows = await client_rows(
        adapter_command("python", "--core"), adapter_command("python", "asyncio"), first_only=True
    )

    assert [row["peer"] for row in rows if not row["by"]] == []
    assert len(rows) == len(CLIENTS)


@pytest.mark.asyncio
async def test_every_broken_server_is_caught() -> None:
    """At least one case that names the rule fails on the broken server."""
    async with mock_server() as target, mock_server(redact=True) as redacting:
        rows = await server_rows(target, redacting, first_only=True)

    assert [row["peer"] for row in rows if not row["by"]] == []


@pytest.mark.asyncio
async def test_a_proxy_without_a_fault_is_not_caught() -> None:
    """The proxy itself breaks no rule, except that it reads ahead of a slow client."""
    cases = [
        case for case in load_cases(role="server") if "transitions.two-unsent" not in case.rules
    ]
    async with mock_server() as target, faulty_server(ServerFault, target.url) as url:
        run = await run_server(replace(target, url=url), cases)

    assert [result.id for result in run.results if result.outcome in CAUGHT] == []


def test_every_fault_breaks_a_rule_of_its_role() -> None:
    rules = load_rules()

    assert all("client" in rules[fault.rule].roles for fault in CLIENTS.values())
    assert all("server" in rules[fault.rule].roles for fault in SERVERS.values())
    assert all(fault.__doc__ for fault in [*CLIENTS.values(), *SERVERS.values()])


def test_no_rule_is_without_a_broken_peer() -> None:
    """A rule that a case names is broken by some peer. Nothing can break a MAY."""
    broken = {(fault.rule, "client") for fault in CLIENTS.values()}
    broken |= {(fault.rule, "server") for fault in SERVERS.values()}
    named = {
        (rule, case.role)
        for case in load_cases()
        for rule in case.rules
        if severity_of(rule) is not Severity.MAY
    }

    assert sorted(named - broken) == []


def test_there_are_sixty_broken_peers() -> None:
    assert len(CLIENTS) >= 35
    assert len(SERVERS) >= 25
