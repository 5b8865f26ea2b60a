"""A server that costs next to nothing: what it does is asked for in the arguments of its functions.

It stands in for a backend wherever a *client* is measured. It checks nothing that a well-behaved
client cannot get wrong, keeps one counter as its clock, and sends prepared bytes in one write.

    query   bench:value {size, i}      a plain result of about `size` bytes; `n` is its version
    query   bench:rows {rows}          a large result with two int64 values in each row
    mutation bench:touch {}            answered, then a Transition with a new first result
    mutation bench:hold {}             not answered before bench:release
    action  bench:prepare {count, size, query}   write out `count` Transitions for bench:go
    action  bench:go {}                answered together with the prepared Transitions
    action  bench:pace {count, size, per_second}    the same, one at a time
    action  bench:release {}           answer all that bench:hold kept
    action  bench:drop {token}         answered, then the connection ends without a Close frame
    action  bench:mark {}              seconds since this connection and since the last drop

Not here: the bytes themselves (see frames), a real reactive server (that is unisono_mock).
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from websockets.http11 import Request
from websockets.server import ServerProtocol

from benchmarks import frames

_OPENING_TS = 1_000
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class ScriptedServer:
    """The listening side; a context manager that ends every connection it accepted."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.counts = {"connections": 0, "messages": 0, "bytes": 0}
        self.version = 1
        #: Off, the kernel may sit on an acknowledgement for 40 ms, and a client that leaves
        #: Nagle's algorithm on sits on its next message for as long.
        self.acknowledges_at_once = True
        self.dropped_at = 0.0
        self.drops: set[str] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "ScriptedServer":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        """The deployment URL to give to a client."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"


class Connection(asyncio.Protocol):
    """One client: the handshake by the library, everything after it by hand."""

    transport: asyncio.Transport

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.opened_at = time.monotonic()
        self.query_set = 0
        self.sent = (0, 0)
        self.queries: dict[int, tuple[str, dict[str, Any]]] = {}
        self._handshake: ServerProtocol | None = ServerProtocol()
        self._reader = frames.FrameReader()
        self._added: list[int] = []
        self._removed: list[int] = []
        self._held: list[int] = []
        self._prepared = b""
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections.add(self)
        self.server.counts["connections"] += 1

    def connection_lost(self, error: Exception | None) -> None:
        self.server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        if self.server.acknowledges_at_once and _QUICK_ACK is not None:
            socket_ = self.transport.get_extra_info("socket")
            socket_.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        if self._handshake:
            self._shake_hands(self._handshake, data)
            return
        for payload in self._reader.feed(data):
            self.server.counts["messages"] += 1
            self.server.counts["bytes"] += len(payload)
            self._receive(json.loads(payload))
        if self._added or self._removed:
            self._answer_edits()
        if self._out:
            self.transport.write(b"".join(self._out))
            self._out.clear()
        if self._reader.closed:
            self.transport.close()

    def _shake_hands(self, handshake: ServerProtocol, data: bytes) -> None:
        handshake.receive_data(data)
        for event in handshake.events_received():
            if isinstance(event, Request):
                handshake.send_response(handshake.accept(event))
                self._handshake = None
        # A backend pings each new connection at once; it also ends the wait of the peer's
        # kernel for an acknowledgement.
        self.transport.writelines([*handshake.data_to_send(), frames.PING])

    def _receive(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ModifyQuerySet":
                self._edit(message)
            case "Mutation" | "Action":
                function = _FUNCTIONS[message["udfPath"].replace(".js", "")]
                function(self, message["requestId"], message["args"][0])

    def _edit(self, message: dict[str, Any]) -> None:
        self.query_set = message["newVersion"]
        if not message["modifications"]:
            self._send_transition([])
        for change in message["modifications"]:
            number = change["queryId"]
            if change["type"] == "Add":
                self.queries[number] = (change["udfPath"], change["args"][0])
                self._added.append(number)
            else:
                self.queries.pop(number, None)
                self._removed.append(number)

    def _answer_edits(self) -> None:
        """All edits that arrived together are answered by one Transition, as a server does."""
        changes = {number: self._result(number) for number in self._added if number in self.queries}
        for number in self._removed:
            changes.setdefault(number, f'{{"type":"QueryRemoved","queryId":{number}}}')
        self._added.clear()
        self._removed.clear()
        self._send_transition([changes[number] for number in sorted(changes)])

    def _result(self, number: int) -> str:
        path, arguments = self.queries[number]
        if path.startswith("bench:rows") or path.startswith("bench.js:rows"):
            return frames.updated(number, frames.rows(int(arguments["rows"])))
        size = int(arguments.get("size", 100))
        return frames.updated(number, frames.value(self.server.version, size))

    def _send_transition(self, changes: list[str]) -> None:
        self._out.append(frames.text_frame(self._next(changes)))

    def _next(self, changes: list[str]) -> str:
        """The Transition that follows on what this connection was told last."""
        query_set, ts = self.sent
        self.sent = (self.query_set, max(ts, _OPENING_TS) + 1)
        return frames.transition((query_set, self.query_set), (ts, self.sent[1]), changes)

    def _first_query(self) -> int:
        return min(self.queries)

    def _succeed(self, request_id: int, result: str = "null") -> None:
        self._out.append(frames.text_frame(frames.action_response(request_id, result)))

    def _commit(self, request_id: int) -> None:
        """A mutation that ran: its response, then the Transition that shows it."""
        ts = max(self.sent[1], _OPENING_TS) + 1
        self.server.version += 1
        changes = []
        if self.queries:
            changes = [frames.updated(self._first_query(), frames.value(self.server.version, 100))]
        self._out.append(frames.text_frame(frames.mutation_response(request_id, ts)))
        self._send_transition(changes)

    def touch(self, request_id: int, _: dict[str, Any]) -> None:
        self._commit(request_id)

    def hold(self, request_id: int, _: dict[str, Any]) -> None:
        self._held.append(request_id)

    def release(self, request_id: int, _: dict[str, Any]) -> None:
        for held in self._held:
            self._commit(held)
        self._held.clear()
        self._succeed(request_id)

    def prepare(self, request_id: int, arguments: dict[str, Any]) -> None:
        """The Transitions of a burst; their versions follow on what was sent before."""
        query, size = int(arguments.get("query", self._first_query())), int(arguments["size"])
        texts = []
        for number in range(1, int(arguments["count"]) + 1):
            change = frames.updated(query, frames.value(self.server.version + number, size))
            texts.append(self._next([change]))
        last = self.server.version + int(arguments["count"])
        self.server.version = last
        self._prepared = b"".join(map(frames.text_frame, texts))
        self._succeed(request_id, f'{{"last":{last}.0}}')

    def go(self, request_id: int, _: dict[str, Any]) -> None:
        self._succeed(request_id)
        self._out.append(self._prepared)
        self._prepared = b""

    def pace(self, request_id: int, arguments: dict[str, Any]) -> None:
        """Transitions at a steady rate, by the clock of the loop."""
        loop = asyncio.get_running_loop()
        size, count = int(arguments["size"]), int(arguments["count"])
        started, gap = loop.time(), 1 / float(arguments["per_second"])
        query = self._first_query()

        def send(number: int) -> None:
            if self.transport.is_closing():
                return
            self.server.version += 1
            change = frames.updated(query, frames.value(self.server.version, size))
            self.transport.write(frames.text_frame(self._next([change])))
            if number < count:
                loop.call_at(started + number * gap, send, number + 1)

        loop.call_at(started + gap, send, 1)
        self._succeed(request_id, f'{{"last":{self.server.version + count}.0}}')

    def drop(self, request_id: int, arguments: dict[str, Any]) -> None:
        """End the connection once for a token: a client may send a lost action again."""
        if arguments["token"] not in self.server.drops:
            self.server.drops.add(arguments["token"])
            self.server.version += 1
            self.server.dropped_at = time.monotonic()
            asyncio.get_running_loop().call_soon(self.transport.close)
        self._succeed(request_id, f'{{"last":{self.server.version}.0}}')

    def mark(self, request_id: int, _: dict[str, Any]) -> None:
        now = time.monotonic()
        opened, dropped = now - self.opened_at, now - self.server.dropped_at
        self._succeed(request_id, f'{{"sinceOpened":{opened},"sinceDropped":{dropped}}}')


_FUNCTIONS: dict[str, Callable[[Connection, int, dict[str, Any]], None]] = {
    "bench:touch": Connection.touch,
    "bench:hold": Connection.hold,
    "bench:release": Connection.release,
    "bench:prepare": Connection.prepare,
    "bench:go": Connection.go,
    "bench:pace": Connection.pace,
    "bench:drop": Connection.drop,
    "bench:mark": Connection.mark,
}


async def main() -> None:
    """Serve, say where, and end with standard input."""
    async with ScriptedServer() as server:
        print(server.url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
