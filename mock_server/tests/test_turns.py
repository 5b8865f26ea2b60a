"""Mutations that wait between reading and writing, and meet."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from unisono_mock import ActionContext, App, Backend, MutationContext, QueryContext, Server, serve
from unisono_mock.app import Kind
from unisono_mock.turns import Turns

CLIENTS = 10
EACH = 6


def add(ctx: MutationContext, name: str) -> float:
    found = ctx.db.query("counters").filter(named(name)).first()
    if found is None:
        ctx.db.insert("counters", {"name": name, "n": 1})
        return 1
    ctx.db.patch(found["_id"], {"n": found["n"] + 1})
    return float(found["n"]) + 1


def named(name: str) -> Any:
    return lambda counter: counter["name"] == name


def make_app() -> App:
    app = App()
    app.mutation("t:add")(add)

    @app.mutation("t:addSlowly")
    async def add_slowly(ctx: MutationContext, name: str) -> float:
        number = add(ctx, name)
        await asyncio.sleep(0)
        return number

    @app.action("t:act")
    async def act(ctx: ActionContext, name: str) -> float:
        number: float = await ctx.run_mutation("t:addSlowly", name=name)
        return number

    @app.query("t:read")
    def read(ctx: QueryContext, name: str) -> float:
        found = ctx.db.query("counters").filter(named(name)).first()
        return 0.0 if found is None else found["n"]

    return app


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


async def commit(url: str, kind: str, path: str) -> list[float]:
    """One client: one call after the other; what it was answered."""
    results = []
    async with connect(url.replace("http", "ws") + "/api/sync", compression=None) as socket:
        for number in range(EACH):
            call = {"type": kind, "requestId": number, "udfPath": path, "args": [{"name": "all"}]}
            await socket.send(json.dumps(call))
            while (frame := json.loads(await socket.recv()))["type"] == "Transition":
                pass
            assert frame["success"], frame
            results.append(frame["result"])
    return results


@pytest.mark.asyncio
async def test_of_those_who_meet_nobody_is_left_behind(server: Server) -> None:
    """Ten clients on one counter: every commit counts once, no connection ends."""
    paths = [("Mutation", "t:addSlowly"), ("Mutation", "t:add"), ("Action", "t:act")]
    clients = [paths[number % 3] for number in range(CLIENTS)]
    results = await asyncio.gather(*(commit(server.url, *each) for each in clients))
    assert sorted(each for part in results for each in part) == list(range(1, CLIENTS * EACH + 1))
    assert await server.backend.call(Kind.QUERY, "t:read", {"name": "all"}) == CLIENTS * EACH


@pytest.mark.asyncio
async def test_losers_run_in_the_order_in_which_they_lost(server: Server) -> None:
    """And whoever comes while they do commits after them."""
    turns, order = Turns(server.clock), []

    async def lose(name: str) -> None:
        mine = await turns.take()
        await asyncio.sleep(0)
        order.append(name)
        turns.done(mine)

    async def come() -> None:
        await turns.pass_by()
        order.append("later")

    await asyncio.gather(lose("a"), lose("b"), come(), lose("c"))
    assert order == ["a", "b", "c", "later"]
    assert not turns.taken


@pytest.mark.asyncio
async def test_a_loser_that_gives_up_waiting_is_in_nobodys_way(server: Server) -> None:
    """Cancelled while it waits, it leaves the line."""
    turns = Turns(server.clock)
    first = await turns.take()
    second = asyncio.ensure_future(turns.take())
    third = asyncio.ensure_future(turns.take())
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    turns.done(first)
    turns.done(await third)
    assert not turns.taken


def test_the_same_on_a_clock_that_a_test_moves() -> None:
    """Two actions that wait in their mutations meet, and both count."""
    app = make_app()

    @app.mutation("t:addLater")
    async def add_later(ctx: MutationContext, name: str) -> float:
        number = add(ctx, name)
        await ctx._services.sleep(1)
        return number

    @app.action("t:schedule")
    def schedule(ctx: ActionContext) -> None:
        for _ in range(3):
            ctx.scheduler.run_after(1, "t:addLater", name="all")

    backend = Backend(app)
    backend.action("t:schedule")
    backend.advance(10)
    assert backend.query("t:read", name="all") == 3
