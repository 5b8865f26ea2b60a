"""Adapters that break: they are caught, blamed and started again."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from suite_peers import PYTHON

from unisono_conformance.adapter import Adapter, AdapterError, Unsupported
from unisono_conformance.case import load_cases, select
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import run_client

HELLO = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    seq, op = request["seq"], request["op"]
    if op == "hello":
        answer = {"name": "x", "version": "0", "language": "x", "levels": "L0", "features": []}
    elif op == "bye":
        answer = {}
    else:
        BODY
    print(json.dumps({"re": seq, "ok": True, **answer}), flush=True)
    if op == "bye":
        break
"""


def script(tmp_path: Path, body: str) -> list[str]:
    path = tmp_path / "adapter.py"
    path.write_text(HELLO.replace("BODY", body), encoding="utf-8")
    return [sys.executable, str(path)]


@pytest.mark.asyncio
async def test_a_missing_command_is_one_clear_sentence() -> None:
    with pytest.raises(AdapterError, match="cannot start no-such-program"):
        await Adapter.start(["no-such-program"])


@pytest.mark.asyncio
async def test_unsupported_is_an_answer_with_a_reason(tmp_path: Path) -> None:
    body = "answer = {'ok': False, 'unsupported': True, 'reason': 'not yet'}"
    adapter = await Adapter.start(script(tmp_path, body))
    with pytest.raises(Unsupported, match="not yet"):
        await adapter.ask("subscribe")

    assert await adapter.stop() == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "blame"),
    [
        ("raise SystemExit(3)", "closed its output"),
        ("print('hello there', flush=True); answer = {}", "no JSON"),
        ("print('[1]', flush=True); answer = {}", "neither answer nor event"),
    ],
)
async def test_a_broken_adapter_fails_the_case_and_says_how(
    tmp_path: Path, body: str, blame: str
) -> None:
    cases = select(load_cases(role="client"), ["values/bare-integers-are-floats", "errors/"])

    run = await run_client(script(tmp_path, body), cases)

    assert len(run.results) == len(cases)
    for result in run.results:
        if result.outcome is not Outcome.UNSUPPORTED:
            assert result.outcome is Outcome.FAIL
            assert blame in result.detail


@pytest.mark.asyncio
async def test_an_adapter_that_does_nothing_passes_nothing(tmp_path: Path) -> None:
    """The null client says ok to everything: every case must notice."""
    cases = [case for case in load_cases(role="client") if not case.vacuous]

    run = await run_client(script(tmp_path, "answer = {}"), cases, time_scale=0.02)

    assert Outcome.PASS not in {result.outcome for result in run.results}


@pytest.mark.asyncio
async def test_the_log_of_an_adapter_is_kept() -> None:
    adapter = await Adapter.start(PYTHON)

    assert adapter.hello["name"] == "unisono"
    assert adapter.log == []
    assert await adapter.stop() == 0


@pytest.mark.asyncio
async def test_an_adapter_that_runs_can_be_attached_to() -> None:
    """The lines go over a socket; the goodbye ends the line."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            request = json.loads(line)
            answer = {"re": request["seq"], "ok": True, "name": "attached", "features": []}
            writer.write(json.dumps(answer).encode() + b"\n")
            if request["op"] == "bye":
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    adapter = await Adapter.start([f"tcp://127.0.0.1:{port}"])

    assert adapter.hello["name"] == "attached"
    assert await adapter.stop() == 0
    assert adapter.is_broken
    server.close()
    await server.wait_closed()


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["tcp://127.0.0.1", "tcp://127.0.0.1:1"])
async def test_an_address_without_an_adapter_is_one_clear_sentence(address: str) -> None:
    with pytest.raises(AdapterError, match=f"cannot attach to {address}"):
        await Adapter.start([address])
