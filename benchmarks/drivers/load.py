"""Load on a server by many raw sockets: prepared frames out, a count of what comes in.

No event loop and no protocol library: the load must cost less than what it measures.

Not here: the servers (see server).
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from benchmarks.frames import masked_text_frame

_SESSION = "123e4567-e89b-42d3-a456-%012d"
_UPGRADE = (
    b"GET /api/sync HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TRANSITION = b'"type":"Transition"'
_RESPONSE = b'"type":"MutationResponse"'
_AT_ONCE = 100
_PATIENCE_S = 15.0


class Crowd:
    """Connected sockets, and the waiting for what all of them shall hear."""

    def __init__(self, url: str, size: int, *, is_websocket: bool = True) -> None:
        self._selector = selectors.DefaultSelector()
        self._address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self.sockets: list[socket.socket] = []
        for start in range(0, size, _AT_ONCE):
            self._connect(min(_AT_ONCE, size - start), is_websocket)

    def _connect(self, count: int, is_websocket: bool) -> None:
        """A few at a time, so that the server's queue of new connections never overflows."""
        fresh = [socket.create_connection(self._address) for _ in range(count)]
        for each in fresh:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(each, selectors.EVENT_READ)
        self.sockets += fresh
        if is_websocket:
            self.tell(fresh, [_UPGRADE] * count)
            self.hear(b"\r\n\r\n", count)

    def tell(self, sockets: Iterable[socket.socket], frames: Iterable[bytes]) -> None:
        """One frame to each socket."""
        for each, frame in zip(sockets, frames, strict=False):
            each.sendall(frame)

    def hear(
        self,
        mark: bytes,
        wanted: int,
        heard: Callable[[socket.socket], None] | None = None,
        lost: Callable[[socket.socket], None] | None = None,
    ) -> bytes:
        """Read until `mark` has come so often in all; the last bytes that held it."""
        deadline = time.monotonic() + _PATIENCE_S
        last = b""
        while wanted > 0:
            ready = self._selector.select(1.0)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{wanted} answers are missing")
            for key, _ in ready:
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                data = connection.recv(65_536)
                if not data and lost is None:
                    raise ConnectionError("the server ended a connection")
                if not data and lost is not None:
                    lost(connection)
                found = data.count(mark)
                wanted -= found
                last = data if found else last
                if heard is not None and found:
                    heard(connection)
        return last

    def replace(self, connection: socket.socket) -> socket.socket:
        """A new connection in the place of one that the server has ended."""
        self._selector.unregister(connection)
        connection.close()
        fresh = socket.create_connection(self._address)
        fresh.sendall(_UPGRADE)
        while b"\r\n\r\n" not in fresh.recv(65_536):
            pass
        self._selector.register(fresh, selectors.EVENT_READ)
        self.sockets[self.sockets.index(connection)] = fresh
        return fresh

    def close(self) -> None:
        self._selector.close()
        for each in self.sockets:
            each.close()


def _frame(**message: Any) -> bytes:
    return masked_text_frame(json.dumps(message, separators=(",", ":")))


def _greeting(number: int) -> bytes:
    session = _SESSION % ((time.time_ns() // 1000 * 10_000 + number) % 10**12)
    return _frame(type="Connect", sessionId=session, connectionCount=0, lastCloseReason="")


def _query_set(arguments: list[dict[str, Any]]) -> bytes:
    added = [
        {"type": "Add", "queryId": at, "udfPath": "bench:count", "args": [each]}
        for at, each in enumerate(arguments)
    ]
    return _frame(type="ModifyQuerySet", baseVersion=0, newVersion=1, modifications=added)


def _mutation(number: int, path: str, name: str) -> bytes:
    return _frame(type="Mutation", requestId=number, udfPath=path, args=[{"name": name}])


class Writer:
    """One client that sends its mutations one by one, again if its connection ends."""

    def __init__(self, number: int, names: Iterable[str], path: str) -> None:
        self._greeting = _greeting(number)
        self._frames = [_mutation(at, path, name) for at, name in enumerate(names)]
        self._at = 0

    def begin(self, connection: socket.socket) -> None:
        connection.sendall(self._greeting + self._frames[self._at])

    def go_on(self, connection: socket.socket) -> None:
        self._at += 1
        if self._at < len(self._frames):
            connection.sendall(self._frames[self._at])


def commits(url: str, clients: int, count: int, shared_percent: int, path: str) -> dict[str, Any]:
    """Mutations by several clients, each waiting for its own response; some share a counter."""
    crowd = Crowd(url, clients)
    writers: dict[socket.socket, Writer] = {}
    lost = 0
    try:
        for number, connection in enumerate(crowd.sockets):
            names = [_name(number, at, shared_percent) for at in range(count // clients)]
            writers[connection] = Writer(number, names, path)

        def again(connection: socket.socket) -> None:
            nonlocal lost
            lost += 1
            writer, fresh = writers.pop(connection), crowd.replace(connection)
            writers[fresh] = writer
            writer.begin(fresh)

        started = time.perf_counter()
        for connection, writer in writers.items():
            writer.begin(connection)
        wanted = count // clients * clients
        crowd.hear(_RESPONSE, wanted, lambda each: writers[each].go_on(each), again)
        return {"seconds": (time.perf_counter() - started) / wanted, "lost": lost / wanted}
    finally:
        crowd.close()


def _name(client: int, number: int, shared_percent: int) -> str:
    is_shared = (number * 7 + client) % 100 < shared_percent
    return "shared" if is_shared else f"own-{client}"


def fan_out(urls: dict[str, str], sockets: int, rounds: int) -> dict[str, Any]:
    """One changed result to many sockets: by the reactive server and by a bare one, in turns."""
    mock, bare = Crowd(urls["unisono_mock"], sockets), Crowd(urls["websockets"], sockets)
    writer = Crowd(urls["unisono_mock"], 1)
    try:
        numbers = range(sockets)
        mock.tell(mock.sockets, map(_greeting, numbers))
        mock.tell(mock.sockets, [_query_set([{"name": "everybody"}])] * sockets)
        mock.hear(_TRANSITION, sockets)
        writer.tell(writer.sockets, [_greeting(sockets)])
        text = ""
        runs: dict[str, list[float]] = {"unisono_mock": [], "websockets": []}
        for number in range(rounds + 1):
            started = time.perf_counter()
            writer.tell(writer.sockets, [_mutation(number, "bench:add", "everybody")])
            heard = mock.hear(_TRANSITION, sockets)
            runs["unisono_mock"].append(time.perf_counter() - started)
            writer.hear(_TRANSITION, 1)
            text = heard[heard.index(b"{") : heard.rindex(b"}") + 1].decode()
            started = time.perf_counter()
            bare.tell(bare.sockets[:1], [masked_text_frame(text)])
            bare.hear(_TRANSITION, sockets)
            runs["websockets"].append(time.perf_counter() - started)
        return {"runs": {name: each[1:] for name, each in runs.items()}, "bytes": len(text)}
    finally:
        for crowd in (mock, bare, writer):
            crowd.close()


class Idle:
    """Connections that stay open and say nothing, until they are let go."""

    def __init__(self) -> None:
        self._crowd: Crowd | None = None

    def hold(self, url: str, sockets: int, queries: int, is_websocket: bool) -> dict[str, Any]:
        self._crowd = crowd = Crowd(url, sockets, is_websocket=is_websocket)
        if queries:
            crowd.tell(crowd.sockets, map(_greeting, range(sockets)))
            sets = (
                _query_set([{"name": f"idle-{number}-{at}"} for at in range(queries)])
                for number in range(sockets)
            )
            crowd.tell(crowd.sockets, sets)
            crowd.hear(_TRANSITION, sockets)
        return {"sockets": len(crowd.sockets)}

    def let_go(self) -> dict[str, Any]:
        if self._crowd is not None:
            self._crowd.close()
        return {}


def main() -> None:
    idle = Idle()
    operations: dict[str, Callable[..., dict[str, Any]]] = {
        "commits": commits,
        "fan_out": fan_out,
        "hold": idle.hold,
        "let_go": idle.let_go,
    }
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(operations[request.pop("op")](**request)), flush=True)


if __name__ == "__main__":
    main()
