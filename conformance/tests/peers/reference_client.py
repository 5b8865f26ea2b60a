"""A small right client, written for the tests of the runner: bare frames and sockets.

It keeps the rules that the cases of the first chapters prove, and nothing else. Run it with
`--core` for the inline wire, without for a real socket.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
import uuid
from typing import Any

ZERO = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
CLASSES = {"InternalServerError": 1000, "InactiveServer": 100, "FailedToSendMessage": 100}
SLOW = ("SubscriptionsWorkerFull", "TooManyConcurrentRequests", "CommitterFull", "ExecuteFull")


def ts_of(text: str) -> int:
    data = base64.b64decode(text, validate=True)
    if len(data) != 8:
        raise ValueError(text)
    return int.from_bytes(data, "little")


class Client:
    """Inputs in, `out(event)` and the three wire callbacks out."""

    def __init__(self, out: Any, wire: Any, clock: Any) -> None:
        self.out, self.wire, self.clock = out, wire, clock
        self.session = str(uuid.uuid4())
        self.subs: dict[str, str] = {}
        self.queries: dict[str, dict[str, Any]] = {}
        self.next_query = self.next_request = self.opens = self.retries = 0
        self.max_observed: str | None = None
        self.reason: str | None = "InitialConnect"
        self.live = self.dead = False
        self.version = dict(ZERO)
        self.query_set = 0
        self.results: dict[int, Any] = {}
        self.requests: dict[int, dict[str, Any]] = {}
        self.chunks: list[str] = []
        self.chunk_set: tuple[str, int] | None = None
        self.outstanding: set[int] = set()
        self.retry_at: float | None = None
        self.silent_at: float | None = None

    def start(self) -> None:
        self.silent_at = self.clock() + 60_000
        self.wire("open")

    def send(self, frame: dict[str, Any]) -> None:
        if self.live:
            self.wire("send", text=json.dumps(frame))

    def opened(self) -> None:
        self.live = True
        self.silent_at = self.clock() + 60_000
        connect = {
            "type": "Connect",
            "sessionId": self.session,
            "connectionCount": self.opens,
            "lastCloseReason": self.reason,
            "clientTs": round(time.time() * 1000),
        }
        if self.max_observed is not None:
            connect["maxObservedTimestamp"] = self.max_observed
        self.opens += 1
        self.reason = None
        self.version, self.query_set, self.results = dict(ZERO), 1, {}
        self.chunks, self.chunk_set = [], None
        self.send(connect)
        adds = [self._add(query) for query in self.queries.values()]
        self.outstanding = {query["id"] for query in self.queries.values()}
        self.send(
            {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": adds}
        )
        for number, request in sorted(self.requests.items()):
            if request["kind"] == "Action" and request["sent"]:
                del self.requests[number]
                self._settle(request, error={"kind": "lost", "message": "Connection lost"})
            else:
                request["sent"] = True
                self.send(request["frame"])

    def _add(self, query: dict[str, Any]) -> dict[str, Any]:
        add = {
            "type": "Add",
            "queryId": query["id"],
            "udfPath": query["path"],
            "args": [query["args"]],
        }
        if "journal" in query:
            add["journal"] = query["journal"]
        return add

    def subscribe(self, sub: str, path: str, args: Any) -> None:
        module, colon, name = path.rpartition(":")
        module, name = (module, name) if colon else (name, "default")
        path = f"{module.removesuffix('.js')}:{name}"
        token = json.dumps({"udfPath": path, "args": args}, sort_keys=True)
        self.subs[sub] = token
        if token in self.queries:
            query = self.queries[token]
            query["count"] += 1
            if "shown" in query:
                self.out({"ev": "update", "changes": [{"sub": sub, **query["shown"]}]})
            return
        query = {"id": self.next_query, "path": path, "args": args, "count": 1}
        self.next_query += 1
        self.queries[token] = query
        self._modify([self._add(query)])

    def unsubscribe(self, sub: str) -> None:
        token = self.subs.pop(sub)
        query = self.queries[token]
        query["count"] -= 1
        if query["count"] == 0:
            del self.queries[token]
            self.outstanding.discard(query["id"])
            self._modify([{"type": "Remove", "queryId": query["id"]}])

    def _modify(self, modifications: list[Any]) -> None:
        if self.live:
            base, self.query_set = self.query_set, self.query_set + 1
            self.send(
                {
                    "type": "ModifyQuerySet",
                    "baseVersion": base,
                    "newVersion": base + 1,
                    "modifications": modifications,
                }
            )

    def call(self, kind: str, call: str, path: str, args: Any) -> None:
        number = self.next_request
        self.next_request += 1
        frame = {"type": kind, "requestId": number, "udfPath": path, "args": [args]}
        self.requests[number] = {"kind": kind, "call": call, "frame": frame, "sent": self.live}
        self.send(frame)

    def received(self, text: str) -> None:
        if not self.live:
            return
        self.silent_at = self.clock() + 60_000
        try:
            frame = json.loads(text)
            handler = getattr(self, "on_" + str(frame["type"]), None)
            if self.chunk_set and frame["type"] not in ("TransitionChunk", "Ping"):
                raise ValueError("a chunk set was interrupted")
            if handler is not None:
                handler(frame)
        except (ValueError, KeyError, TypeError) as error:
            self.fail(str(error))

    def fail(self, reason: str) -> None:
        self.out({"ev": "error", "kind": "protocol", "message": reason})
        self.wire("close", code=None)
        self._disconnected("ProtocolError")

    def lost(self, code: int, reason: str) -> None:
        self._disconnected(reason or f"closed with code {code}")

    def _disconnected(self, reason: str) -> None:
        self.live, self.reason = False, reason
        if self.dead:
            return
        start = next((ms for name, ms in CLASSES.items() if reason.startswith(name)), 1000)
        start = 3000 if reason.startswith(SLOW) else start
        self.retry_at = self.clock() + min(start * 2**self.retries, 16000)
        self.silent_at = None
        self.retries += 1

    def tick(self) -> None:
        now = self.clock()
        if self.silent_at is not None and now >= self.silent_at:
            if self.live:
                self.wire("close", code=None)
            self._disconnected("InactiveServer")
        if self.retry_at is not None and now >= self.retry_at:
            self.retry_at, self.silent_at = None, now + 60_000
            self.wire("open")

    def on_Ping(self, frame: Any) -> None:
        del frame

    def on_FatalError(self, frame: Any) -> None:
        self.dead = True
        self.wire("close", code=None)
        self._disconnected("FatalError")
        self.retry_at = None
        self.out({"ev": "error", "kind": "fatal", "message": frame["error"]})
        self.reject("fatal")

    def reject(self, reason: str) -> None:
        for request in self.requests.values():
            self._settle(request, error={"kind": "closed", "message": reason})
        self.requests.clear()

    def on_TransitionChunk(self, frame: Any) -> None:
        key = (frame["transitionId"], frame["totalParts"])
        if self.chunk_set not in (None, key) or frame["partNumber"] != len(self.chunks):
            raise ValueError("a chunk out of order")
        self.chunk_set = key
        self.chunks.append(frame["chunk"])
        if len(self.chunks) == frame["totalParts"]:
            text, self.chunks, self.chunk_set = "".join(self.chunks), [], None
            self.on_Transition(json.loads(text))

    def on_Transition(self, frame: Any) -> None:
        start, end = frame["startVersion"], frame["endVersion"]
        if start != self.version:
            raise ValueError("a gap")
        ts = ts_of(end["ts"])
        changed = []
        results = dict(self.results)
        for change in frame["modifications"]:
            if change["type"] == "QueryRemoved":
                results.pop(change["queryId"], None)
                continue
            shown = (
                {"value": change["value"]}
                if change["type"] == "QueryUpdated"
                else {"error": {"message": change["errorMessage"], **_data(change)}}
            )
            results[change["queryId"]] = shown
            for token, query in self.queries.items():
                if query["id"] == change["queryId"]:
                    query["journal"] = change.get("journal")
                    query["shown"] = shown
                    self.outstanding.discard(query["id"])
                    changed += [
                        {"sub": sub, **shown} for sub, own in self.subs.items() if own == token
                    ]
        self.results, self.version = results, end
        self._observe(end["ts"])
        if changed:
            self.out({"ev": "update", "changes": changed})
        for number, request in list(self.requests.items()):
            if "ts" in request and ts >= request["ts"]:
                del self.requests[number]
                self._settle(request, value=request["result"])
        if not self.outstanding:
            self.retries = 0

    def _observe(self, ts: str) -> None:
        if self.max_observed is None or ts_of(ts) > ts_of(self.max_observed):
            self.max_observed = ts

    def on_MutationResponse(self, frame: Any) -> None:
        request = self.requests.get(frame["requestId"])
        if request is None or "ts" in request:
            return
        if frame["success"]:
            request["ts"] = ts_of(frame["ts"])
            request["result"] = frame["result"]
            self._observe(frame["ts"])
        else:
            self._failed(frame)

    def on_ActionResponse(self, frame: Any) -> None:
        if frame["requestId"] not in self.requests:
            return
        if frame["success"]:
            self._settle(self.requests.pop(frame["requestId"]), value=frame["result"])
        else:
            self._failed(frame)

    def _failed(self, frame: Any) -> None:
        kind = "application" if "errorData" in frame else "function"
        error = {"kind": kind, "message": frame["result"], **_data(frame)}
        self._settle(self.requests.pop(frame["requestId"]), error=error)

    def _settle(self, request: Any, **result: Any) -> None:
        self.out({"ev": "settled", "call": request["call"], **result})

    def close(self) -> None:
        if not self.dead:
            self.dead = True
            self.wire("close", code=None)
            self.live, self.retry_at, self.silent_at = False, None, None
            self.reject("closed")


def _data(frame: Any) -> dict[str, Any]:
    return {"data": frame["errorData"]} if "errorData" in frame else {}


class Adapter:
    def __init__(self, is_core: bool) -> None:
        self.is_core = is_core
        self.clients: dict[str, Client] = {}
        self.sockets: dict[str, Any] = {}
        self.urls: dict[str, str] = {}
        self.now = 1_000_000.0

    def write(self, message: Any) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def hello(self) -> dict[str, Any]:
        features = ["mutations", "actions"]
        features += ["wire.inline", "clock.virtual"] if self.is_core else []
        return {
            "name": "reference",
            "version": "0",
            "language": "python",
            "levels": "L1",
            "features": features,
        }

    def open(self, name: str, url: str) -> None:
        def wire(do: str, **fields: Any) -> None:
            if self.is_core:
                self.write({"ev": "wire", "client": name, "do": do, **fields})
            else:
                self.on_wire(name, do, fields)

        self.urls[name] = url
        client = Client(
            lambda event: self.write({"client": name, **event}),
            wire,
            (lambda: self.now) if self.is_core else (lambda: time.monotonic() * 1000),
        )
        self.clients[name] = client
        client.start()

    def handle(self, message: Any) -> dict[str, Any]:
        op, name = message["op"], message.get("client")
        client = self.clients.get(name)
        if op == "hello":
            return self.hello()
        if op == "open":
            self.open(name, message["url"])
        elif op == "subscribe":
            client.subscribe(message["sub"], message["path"], message["args"])
        elif op == "unsubscribe":
            client.unsubscribe(message["sub"])
        elif op in ("mutate", "action"):
            kind = "Mutation" if op == "mutate" else "Action"
            client.call(kind, message["call"], message["path"], message["args"])
        elif op == "wire":
            if message["do"] == "opened":
                client.opened()
            elif message["do"] == "received":
                client.received(message["text"])
            else:
                client.lost(message["code"], message["reason"])
        elif op == "advance":
            self.now += message["ms"]
            for each in self.clients.values():
                each.tick()
        elif op == "close":
            if client is not None:
                client.close()
                del self.clients[name]
        elif op != "bye":
            return {"ok": False, "unsupported": True, "reason": f"no {op}"}
        return {}

    def on_wire(self, name: str, do: str, fields: Any) -> None:
        if do == "open":
            self.sockets[name] = (asyncio.ensure_future(self.run(name)), None)
        elif do == "send":
            self.sockets[name][1].put_nowait(fields["text"])
        else:
            self.sockets[name][0].cancel()

    async def run(self, name: str) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, WebSocketException

        client = self.clients[name]
        url = self.urls[name].replace("http", "ws", 1).rstrip("/") + "/api/1.48.0/sync"
        try:
            async with connect(url, max_size=None, ping_interval=None) as socket:
                outbox: asyncio.Queue[str] = asyncio.Queue()
                self.sockets[name] = (self.sockets[name][0], outbox)

                async def send() -> None:
                    while True:
                        await socket.send(await outbox.get())

                sender = asyncio.ensure_future(send())
                client.opened()
                try:
                    async for text in socket:
                        client.received(text)
                except ConnectionClosed:
                    pass
                finally:
                    sender.cancel()
                received = socket.protocol.close_rcvd
                if client.live:
                    code = received.code if received else 1006
                    client.lost(code, received.reason if received else "")
        except (OSError, WebSocketException):
            client.lost(1006, "")

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**28)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        ticker = asyncio.ensure_future(self.tick()) if not self.is_core else None
        while line := await reader.readline():
            message = json.loads(line)
            try:
                answer = self.handle(message)
            except (KeyError, ValueError, AttributeError) as error:
                answer = {"ok": False, "error": repr(error)}
            self.write({"re": message["seq"], "ok": True, **answer})
            if message["op"] == "bye":
                break
        if ticker is not None:
            ticker.cancel()

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            for client in self.clients.values():
                client.tick()


if __name__ == "__main__":
    asyncio.run(Adapter("--core" in sys.argv).serve())
