"""From starting the server's process to its first answer to a query over a socket.

Beside it a bare `websockets` server, from starting its process to its first echo.
"""

import asyncio
import json
import re
import sys
import time
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from benchmarks.bench import Bench
from benchmarks.driver import ROOT
from benchmarks.measure import Contest, Target

TITLE = "Cold start of the server"
TARGETS = (Target("first answer", "seconds", "unisono_mock", None, 0.4),)

_BARE = """
import asyncio
from websockets.asyncio.server import serve

async def echo(one):
    async for message in one:
        await one.send(message)

async def main():
    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        print(f"Serving on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Future()

asyncio.run(main())
"""
_COMMANDS = {
    "unisono_mock": ("-m", "unisono_mock", "benchmarks.app:app", "--port", "0"),
    "websockets": ("-c", _BARE),
}
_QUESTION = {
    "type": "ModifyQuerySet",
    "baseVersion": 0,
    "newVersion": 1,
    "modifications": [
        {"type": "Add", "queryId": 0, "udfPath": "bench:count", "args": [{"name": "a"}]}
    ],
}


async def run(bench: Bench) -> list[Contest]:
    runs: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    for _ in range(bench.pick(bench.rounds * 2, 1)):
        for name, command in _COMMANDS.items():
            runs[name].append(await _first_answer(command))
    return [Contest("first answer", "seconds", "s", runs)]


async def _first_answer(command: tuple[str, ...]) -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        found = re.search(r"http://\S+", line)
        assert found, line
        await asyncio.wait_for(_ask(urlsplit(found.group()).netloc), 20)
        return time.perf_counter() - started
    finally:
        process.terminate()
        await process.wait()


async def _ask(host: str) -> None:
    async with connect(f"ws://{host}/api/sync", compression=None) as socket:
        await socket.send(json.dumps(_QUESTION))
        await socket.recv()
