"""An app that loops, and peers that send too much of something."""

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from unisono_mock import (
    ActionContext,
    App,
    HttpRequest,
    MutationContext,
    QueryContext,
    Server,
    serve,
)
from unisono_mock.testing import ServerThread

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

    @app.query("l:catchesAll")
    def catches_all(ctx: QueryContext) -> None:
        while True:
            try:
                json.dumps(1)
            except:  # noqa: E722
                continue

    @app.query("l:exits")
    def exits(ctx: QueryContext) -> None:
        sys.exit(3)

    @app.query("l:cancels")
    async def cancels(ctx: QueryContext) -> None:
        raise asyncio.CancelledError

    @app.query("l:nonsense")
    def nonsense(ctx: QueryContext) -> Any:
        return {1: object()}

    @app.action("l:loopingAction")
    def looping_action(ctx: ActionContext) -> None:
        ctx.run_mutation("l:write")
        while True:
            pass

    @app.http("GET", "/loop")
    async def looping_page(ctx: ActionContext, request: HttpRequest) -> None:
        while True:
            pass

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

    @app.mutation("l:waitsForEver")
    async def waits_for_ever(ctx: MutationContext) -> None:
        await asyncio.Event().wait()

    @app.query("l:count")
    def count(ctx: QueryContext) -> float:
        return len(ctx.db.query("t").collect())

    return app


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


async def call(server: Server | ServerThread, kind: str, path: str, **args: Any) -> Any:
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        return (await client.post(f"/api/{kind}", json={"path": path, "args": args})).json()


@pytest.mark.parametrize("path", ["l:loop", "l:asyncLoop", "l:catchesAll"])
async def test_a_function_that_loops_fails_alone(server: Server, path: str) -> None:
    """After a second of computing, whatever it catches; the server goes on."""
    failed = await call(server, "query", path)
    assert "Function execution timed out (maximum duration: 1s)" in failed["errorMessage"]
    assert (await call(server, "query", "l:count"))["value"] == 0


async def test_a_function_that_loops_fails_alone_in_any_thread() -> None:
    """What interrupts it does not need the main thread."""
    server = ServerThread(make_app())
    await asyncio.to_thread(server.__enter__)
    try:
        failed = await call(server, "query", "l:loop")
        assert "Function execution timed out (maximum duration: 1s)" in failed["errorMessage"]
        assert (await call(server, "query", "l:waits"))["value"] == "waited"
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


async def test_an_action_that_loops_fails_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more time; what it has committed stays."""
    monkeypatch.setattr("unisono_mock.execution.ACTION_SECONDS", 0.2)
    monkeypatch.setattr("unisono_mock.http_actions.ACTION_SECONDS", 0.2)
    failed = await call(server, "action", "l:loopingAction")
    assert "Function execution timed out" in failed["errorMessage"]
    assert (await call(server, "query", "l:count"))["value"] == 1
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        page = await client.get("/http/loop")
    assert (page.status_code, "timed out" in page.text) == (500, True)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("l:exits", "Uncaught SystemExit: 3"),
        ("l:cancels", "Uncaught CancelledError"),
        ("l:nonsense", "return value invalid"),
    ],
)
async def test_what_an_app_throws_or_returns_fails_that_call_alone(
    server: Server, path: str, words: str
) -> None:
    """Even what would end a process or a task elsewhere."""
    assert words in (await call(server, "query", path))["errorMessage"]
    assert (await call(server, "query", "l:count"))["value"] == 0


async def test_a_mutation_that_waits_for_ever_ends_its_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it in vain, neither its client nor those who come later."""
    monkeypatch.setattr("unisono_mock.transactions.MUTATION_S", 0.05)
    url = server.url.replace("http", "ws") + "/api/sync"
    async with connect(url) as socket:
        message = {"type": "Mutation", "requestId": 0, "udfPath": "l:waitsForEver", "args": [{}]}
        await socket.send(json.dumps(message))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert (await call(server, "mutation", "l:write"))["status"] == "success"


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


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_ten_thousand_connections_at_once() -> None:
    """All are served at their pace, for less than 60 kB each, and nothing remains of them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CROWD + 1000:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "unisono_mock", "conformance.fixture.fx:app", "--port", "0",
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    port = int((await process.stdout.readline()).decode().strip().rpartition(":")[2])
    try:
        before = resident_kb(process.pid)
        crowd = await asyncio.gather(*(subscribed(port) for _ in range(CROWD)))
        assert (resident_kb(process.pid) - before) / CROWD < 60
        for writer in crowd:
            writer.close()
        late = await subscribed(port)
        late.close()
    finally:
        process.terminate()
        assert await process.wait() == 0


CROWD = 10_000
SUBSCRIBE = json.dumps(
    {
        "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1,
        "modifications": [add(0, "fx:list", key="crowd")],
    }
)  # fmt: skip


async def subscribed(port: int) -> asyncio.StreamWriter:
    """A connection that has seen its first result."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        + Frame(Opcode.TEXT, SUBSCRIBE.encode()).serialize(mask=True)
    )
    await reader.readuntil(b'"value":[]')
    return writer


def resident_kb(pid: int) -> int:
    """The memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])
