"""The walkthroughs are cases: well formed, of rules that exist, and peers pass them.

What the peers say while they are played is recorded and compared with the schemas.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from unisono_conformance.case import Case, parse_case
from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.runner import run_client, run_server
from unisono_conformance.sockets import ServerTarget
from unisono_mock import serve
from unisono_mock.issuer import Issuer
from unisono_protocol import schemas
from unisono_protocol.rules import load
from unisono_protocol.walkthroughs import walkthroughs, without

CONFORMANCE = Path(__file__).parents[2] / "conformance"
CORES = {
    "python": [sys.executable, str(CONFORMANCE / "adapters/python/adapter.py"), "--core"],
    "javascript": ["node", str(CONFORMANCE / "adapters/js/adapter.mjs"), "--core"],
}
REGISTRY: Registry[Any] = Registry().with_contents(list(schemas.by_id().items()))
PLAYED = (Outcome.PASS, Outcome.UNSUPPORTED)
SOCKET = "wire.socket"
ABOUT_ORDER = re.compile(r"\b(order|before|after|first|then|until|ahead)\b")


def cases(role: str) -> list[Case]:
    every = (parse_case(f"walkthroughs/{n}", case) for n, case in walkthroughs().items())
    return [case for case in every if case.role == role]


def strict(direction: str) -> Draft202012Validator:
    """The schema of one direction, which for our own peers leaves no room for unknown fields."""

    def closed(content: Any) -> Any:
        if isinstance(content, list):
            return [closed(item) for item in content]
        if isinstance(content, dict):
            inner = {key: closed(item) for key, item in content.items()}
            is_message = "properties" in content and "type" in content.get("properties", {})
            return {**inner, "unevaluatedProperties": False} if is_message else inner
        return content

    return Draft202012Validator(closed(schemas.schema(direction)), registry=REGISTRY)


def said(results: list[Result], what: str) -> Iterator[Any]:
    """The frames of one direction that were recorded while playing."""
    for result in results:
        rows = result.trace.rows if result.trace else []
        yield from (row["body"] for row in rows if row["what"] == what)


def problems(results: list[Result]) -> list[str]:
    return [f"{r.case_id}: {r.detail}" for r in results if r.outcome not in PLAYED]


def test_walkthroughs_are_cases() -> None:
    """Each file is a case of the suite, and each rule that it names exists."""
    told, rules = [*cases("client"), *cases("server")], load()

    assert len(told) == len(walkthroughs())
    assert [(case.id, id) for case in told for id in case.rules if id not in rules] == []


def test_every_rule_about_order_has_a_walkthrough() -> None:
    """A rule whose sentence or name speaks of order is told as a race, or says why it is none."""
    told = {id for case in walkthroughs().values() for id in case["rules"]}
    about_order = {
        rule.id
        for rule in load().values()
        if ABOUT_ORDER.search(f"{rule.id.replace('-', ' ')} {rule.text}")
    }

    assert about_order - told == without().keys()
    assert all(reason.endswith(".") for reason in without().values())


def test_the_case_schema_is_the_suite_s() -> None:
    """The copy of the schema of cases is equal to the one that the suite uses."""
    theirs = CONFORMANCE / "src/unisono_conformance/schema/case.schema.json"
    ours = schemas.FOLDER / "case.schema.json"

    assert ours.read_text(encoding="utf-8") == theirs.read_text(encoding="utf-8")


@pytest.mark.asyncio
@pytest.mark.parametrize("language", CORES)
async def test_clients_pass_and_say_what_the_schema_says(language: str) -> None:
    """The core of each language passes, with messages that match their schema to the field."""
    inline = [case for case in cases("client") if SOCKET not in case.requires]
    run = await run_client(CORES[language], inline)
    message = strict("client-message")
    frames = list(said(run.results, "c2s"))
    failed = {result.case_id for result in run.results if result.outcome not in PLAYED}

    assert failed == set(), problems(run.results)
    assert {frame["type"] for frame in frames} >= {"Connect", "ModifyQuerySet", "Authenticate"}
    assert [frame for frame in frames if not message.is_valid(frame)] == []


@pytest.mark.asyncio
@pytest.mark.parametrize("language", CORES)
async def test_clients_pass_what_needs_a_line(language: str) -> None:
    """The client of each language passes the walkthroughs that no bare core can play."""
    command = [part for part in CORES[language] if part != "--core"]
    run = await run_client(command, [case for case in cases("client") if SOCKET in case.requires])

    assert run.results
    assert problems(run.results) == []


@pytest.mark.asyncio
async def test_the_server_passes_and_says_what_the_schema_says() -> None:
    """The mock server passes, with messages that match their schema to the field."""
    app, issuer = runpy.run_path(str(CONFORMANCE / "fixture/fx.py"), run_name="fx")["app"], Issuer()
    app.auth = [issuer.provider()]
    tokens = {"token_a": issuer.mint("ada"), "token_b": issuer.mint("bob")}
    async with serve(app, port=0) as server:
        target = ServerTarget(server.url, features=frozenset({"auth.user"}), credentials=tokens)
        run = await run_server(target, cases("server"))
    message = strict("server-message")
    frames = list(said(run.results, "s2c"))

    assert problems(run.results) == []
    assert {frame["type"] for frame in frames} >= {"Transition", "MutationResponse", "AuthError"}
    assert [frame for frame in frames if not message.is_valid(frame)] == []
