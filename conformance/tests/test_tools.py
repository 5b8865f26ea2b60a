"""The doctor, the proxy, and the faulty adapter as a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from suite_peers import HOME, PYTHON, adapter_command
from suite_server import mock_server

from unisono_conformance.adapter import Adapter
from unisono_conformance.case import load_cases, select
from unisono_conformance.cli import main
from unisono_conformance.doctor import VISITS, examine
from unisono_conformance.outcome import Outcome
from unisono_conformance.proxy import judge, recording_proxy
from unisono_conformance.runner import run_client, run_server
from unisono_conformance.sockets import ServerTarget


@pytest.mark.asyncio
async def test_the_doctor_finds_nothing_to_write_in_a_whole_adapter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await examine(adapter_command("python", "--core")) == 0
    assert "everything is there" in capsys.readouterr().out


@pytest.mark.asyncio
async def test_the_doctor_names_the_next_thing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "adapter.py"
    script.write_text("import sys; sys.exit(1)", encoding="utf-8")

    assert await examine([sys.executable, str(script)]) == 1
    assert "next: start, read a line" in capsys.readouterr().out


def test_every_visit_is_a_case() -> None:
    ids = {case.id for case in load_cases(role="client")}

    assert {visit.case for visit in VISITS} <= ids


@pytest.mark.asyncio
async def test_the_proxy_passes_on_and_finds_nothing_wrong_with_right_peers() -> None:
    """Cases played through it come out the same, and the history is clean."""
    cases = select(load_cases(role="server"), ["queries/every-add-is-answered", "mutations.serial"])
    async with mock_server() as target, recording_proxy(target.url) as (url, recorder):
        run = await run_server(ServerTarget(url), cases)
        await asyncio.sleep(0)

    assert {result.outcome for result in run.results} == {Outcome.PASS}
    assert len(recorder.events) > 10
    assert judge(recorder) == 0


@pytest.mark.asyncio
async def test_a_broken_client_is_an_adapter_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HOME.parent)
    command = [
        sys.executable,
        "-m",
        "conformance.broken",
        "client",
        "tears-batches",
        "--",
        *PYTHON,
        "--core",
    ]
    cases = select(load_cases(role="client"), ["transitions/all-changes-come-in-one-batch"])

    run = await run_client(command, cases)

    assert run.results[0].outcome is Outcome.FAIL
    assert run.peer["name"] == "unisono that tears-batches"


@pytest.mark.asyncio
async def test_a_process_of_its_own_per_case() -> None:
    cases = select(
        load_cases(role="client"), ["queries/first-result-is-shown", "values/any-nan-is-taken"]
    )

    run = await run_client(adapter_command("python", "--core"), cases, fresh=True)

    assert [result.outcome for result in run.results] == [Outcome.PASS, Outcome.PASS]


@pytest.mark.asyncio
async def test_an_adapter_may_be_killed() -> None:
    adapter = await Adapter.start(PYTHON)
    await adapter.kill()

    assert adapter.is_broken


def test_results_can_be_reported_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = ["--case", "queries.share"]
    assert main(["client", "--out", str(tmp_path), *case, "--", *PYTHON, "--core"]) == 0
    path = str(tmp_path / "results.json")
    assert main(["report", path, "--out", str(tmp_path / "again")]) == 0
    assert main(["replay", path, "--", *PYTHON, "--core"]) == 0
    assert main(["baseline", path, "--out", str(tmp_path / "expected.json")]) == 0

    assert (tmp_path / "again" / "matrix.html").exists()
    assert json.loads((tmp_path / "expected.json").read_text("utf-8")) == []
    assert "nothing has failed" in capsys.readouterr().out
