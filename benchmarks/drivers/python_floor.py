"""The floor in Python: a bare WebSocket library and a JSON parse of the same bytes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from pydantic_core import from_json
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.drivers.lines import (
    Answer,
    Operation,
    Stopwatch,
    Ticker,
    memory_bytes,
    serve,
    ticking,
)


class Peer:
    """Just enough of the protocol to ask for what is measured."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._query_set = 0
        self._queries = 0
        self._requests = 0

    async def greet(self) -> None:
        await self._send(
            {
                "type": "Connect",
                "sessionId": str(uuid4()),
                "connectionCount": 0,
                "lastCloseReason": "InitialConnect",
                "clientTs": round(time.time() * 1000),
            }
        )

    async def add(self, path: str, arguments: list[dict[str, Any]]) -> None:
        """Ask for one query per element of `arguments`, in one message."""
        added = [
            {"type": "Add", "queryId": self._queries + at, "udfPath": path, "args": [each]}
            for at, each in enumerate(arguments)
        ]
        self._queries += len(added)
        self._query_set += 1
        await self._send(
            {
                "type": "ModifyQuerySet",
                "baseVersion": self._query_set - 1,
                "newVersion": self._query_set,
                "modifications": added,
            }
        )

    async def call(self, kind: str, path: str, arguments: dict[str, Any]) -> int:
        self._requests += 1
        await self._send(
            {"type": kind, "requestId": self._requests, "udfPath": path, "args": [arguments]}
        )
        return self._requests

    async def act(self, path: str, arguments: dict[str, Any]) -> Any:
        """Call an action and read up to its answer."""
        await self.call("Action", path, arguments)
        while (message := await self.receive())["type"] != "ActionResponse":
            pass
        return message["result"]

    async def mutate(self, path: str, arguments: dict[str, Any]) -> None:
        """Call a mutation and read up to the Transition behind its answer."""
        await self.call("Mutation", path, arguments)
        while (await self.receive())["type"] != "MutationResponse":
            pass
        await self.receive()

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = from_json(await self._socket.recv(decode=False))
        return message

    async def until(self, last: float) -> None:
        """Read up to the Transition that carries version `last` of a result."""
        while _version(await self.receive()) != last:
            pass

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message, separators=(",", ":")))


def _version(transition: dict[str, Any]) -> Any:
    changes = transition["modifications"]
    return changes[-1]["value"]["n"] if changes else None


@asynccontextmanager
async def peer(url: str) -> AsyncIterator[Peer]:
    """A connected peer that has said who it is."""
    address = url.replace("http", "ws", 1) + "/api/sync"
    options: dict[str, Any] = {"compression": None, "max_size": None, "ping_interval": None}
    async with connect(address, **options) as socket:
        one = Peer(socket)
        await one.greet()
        yield one


async def first(url: str, times: int) -> Answer:
    watch = Stopwatch()
    for _ in range(times):
        async with peer(url) as one:
            await one.add("bench:value", [{"size": 100}])
            await one.receive()
            watch.pause()
        watch.resume()
    return watch.read(times)


async def mutations(url: str, count: int, together: int) -> Answer:
    async with peer(url) as one:
        await one.add("bench:value", [{"size": 100}])
        await one.receive()
        watch = Stopwatch()
        for _ in range(count // together):
            if together == 1:
                await one.mutate("bench:touch", {"text": "hello"})
                continue
            for _ in range(together):
                await one.call("Mutation", "bench:touch", {"text": "hello"})
            for _ in range(2 * together):
                await one.receive()
        return watch.read(count)


async def transitions(url: str, count: int, size: int, queries: int = 1) -> Answer:
    async with peer(url) as one:
        await one.add("bench:value", [{"size": size, "i": at} for at in range(queries)])
        await one.receive()
        burst = {"count": count, "size": size, "query": queries // 2}
        last = (await one.act("bench:prepare", burst))["last"]
        watch = Stopwatch()
        await one.act("bench:go", {})
        await one.until(last)
        return {**watch.read(count), "seen": 1.0}


async def subscriptions(url: str, count: int) -> Answer:
    before = memory_bytes()
    async with peer(url) as one:
        watch = Stopwatch()
        await one.add("bench:value", [{"size": 100, "i": at} for at in range(count)])
        kept = await one.receive()
        answer = watch.read()
        return {**answer, "memory": memory_bytes() - before, "seen": len(kept["modifications"])}


async def rows(url: str, count: int) -> Answer:
    async with peer(url) as one:
        watch = Stopwatch()
        await one.add("bench:rows", [{"rows": count}])
        result = await one.receive()
        answer = watch.read()
        return {**answer, "seen": len(result["modifications"][0]["value"]["rows"])}


async def reconnect(url: str, count: int, token: str) -> Answer:
    arguments = [{"size": 100, "i": at} for at in range(count)]
    async with peer(url) as one:
        await one.add("bench:value", arguments)
        await one.receive()
        await one.act("bench:drop", {"token": token})
    async with peer(url) as one:
        await one.add("bench:value", arguments)
        await one.receive()
        marked = await one.act("bench:mark", {})
    return {"seconds": marked["sinceOpened"], "felt": marked["sinceDropped"]}


async def pauses(url: str, load: str, count: int, size: int, rate: int) -> Answer:
    with ticking() as ticker:
        idle = await ticker.idle_share()
        async with peer(url) as one:
            return {**await _LOADS[load](one, ticker, count, size, rate, idle)}


async def _rows_load(
    one: Peer, ticker: Ticker, count: int, size: int, rate: int, idle: float
) -> Answer:
    await asyncio.sleep(0.01)
    ticker.restart()
    await one.add("bench:rows", [{"rows": count}])
    await one.receive()
    return ticker.read(idle)


async def _paced_load(
    one: Peer, ticker: Ticker, count: int, size: int, rate: int, idle: float
) -> Answer:
    await one.add("bench:value", [{"size": size}])
    await one.receive()
    ticker.restart()
    paced = {"count": count, "size": size, "per_second": rate}
    await one.until((await one.act("bench:pace", paced))["last"])
    return ticker.read(idle)


async def _mutations_load(
    one: Peer, ticker: Ticker, count: int, size: int, rate: int, idle: float
) -> Answer:
    await one.add("bench:value", [{"size": size}])
    await one.receive()
    ticker.restart()
    for _ in range(count):
        await one.mutate("bench:touch", {"text": "hello"})
    return ticker.read(idle)


_LOADS = {"rows": _rows_load, "paced": _paced_load, "mutations": _mutations_load}

OPERATIONS: dict[str, Operation] = {
    "first": first,
    "mutations": mutations,
    "transitions": transitions,
    "subscriptions": subscriptions,
    "rows": rows,
    "reconnect": reconnect,
    "pauses": pauses,
}

if __name__ == "__main__":
    asyncio.run(serve(OPERATIONS))
