"""An honest server of the fixture's functions, small enough to be seen to be right."""

from __future__ import annotations

import base64
import json
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from unisono_conformance.checker.wire import encode_ts

Json = Any


@dataclass
class Entry:
    """One commit of the global log."""

    n: int
    id: str
    key: str
    ts: int
    session: str
    request: int


@dataclass
class Query:
    """One query of one connection, and what was sent for it last."""

    path: str
    args: dict[str, Any]
    sent: Json = None
    is_new: bool = True


@dataclass
class Peer:
    """The server's end of one connection."""

    number: int
    is_cut: bool = False
    session: str = ""
    inbox: deque[Json] = field(default_factory=deque)
    outbox: deque[Json] = field(default_factory=deque)
    cur: tuple[int, int, int] = (0, 0, 0)
    received: tuple[int, int] = (0, 0)
    subject: str | None = None
    queries: dict[int, Query] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)
    calls: deque[tuple[Json, str | None]] = field(default_factory=deque)
    is_due: bool = False


class Server:
    """All that is committed, and one peer for each connection. Mutants override one method."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.log: list[Entry] = []
        self.mine: dict[tuple[str, str | None], list[str]] = {}
        self.balances: dict[str, int] = {}
        self.done: dict[tuple[str, int], int] = {}
        self.latest = 1000
        self.fired = 0
        self.is_wrong = False
        self.wrong: list[Json] = []
        self._peers: list[Peer] = []

    # -- what the peers say -------------------------------------------------

    def receive(self, peer: Peer) -> None:
        frame = peer.inbox.popleft()
        kind = frame["type"]
        if kind == "Connect":
            peer.session = frame["sessionId"]
        elif kind == "Authenticate":
            peer.subject = subject_of(frame["value"]) if frame["tokenType"] == "User" else None
            peer.received = (peer.received[0], peer.received[1] + 1)
            peer.is_due = True
        elif kind == "ModifyQuerySet":
            self.edit(peer, frame)
        elif kind == "Mutation":
            peer.calls.append((frame, peer.subject))
        elif kind == "Action":
            response = {"type": "ActionResponse", "requestId": frame["requestId"]}
            peer.outbox.append({**response, "success": True, "result": None, "logLines": []})
            peer.is_due = True

    def edit(self, peer: Peer, frame: Json) -> None:
        peer.received = (frame["newVersion"], peer.received[1])
        for change in frame["modifications"]:
            if change["type"] == "Add":
                query = Query(change["udfPath"], change["args"][0])
                peer.queries[change["queryId"]] = query
            else:
                peer.queries.pop(change["queryId"])
                peer.removed.append(change["queryId"])
        peer.is_due = True

    # -- mutations ----------------------------------------------------------

    def next_call(self, peer: Peer) -> tuple[Json, str | None]:
        return peer.calls.popleft()

    def run(self, peer: Peer) -> None:
        frame, subject = self.next_call(peer)
        response = {"type": "MutationResponse", "requestId": frame["requestId"], "logLines": []}
        ts = self.execute(peer, frame, subject)
        if ts is None:
            response |= {"success": False, "result": "no", "ts": None}
        else:
            response |= {"success": True, "result": None, "ts": encode_ts(ts)}
        self.respond(peer, response)
        peer.is_due = True

    def respond(self, peer: Peer, response: Json) -> None:
        peer.outbox.append(response)

    def execute(self, peer: Peer, frame: Json, subject: str | None) -> int | None:
        request = (peer.session, frame["requestId"])
        if request in self.done:
            return self.replayed(peer, frame)
        args = frame["args"][0]
        if frame["udfPath"] == "fx:failAfterWrite":
            return self.abort(request, args)
        self.latest += self.chance.randint(1, 5)
        if frame["udfPath"] == "fx:append":
            self.write(request, args)
        elif frame["udfPath"] == "fx:appendMine":
            self.mine.setdefault((args["key"], subject), []).append(args["id"])
        else:
            self.balances[args["a"]] = self.balances.get(args["a"], 0) - args["n"]
            self.balances[args["b"]] = self.balances.get(args["b"], 0) + args["n"]
        self.done[request] = self.latest
        for other in self.peers():
            other.is_due = True
        return self.latest

    def replayed(self, peer: Peer, frame: Json) -> int:
        return self.done[peer.session, frame["requestId"]]

    def abort(self, request: tuple[str, int], args: Json) -> int | None:
        return None

    def write(self, request: tuple[str, int], args: Json) -> None:
        entry = Entry(len(self.log), args["id"], args["key"], self.latest, *request)
        self.log.append(entry)

    def peers(self) -> list[Peer]:
        return self._peers

    # -- queries and Transitions --------------------------------------------

    def value(self, peer: Peer, query: Query, position: int, subject: str | None) -> Json:
        def ids(key: str) -> list[str]:
            return [entry.id for entry in self.log[:position] if entry.key == key]

        args = query.args
        match query.path:
            case "fx:list":
                return ids(args["key"])
            case "fx:many":
                return {key: ids(key) for key in args["keys"]}
            case "fx:stamp":
                tail = self.log[position - 1].id if position else None
                return {
                    "lists": {key: ids(key) for key in args["keys"]},
                    "n": position,
                    "tail": tail,
                }
            case "fx:balance":
                return dict(self.balances)
            case "fx:whoami":
                return None if subject is None else {"subject": subject}
            case "fx:mine":
                return list(self.mine.get((args["key"], subject), []))
            case path:
                raise AssertionError(path)

    def transition(self, peer: Peer) -> None:
        """Compute one Transition at the newest moment; the only place where results are read."""
        peer.is_due = False
        position = len(self.log)
        results = {
            number: self.value(peer, query, position, peer.subject)
            for number, query in peer.queries.items()
        }
        changed = {
            number: result
            for number, result in results.items()
            if peer.queries[number].is_new or peer.queries[number].sent != result
        }
        end = (*peer.received, self.latest)
        self.send(peer, peer.cur, end, self.distort(peer, changed))

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        return changed

    def send(
        self,
        peer: Peer,
        start: tuple[int, int, int],
        end: tuple[int, int, int],
        changed: dict[int, Json],
    ) -> None:
        changes: dict[int, Json] = {
            number: {"type": "QueryRemoved", "queryId": number} for number in peer.removed
        }
        peer.removed = []
        for number, result in changed.items():
            if number in peer.queries:
                peer.queries[number].sent = result
                peer.queries[number].is_new = False
            changes[number] = {
                "type": "QueryUpdated",
                "queryId": number,
                "value": result,
                "logLines": [],
                "journal": None,
            }
        peer.cur = end
        frame = {
            "type": "Transition",
            "startVersion": version(start),
            "endVersion": version(end),
            "modifications": [changes[number] for number in sorted(changes)],
        }
        peer.outbox.extend(self.cut(frame))
        if self.is_wrong:
            self.wrong.append(peer.outbox[-1])
            self.is_wrong = False

    def delivered(self, frame: Json) -> None:
        """A fault that never arrives has not happened."""
        self.fired += any(frame is each for each in self.wrong)

    def ended(self, held: dict[int, Json], asked: set[int]) -> None:
        """A client has come to the end, with these results of these queries."""

    def cut(self, frame: Json) -> list[Json]:
        """Cut some Transitions into pieces, as servers do with large ones."""
        if self.chance.random() < 0.9:
            return [frame]
        text = json.dumps(frame)
        size = len(text) // 3 + 1
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        about = {
            "type": "TransitionChunk",
            "totalParts": len(parts),
            "transitionId": str(len(text)),
        }
        return [{**about, "partNumber": n, "chunk": part} for n, part in enumerate(parts)]


def token(subject: str) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode()
    return f"h.{claims}.s"


def subject_of(token: str) -> str:
    subject: str = json.loads(base64.urlsafe_b64decode(token.split(".")[1]))["sub"]
    return subject


def version(parts: tuple[int, int, int]) -> Json:
    return {"querySet": parts[0], "identity": parts[1], "ts": encode_ts(parts[2])}
