"""Our JavaScript client in the engines that are not Node, fetched from npm for the purpose."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from conformance.fixture.fx import app

from unisono_mock import serve

PEER = Path(__file__).parent / "peers" / "unisono_js.mjs"
DENO = ("--package", "deno@2.9.6", "--", "deno", "run", "--allow-net", "--allow-read")
BUN = ("--package", "bun@1.4.5", "--", "bun", "run")


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.asyncio
@pytest.mark.parametrize("command", [DENO, BUN], ids=["deno", "bun"])
async def test_the_client_works_there(command: tuple[str, ...]) -> None:
    """Subscribe, mutate, act, fail, and end: the process exits by itself."""
    async with serve(app) as server:
        process = await asyncio.create_subprocess_exec(
            *("npm", "exec", "--yes", *command, str(PEER), server.url, "engine"),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 240)

    report = json.loads(output.decode().strip().splitlines()[-1])
    assert process.returncode == 0
    assert report["seen"][-1] == ["one", "two"]
    assert report["echoed"] == [1.5, "7"]
    assert "boom" in report["failure"]
