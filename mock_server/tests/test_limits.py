"""An app that loops, and peers that send too much of something."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from unisono_mock import App, MutationContext, QueryContext, Server, serve

from .wire import add

pytestmark = pytest.mark.asyncio


def make_app() -> App:
    app = App()

    @app.query("l:loop")
    def loop(ctx: QueryContext) -> None:
        while True:
            pass

    @app.query("l:asyncLoop")
    async def async_loop(ctx: QueryContext) -> None:
        await asyncio.sleep(0)
        while True:
            try:
                json.dumps(1)
            except Exception:
                continue

    @app.query("l:waits")
    async def waits(ctx: QueryContext) -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        except TimeoutError:
            return "waited"
        return "never"

    @app.mutation("l:write")
    def write(ctx: MutationContext, loop: bool = False) -> str:
        found = ctx.db.insert("t", {})
        while loop:
            pass
        return found

    @app.query("l:count")
    def count(ctx: QueryContext) -> float:
        return len(ctx.db.query("t").collect())

    return app


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


async def call(server: Server, kind: str, path: str, **args: Any) -> Any:
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        return (await client.post(f"/api/{kind}", json={"path": path, "args": args})).json()


@pytest.mark.parametrize("path", ["l:loop", "l:asyncLoop"])
async def test_a_function_that_loops_fails_alone(server: Server, path: str) -> None:
    """After a second of computing, whatever it catches; the server goes on."""
    failed = await call(server, "query", path)
    assert "Function execution timed out (maximum duration: 1s)" in failed["errorMessage"]
    assert (await call(server, "query", "l:count"))["value"] == 0


async def test_waiting_is_not_computing(server: Server) -> None:
    """Async functions wait, are woken, are cancelled inside as ever."""
    assert (await call(server, "query", "l:waits"))["value"] == "waited"


async def test_a_mutation_that_loops_leaves_no_trace(server: Server) -> None:
    """What it wrote before is undone."""
    assert (await call(server, "mutation", "l:write", loop=True))["status"] == "error"
    assert (await call(server, "query", "l:count"))["value"] == 0
    await call(server, "mutation", "l:write")
    assert (await call(server, "query", "l:count"))["value"] == 1


async def talk(socket: ClientConnection, frame: str) -> None:
    """Send a frame and read until the connection ends."""
    await socket.send(frame)
    async for _ in socket:
        pass
    await socket.recv()


DEEP = '{"type":"Mutation","requestId":0,"udfPath":"l:write","args":[' + "[" * 5000
LATE = json.dumps({"type": "Mutation", "requestId": 0, "udfPath": "l:write", "args": [{"x": 1}]})


@pytest.mark.parametrize(
    ("frame", "ends"),
    [
        ("x" * (16 * 2**20 + 1), True),
        (DEEP, True),
        ('{"type":"Mutation","requestId":0,"udfPath":"l:write","args":[{"$x":1}]}', False),
        ('{"type":"Mutation","requestId":0,"udfPath":"l:write","args":{"loop":true}}', False),
        ('{"type":"Mutation","requestId":0,"udfPath":"l:nothing","args":[{}]}', False),
        (LATE, False),
    ],
    ids=["oversized", "deep", "reserved key", "no array", "unknown function", "wrong argument"],
)
async def test_bad_input_is_answered_and_hurts_nobody_else(
    server: Server, frame: str, ends: bool
) -> None:
    """Either that call fails, or that connection ends."""
    url = server.url.replace("http", "ws") + "/api/sync"
    async with connect(url, max_size=None) as good, connect(url, max_size=None) as bad:
        if ends:
            with pytest.raises(ConnectionClosed):
                await talk(bad, frame)
        else:
            await bad.send(frame)
            answer = json.loads(await bad.recv())
            assert (answer["type"], answer["success"]) == ("MutationResponse", False)
        await good.send(
            json.dumps(
                {
                    "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1,
                    "modifications": [add(0, "l:count")],
                }
            )
        )  # fmt: skip
        assert json.loads(await good.recv())["modifications"][0]["value"] == 0


async def test_many_connections_at_once(server: Server) -> None:
    """All are served, and nothing remains of them."""
    port = int(server.url.rpartition(":")[2])
    upgrade = (
        b"GET /api/sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(upgrade)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head

    heads = await asyncio.gather(*(one() for _ in range(400)))
    assert all(head.startswith(b"HTTP/1.1 101") for head in heads)
    async with serve(make_app()) as other:
        # By the time that another server has come and gone, this one knows
        # that everybody has left.
        assert other.backend.sessions == []
    assert server.backend.sessions == []
