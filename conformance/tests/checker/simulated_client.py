"""An honest client and its application, small enough to be seen to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unisono_conformance.checker.wire import Pieces, decode_ts, encode_ts

from .simulated_server import Peer, token, version

if TYPE_CHECKING:
    from .simulator import Simulation

Json = Any
MISSING = object()


@dataclass
class Pending:
    """A mutation or an action that has not settled."""

    call: str
    frame: Json
    entry: str | None
    path: Json
    ts: int | None = None
    is_sent: bool = False
    has_layer: bool = False


@dataclass
class Sub:
    """A subscription: at most one for each query, so it is also the query of the wire."""

    name: str
    number: int
    path: str
    args: Json
    shown: Json = MISSING


class Client:
    """One session. Mutants override one method."""

    def __init__(self, world: Simulation, name: str) -> None:
        self.world = world
        self.name = name
        self.fired = 0
        self.session = f"session-{name}"
        self.subs: dict[int, Sub] = {}
        self.gone: list[Sub] = []
        self.told: dict[str, Json] = {}
        self.pending: dict[int, Pending] = {}
        self.requests = 0
        self.numbers = 0
        self.observed = 0
        self.subject: str | None = None
        self.peer: Peer | None = None
        self.reset()

    def reset(self) -> None:
        self.held: dict[int, Json] = {}
        self.version = version((0, 0, 0))
        self.query_set = self.identity = 0
        self.pieces = Pieces()

    # -- the application ----------------------------------------------------

    def subscribe(self, path: str, args: Json) -> None:
        if any(sub.path == path and sub.args == args for sub in self.subs.values()):
            return
        self.numbers += 1
        sub = Sub(f"s{self.numbers}", self.numbers, path, args)
        seq = self.op("subscribe", sub=sub.name, path=path, args=args)
        self.subs[sub.number] = sub
        self.modify([{"type": "Add", "queryId": sub.number, "udfPath": path, "args": [args]}])
        self.world.recorder.answer(self.name, seq)

    def unsubscribe(self, number: int) -> None:
        sub = self.subs.pop(number)
        seq = self.op("unsubscribe", sub=sub.name)
        self.modify([{"type": "Remove", "queryId": number}])
        self.world.recorder.answer(self.name, seq)
        self.gone.append(sub)

    def mutate(self, path: str, args: Json, optimistic: bool) -> None:
        call = f"{self.name}-c{self.requests}"
        more = {"optimistic": [{"path": "fx:list", "transform": "append"}]} if optimistic else {}
        seq = self.op("mutate", call=call, path=path, args=args, **more)
        self.request("Mutation", call, path, args, optimistic)
        if optimistic:
            self.publish()
        self.world.recorder.answer(self.name, seq)

    def act(self) -> None:
        call = f"{self.name}-c{self.requests}"
        seq = self.op("action", call=call, path="fx:slow", args={"ms": 1})
        self.request("Action", call, "fx:slow", {"ms": 1}, False)
        self.world.recorder.answer(self.name, seq)

    def set_auth(self, subject: str | None) -> None:
        self.subject = subject
        mode = "static" if subject else "none"
        self.op("set_auth", mode=mode, **({"token": token(subject)} if subject else {}))
        self.authenticate()

    def op(self, op: str, **fields: Json) -> int:
        return self.world.recorder.op(self.name, {"op": op, **fields})

    # -- the wire -----------------------------------------------------------

    def request(self, kind: str, call: str, path: str, args: Json, optimistic: bool) -> None:
        number = self.requests
        self.requests += 1
        frame = {"type": kind, "requestId": number, "udfPath": path, "args": [args]}
        pending = Pending(call, frame, args.get("id"), path, has_layer=optimistic)
        self.pending[number] = pending
        self.flush()

    def flush(self) -> None:
        if self.peer is None:
            return
        for pending in self.pending.values():
            if not pending.is_sent:
                pending.is_sent = True
                self.send(pending.frame)

    def modify(self, modifications: list[Json]) -> None:
        if self.peer is None:
            return
        base, self.query_set = self.query_set, self.query_set + 1
        versions = {"baseVersion": base, "newVersion": self.query_set}
        self.send({"type": "ModifyQuerySet", **versions, "modifications": modifications})

    def authenticate(self) -> None:
        if self.peer is None:
            return
        about: Json = {"type": "Authenticate", "baseVersion": self.identity}
        self.identity += 1
        if self.subject is None:
            self.send({**about, "tokenType": "None"})
        else:
            self.send({**about, "tokenType": "User", "value": token(self.subject)})

    def send(self, frame: Json) -> None:
        assert self.peer is not None
        self.world.recorder.c2s(self.peer.number, frame)
        self.peer.inbox.append(frame)

    def connect(self, peer: Peer) -> None:
        self.peer = peer
        self.reset()
        self.world.recorder.opened(peer.number, client=self.name)
        connect = {"type": "Connect", "sessionId": self.session, "connectionCount": 0}
        seen = {"maxObservedTimestamp": encode_ts(self.observed)} if self.observed else {}
        self.send({**connect, **seen})
        if self.subject is not None:
            self.authenticate()
        self.modify(
            [
                {"type": "Add", "queryId": sub.number, "udfPath": sub.path, "args": [sub.args]}
                for sub in self.subs.values()
            ]
        )
        self.flush()

    def lost(self) -> None:
        assert self.peer is not None
        self.world.recorder.lost(self.peer.number, 1006)
        self.peer = None
        for number, pending in list(self.pending.items()):
            if pending.frame["type"] == "Action" and pending.is_sent:
                self.lose_action(number)
            else:
                pending.is_sent = False

    def lose_action(self, number: int) -> None:
        self.settle(self.pending.pop(number), error={"kind": "lost"})

    # -- what comes ---------------------------------------------------------

    def deliver(self) -> None:
        assert self.peer is not None
        frame = self.peer.outbox.popleft()
        self.world.recorder.s2c(self.peer.number, frame)
        self.world.server.delivered(frame)
        if frame["type"] == "TransitionChunk":
            frame = self.pieces.add(frame)
            if frame is None:
                return
        if frame["type"] == "Transition":
            self.take(frame)
        elif frame["type"] == "MutationResponse":
            self.responded(frame)
        elif frame["requestId"] in self.pending:
            self.settle(self.pending.pop(frame["requestId"]))

    def responded(self, frame: Json) -> None:
        pending = self.pending.get(frame["requestId"])
        if pending is None or pending.ts is not None:
            return
        if frame["success"]:
            pending.ts = decode_ts(frame["ts"])
            self.observed = max(self.observed, pending.ts)
        else:
            del self.pending[frame["requestId"]]
            self.publish()
            self.settle(pending, error={"kind": "function"})

    def take(self, frame: Json) -> None:
        if frame["startVersion"] != self.version:
            self.world.drop(self)
            return
        for change in frame["modifications"]:
            if change["type"] == "QueryUpdated":
                self.held[change["queryId"]] = change["value"]
            else:
                self.held.pop(change["queryId"], None)
        self.version = frame["endVersion"]
        ts = decode_ts(self.version["ts"])
        self.observed = max(self.observed, ts)
        if self.version["querySet"] == 0:
            return
        covered = {n: p for n, p in self.pending.items() if p.ts is not None and p.ts <= ts}
        for number in covered:
            del self.pending[number]
        self.publish()
        for pending in covered.values():
            self.settle(pending)

    # -- what the application is told ---------------------------------------

    def visible(self, sub: Sub) -> Json:
        is_answered = sub.number in self.held and self.version["querySet"] > 0
        value: Any = self.held[sub.number] if is_answered else MISSING
        if value is MISSING or sub.path != "fx:list":
            return value
        mine = [
            pending.entry
            for pending in self.pending.values()
            if pending.has_layer and pending.frame["args"][0]["key"] == sub.args["key"]
        ]
        return [*value, *(entry for entry in mine if entry not in value)]

    def publish(self) -> None:
        changes = []
        for sub in self.subs.values():
            value = self.visible(sub)
            if value is not MISSING and value != sub.shown:
                sub.shown = value
                changes.append({"sub": sub.name, "value": value})
        if changes:
            self.tell(changes)

    def tell(self, changes: list[Json]) -> None:
        self.world.recorder.event(self.name, {"ev": "update", "changes": changes})

    def ended(self) -> None:
        """All has arrived."""
        self.world.server.ended(self.held, set(self.subs))

    def settle(self, pending: Pending, error: Json = None) -> None:
        outcome = {"value": None} if error is None else {"error": error}
        self.world.recorder.event(self.name, {"ev": "settled", "call": pending.call, **outcome})
