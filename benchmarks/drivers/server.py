"""Servers under measurement, all on one event loop: unisono-mock, and bare ones beside it.

Not here: the load on them (see load), the functions (see benchmarks.app).
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed

from benchmarks.app import app, measured_body
from benchmarks.drivers.lines import Answer, Operation, Stopwatch, memory_bytes, serve
from unisono_mock import Backend
from unisono_mock import serve as serve_app
from unisono_mock.core.effects import Effect, Send

_SESSION = "123e4567-e89b-42d3-a456-42661417%04d"
_QUERIES_PER_PEER = 1000


class Bare(asyncio.Protocol):
    """A socket about which nothing is known."""

    connections: set["Bare"] = set()  # noqa: RUF012

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.connections.discard(self)


async def relay(one: ServerConnection) -> None:
    """Tell everybody what one says; `websockets` and nothing else."""
    with contextlib.suppress(ConnectionClosed):
        async for message in one:
            broadcast(one.server.connections, message)


async def listen(stack: contextlib.AsyncExitStack) -> dict[str, str]:
    """Start all servers; where they are."""
    mock = await stack.enter_async_context(serve_app(app))
    options: dict[str, Any] = {"compression": None, "ping_interval": None, "backlog": 4096}
    websockets = await stack.enter_async_context(serve_websockets(relay, "127.0.0.1", 0, **options))
    bare = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0, backlog=4096)
    stack.callback(bare.close)
    ports = {"websockets": websockets.sockets, "socket": bare.sockets}
    others = {name: f"http://127.0.0.1:{own[0].getsockname()[1]}" for name, own in ports.items()}
    return {"unisono_mock": mock.url, **others}


def commits_in_process(count: int, names: int) -> Answer:
    """The same mutations as a client sends, called without a socket."""
    backend = Backend(app)
    watch = Stopwatch()
    for number in range(count):
        backend.mutation("bench:add", name=f"counter-{number % names}")
    return watch.read(count)


def commits_store(count: int, names: int) -> Answer:
    """The store's part of the same mutations: what `ctx.db` does, and the commit."""
    backend = Backend(app)
    spent = Spent()
    backend.store.commit = spent.around(backend.store.commit)  # type: ignore[method-assign]
    with measured_body(spent.around):
        for number in range(count):
            backend.mutation("bench:add", name=f"counter-{number % names}")
    return spent.read(count)


class Spent:
    """The time inside of some functions, in all."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._processor = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted."""

        def timed(*arguments: Any) -> Any:
            processor, started = time.process_time(), time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self._seconds += time.perf_counter() - started
                self._processor += time.process_time() - processor

        return timed

    def read(self, times: int) -> Answer:
        """The numbers of an answer, for one of `times` equal steps."""
        return {"seconds": self._seconds / times, "processor": self._processor / times}


class Wire:
    """A client without a socket, which counts what it is sent."""

    def __init__(self, backend: Backend, number: int) -> None:
        self.frames = 0
        self.bytes = 0
        self._requests = 0
        self._peer = backend.connect(self._take)
        self.send(type="Connect", sessionId=_SESSION % number, connectionCount=0)

    def _take(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            self.frames += 1
            self.bytes += len(effect.text)
            self._peer.session.transitions.unsent = 0

    def send(self, **message: Any) -> None:
        self._peer.received(json.dumps(message))

    def add(self, arguments: list[dict[str, Any]]) -> None:
        added = [
            {"type": "Add", "queryId": at, "udfPath": "bench:count", "args": [each]}
            for at, each in enumerate(arguments)
        ]
        self.send(type="ModifyQuerySet", baseVersion=0, newVersion=1, modifications=added)

    def mutate(self, path: str, arguments: dict[str, Any]) -> None:
        self._requests += 1
        self.send(type="Mutation", requestId=self._requests, udfPath=path, args=[arguments])


def untouched(subscriptions: int, touched: int, commits: int, rounds: int) -> Answer:
    """The cost of a commit that touches few of many subscriptions, all on sockets that are none."""
    backend = Backend(app)
    others: list[Wire] = []
    for start in range(0, subscriptions, _QUERIES_PER_PEER):
        names = range(start, min(start + _QUERIES_PER_PEER, subscriptions))
        others.append(Wire(backend, 1000 + len(others)))
        others[-1].add([{"name": f"cold-{number}"} for number in names])
    watchers = [Wire(backend, number) for number in range(touched)]
    for number, each in enumerate(watchers):
        each.add([{"name": "hot", "view": float(number)}])
    writer = Wire(backend, 9999)
    writer.mutate("bench:add", {"name": "hot"})
    quiet = sum(each.frames for each in others)
    runs = []
    for _ in range(rounds):
        watch = Stopwatch()
        for _ in range(commits):
            writer.mutate("bench:add", {"name": "hot"})
        runs.append(watch.read(commits)["processor"])
    return {"runs": runs, "told": sum(each.frames for each in others) - quiet}


def watched(watchers: int, commits: int) -> Answer:
    """Commits that change the one result of many watchers, all on sockets that are none."""
    backend = Backend(app)
    for number in range(watchers):
        Wire(backend, number).add([{"name": "hot"}])
    writer = Wire(backend, 9999)
    watch = Stopwatch()
    for _ in range(commits):
        writer.mutate("bench:add", {"name": "hot"})
    return watch.read(commits * watchers)


#: What needs no socket, and can be looked at under a profiler.
OPERATIONS: dict[str, Operation] = {
    "commits_in_process": commits_in_process,
    "commits_store": commits_store,
    "untouched": untouched,
    "watched": watched,
}


async def main() -> None:
    async with contextlib.AsyncExitStack() as stack:
        urls = await listen(stack)
        operations: dict[str, Operation] = {
            "urls": lambda: {"urls": urls},
            "memory": lambda: {"memory": memory_bytes()},
            "processor": lambda: {"processor": time.process_time()},
            **OPERATIONS,
        }
        await serve(operations)


if __name__ == "__main__":
    asyncio.run(main())
