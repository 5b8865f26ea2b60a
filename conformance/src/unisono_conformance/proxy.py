"""Sits between any client and any server, passes everything on, and judges what it has seen.

Spec: reading
Not here: the judging (see checker), the faults (see faulty_server).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Data

from unisono_conformance.checker.judge import check
from unisono_conformance.checker.report import report_text
from unisono_conformance.checker.shrink import shrink
from unisono_conformance.checker.synclog import Recorder
from unisono_conformance.values import Json

PASSED_ON = ("convex-client", "authorization", "user-agent", "origin")


async def watch(upstream: str, port: int, record: Path | None) -> int:
    """Pass on until Ctrl-C, then judge. Returns 0 when nothing was wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    async with recording_proxy(upstream, port) as (url, recorder):
        print(f"watching {upstream} at {url}; Ctrl-C ends it", flush=True)
        await stop.wait()
    if record is not None:
        with record.open("w", encoding="utf-8") as file:
            recorder.write(file)
    return judge(recorder)


def judge(recorder: Recorder) -> int:
    """Print what is wrong with a recorded history. Returns 0 when nothing is."""
    verdict = check(recorder.events)
    for found in verdict.findings:
        print(report_text(shrink(recorder.events, found)))
    print(f"{len(recorder.events)} events, {len(verdict.findings)} findings")
    return 0 if verdict.is_clean else 1


@asynccontextmanager
async def recording_proxy(upstream: str, port: int = 0) -> AsyncIterator[tuple[str, Recorder]]:
    """A proxy on the loopback that writes down every frame; yields its address and the record."""
    recorder = Recorder(source="proxy", upstream=upstream)
    target = "ws" + upstream.rstrip("/").removeprefix("http")
    numbers = iter(range(1, 2**31))

    async def handle(client: ServerConnection) -> None:
        number = next(numbers)
        request = client.request
        assert request is not None
        headers = {
            name: value for name, value in request.headers.raw_items() if name.lower() in PASSED_ON
        }
        async with connect(
            target + request.path,
            additional_headers=headers,
            user_agent_header=None,
            max_size=None,
            ping_interval=None,
        ) as server:
            recorder.opened(number, client=f"client{number}")

            async def up() -> None:
                with contextlib.suppress(ConnectionClosed):
                    async for data in client:
                        _note(recorder.c2s, number, data)
                        await server.send(data)
                await server.close()

            async def down() -> None:
                with contextlib.suppress(ConnectionClosed):
                    async for data in server:
                        _note(recorder.s2c, number, data)
                        await client.send(data)
                received = server.protocol.close_rcvd
                code = received.code if received is not None else None
                reason = received.reason if received is not None else ""
                recorder.lost(number, code, reason)
                await _close(client, code, reason)

            await asyncio.gather(up(), down())

    async with serve(
        handle, "127.0.0.1", port, max_size=None, ping_interval=None, close_timeout=1
    ) as listener:
        bound = next(iter(listener.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{bound}", recorder


async def _close(socket: ServerConnection, code: int | None, reason: str) -> None:
    with contextlib.suppress(ConnectionClosed):
        async with socket.send_context():
            if code in (None, 1005, 1006):
                socket.protocol.send_close()
            else:
                socket.protocol.send_close(code, reason)


def _note(note: Callable[[int, Json], None], number: int, data: Data) -> None:
    if isinstance(data, str):
        with contextlib.suppress(ValueError):
            frame = json.loads(data)
            if isinstance(frame, dict):
                note(number, frame)
