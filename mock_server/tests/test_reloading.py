"""`--reload`, `--import`, `--export`: the command over the life of an app."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from .wire import add

pytestmark = pytest.mark.asyncio

APP = """
from unisono_mock import App, MutationContext, QueryContext

app = App()

@app.query("r:value")
def value(ctx: QueryContext) -> str:
    return "{word} " + str(len(ctx.db.query("t").collect()))

@app.mutation("r:add")
def insert(ctx: MutationContext) -> str:
    return ctx.db.insert("t", {{}})
"""


async def start(folder: Path, *arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-B", "-m", "unisono_mock", "reloaded_app:app", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder,
    )  # fmt: skip
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().split()[-1]


async def post(url: str, kind: str, path: str) -> Any:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/api/{kind}", json={"path": path, "args": {}})
        return answer.json()["value"]


async def test_a_change_of_the_source_reaches_open_sockets(tmp_path: Path) -> None:
    """Documents stay; a file that cannot be read changes nothing."""
    source = tmp_path / "reloaded_app.py"
    source.write_text(APP.format(word="old"))
    process, url = await start(tmp_path, "--reload")
    async with connect(url.replace("http", "ws") + "/api/sync") as socket:
        await post(url, "mutation", "r:add")
        subscribe = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}
        await socket.send(json.dumps({**subscribe, "modifications": [add(0, "r:value")]}))
        assert json.loads(await socket.recv())["modifications"][0]["value"] == "old 1"
        source.write_text("def broken(")
        assert process.stderr is not None
        assert b"not reloaded" in await process.stderr.readline()
        source.write_text(APP.format(word="new"))
        assert json.loads(await socket.recv())["modifications"][0]["value"] == "new 1"
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 0


async def test_a_snapshot_goes_from_one_server_to_the_next(tmp_path: Path) -> None:
    """Written at the end of one, read at the beginning of the other."""
    (tmp_path / "reloaded_app.py").write_text(APP.format(word="rows"))
    process, url = await start(tmp_path, "--export", "data.zip")
    await post(url, "mutation", "r:add")
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0

    process, url = await start(tmp_path, "--import", "data.zip")
    assert await post(url, "query", "r:value") == "rows 1"
    process.send_signal(signal.SIGTERM)
    await process.communicate()


async def test_a_snapshot_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """And a non-zero exit."""
    (tmp_path / "reloaded_app.py").write_text(APP.format(word="x"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "unisono_mock", "reloaded_app:app", "--port", "0",
        "--import", "nothing.zip", stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"cannot read nothing.zip" in errors
    assert len(errors.splitlines()) == 1
