"""What was acknowledged is kept, through restarts and through kill -9."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from unisono_mock import App, Backend, MutationContext, QueryContext, Schema, table
from unisono_mock.runtime.sqlite import CannotOpen, DataFile

from .wire import Wire, add

ROOT = Path(__file__).parents[2]


def make_app() -> App:
    app = App(schema=Schema(rows=table(n=float).index("by_n", "n")))

    @app.mutation("d:add")
    def insert(ctx: MutationContext, n: float) -> str:
        return ctx.db.insert("rows", {"n": n})

    @app.mutation("d:remove")
    def remove(ctx: MutationContext, id: str) -> None:
        ctx.db.delete(id)

    @app.mutation("d:later")
    def later(ctx: MutationContext, n: float) -> str:
        return ctx.scheduler.run_after(60, insert, n=n)

    @app.mutation("d:loose")
    def loose(ctx: MutationContext) -> str:
        return ctx.db.insert("loose", {"any": [1, b"x"]})

    @app.query("d:list")
    def list_rows(ctx: QueryContext) -> list[float]:
        return [row["n"] for row in ctx.db.query("rows").with_index("by_n")]

    @app.query("d:get")
    def get(ctx: QueryContext, id: str) -> Any:
        return ctx.db.get(id)

    return app


class Machine:
    """A backend over a file, which can be started again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start()

    def start(self) -> None:
        self.file = DataFile(self.path, b"secret")
        self.backend = Backend(make_app(), data=self.file)

    def restart(self) -> None:
        self.file.close()
        self.start()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "data.sqlite")


def test_documents_tables_and_time_survive(machine: Machine) -> None:
    """Ids keep their tables, indexes are filled, timestamps go on."""
    ids = [machine.backend.mutation("d:add", n=n) for n in (3, 1, 2)]
    loose = machine.backend.mutation("d:loose")
    machine.backend.mutation("d:remove", id=ids[1])
    before = machine.backend.store.latest
    found = machine.backend.query("d:get", id=loose)
    machine.restart()

    assert machine.backend.query("d:list") == [2, 3]
    assert machine.backend.query("d:get", id=loose) == found
    assert machine.backend.store.latest >= before
    machine.backend.mutation("d:add", n=0)
    assert machine.backend.query("d:list") == [0, 2, 3]


def test_a_mutation_that_was_acknowledged_is_not_carried_out_again(machine: Machine) -> None:
    """The record of the call is part of its commit."""
    wire = Wire(machine.backend)
    wire.connect()
    wire.mutate(0, "d:add", n=1)
    machine.restart()
    again = Wire(machine.backend)
    again.connect()
    again.mutate(0, "d:add", n=1)

    assert again.frames[0] == wire.frames[0]
    assert machine.backend.query("d:list") == [1]


def test_jobs_that_waited_go_on_waiting(machine: Machine) -> None:
    """They run once, when their time has come."""
    machine.backend.mutation("d:later", n=7)
    machine.restart()
    machine.backend.advance(60)
    assert machine.backend.query("d:list") == [7]
    machine.restart()
    machine.backend.advance(hours=1)
    assert machine.backend.query("d:list") == [7]


def test_a_file_belongs_to_one_process(machine: Machine) -> None:
    """A second one is told so."""
    with pytest.raises(CannotOpen, match="locked"):
        DataFile(machine.path, b"other")


def test_what_is_no_data_file_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("notes, and not a database at all")
    with pytest.raises(CannotOpen, match="not a database"):
        DataFile(path, b"secret")
    assert path.read_text() == "notes, and not a database at all"


def test_a_commit_that_cannot_be_kept_has_not_happened(machine: Machine) -> None:
    """The client is told to come back; nobody saw the write."""
    wire = Wire(machine.backend)
    wire.connect()
    wire.modify(0, add(0, "d:list"))
    wire.take()
    machine.file._connection.execute("PRAGMA query_only = ON")
    wire.mutate(0, "d:add", n=1)

    assert wire.closed is not None
    assert (wire.closed.code, wire.take()) == (1011, [])
    assert machine.backend.query("d:list") == []


async def start(data: Path) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "unisono_mock", "mock_server.tests.test_durability:app",
        "--port", "0", "--data", str(data),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().split()[-1]


app = make_app()


@pytest.mark.asyncio
async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Killed in the middle of a stream of mutations: every answer that came is kept."""
    data = tmp_path / "data.sqlite"
    process, url = await start(data)
    acknowledged: list[float] = []
    async with connect(url.replace("http", "ws") + "/api/sync") as socket:
        session = "123e4567-e89b-42d3-a456-426614174000"
        hello = {"type": "Connect", "sessionId": session, "connectionCount": 0}
        await socket.send(json.dumps(hello))
        for number in range(200):
            call = {"udfPath": "d:add", "args": [{"n": number}], "requestId": number}
            await socket.send(json.dumps({"type": "Mutation", **call}))
        while len(acknowledged) < 50:
            message = json.loads(await socket.recv())
            if message["type"] == "MutationResponse":
                acknowledged.append(float(message["requestId"]))
        process.kill()
    await process.wait()

    process, url = await start(data)
    async with httpx.AsyncClient(base_url=url) as client:
        body = {"path": "d:list", "args": {}}
        kept = (await client.post("/api/query", json=body)).json()["value"]
    process.terminate()
    await process.wait()
    assert kept[: len(acknowledged)] == acknowledged
    assert kept == sorted(set(kept))
