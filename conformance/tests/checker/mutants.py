"""Servers and clients with one fault each. `fired` counts only what a history can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .simulated_client import Client
from .simulated_server import Peer, Server

Json = Any


class _Reader(Server):
    """For mutants that read at a wrong moment."""

    def before_last(self, peer: Peer) -> dict[int, Json]:
        """Results as of one commit ago, of the queries which that commit has changed."""
        position = len(self.log)
        if position < 2:
            return {}
        older: dict[int, Json] = {}
        for number, query in peer.queries.items():
            if query.path in ("fx:list", "fx:many", "fx:stamp"):
                old = self.value(peer, query, position - 1, peer.subject)
                if old != self.value(peer, query, position, peer.subject):
                    older[number] = old
        return older


class Torn(_Reader):
    """One of the results is read one commit earlier than the others."""

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        older = {n: old for n, old in self.before_last(peer).items() if n in changed}
        if len(older) < 2:
            return changed
        self.is_wrong = True
        first = min(older)
        return {**changed, first: older[first]}


class Stale(_Reader):
    """All results are read one commit too early."""

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        older = self.before_last(peer)
        if not older or not set(changed) <= set(older):
            return changed
        self.is_wrong = True
        return older


class Future(_Reader):
    """The timestamp of a Transition is that of one commit ago."""

    def send(self, peer: Peer, start: Json, end: Json, changed: dict[int, Json]) -> None:
        older = {n: old for n, old in self.before_last(peer).items() if n in changed}
        ts = self.log[-1].ts - 1 if self.log else 0
        if older and ts >= start[2] and len(self.log) > 1 and ts >= self.log[-2].ts:
            self.is_wrong = True
            end = (*end[:2], ts)
        super().send(peer, start, end, changed)


class MissedUpdate(Server):
    """A result that has changed is not sent."""

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        old = [
            number
            for number in changed
            if not peer.queries[number].is_new and peer.queries[number].path == "fx:list"
        ]
        if not old or self.chance.random() < 0.7:
            return changed
        self.is_wrong = True
        return {number: value for number, value in changed.items() if number != old[0]}


class LostUpdate(Server):
    """A write is acknowledged and forgotten."""

    def write(self, request: tuple[str, int], args: Json) -> None:
        if self.log and self.chance.random() < 0.2:
            self.fired += 1
        else:
            super().write(request, args)


class DuplicateApply(Server):
    """A mutation that is sent again runs again."""

    def replayed(self, peer: Peer, frame: Json) -> int:
        ts = super().replayed(peer, frame)
        if frame["udfPath"] == "fx:append":
            self.fired += 1
            self.latest += 1
            self.write((peer.session, frame["requestId"]), frame["args"][0])
            for other in self.peers():
                other.is_due = True
        return ts


class TsRegress(Server):
    """A Transition goes back in time."""

    def send(self, peer: Peer, start: Json, end: Json, changed: dict[int, Json]) -> None:
        if start[2] and self.chance.random() < 0.2:
            self.is_wrong = True
            end = (*end[:2], start[2] - 1)
        super().send(peer, start, end, changed)


class VersionGap(Server):
    """A Transition starts elsewhere than the last one has ended."""

    def send(self, peer: Peer, start: Json, end: Json, changed: dict[int, Json]) -> None:
        if self.chance.random() < 0.1:
            self.is_wrong = True
            start = (*start[:2], start[2] + 1)
        super().send(peer, start, end, changed)


class AckOfUnsent(Server):
    """A Transition acknowledges an edit that was not sent."""

    def send(self, peer: Peer, start: Json, end: Json, changed: dict[int, Json]) -> None:
        if self.chance.random() < 0.2:
            self.is_wrong = True
            end = (end[0] + 7, *end[1:])
        super().send(peer, start, end, changed)


class UnknownQuery(Server):
    """A result is sent for a query that nobody has asked for."""

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        self.is_wrong = self.chance.random() < 0.2
        return {**changed, 999: []} if self.is_wrong else changed


class NoInitialResult(Server):
    """A new query is acknowledged and not answered."""

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        new = [number for number in changed if peer.queries[number].is_new]
        for number in new[:1]:
            peer.queries[number].sent, peer.queries[number].is_new = changed[number], False
        return {number: value for number, value in changed.items() if number not in new[:1]}

    def ended(self, held: dict[int, Json], asked: set[int]) -> None:
        self.fired += bool(asked - set(held))


class EarlyTransition(Server):
    """The response to a mutation waits until a Transition has been sent."""

    def respond(self, peer: Peer, response: Json) -> None:
        self.transition(peer)
        self.fired += bool(response["success"])
        super().respond(peer, response)


class IdentityLeak(Server):
    """After a change of user, results of the one before are kept."""

    def distort(self, peer: Peer, changed: dict[int, Json]) -> dict[int, Json]:
        if peer.received[1] == peer.cur[1]:
            return changed
        kept: dict[int, Json] = {}
        for number, value in changed.items():
            if peer.queries[number].path == "fx:whoami" and not peer.queries[number].is_new:
                self.is_wrong = True
            else:
                kept[number] = value
        return kept


class AbortedWrite(Server):
    """A mutation that fails leaves its write behind."""

    def abort(self, request: tuple[str, int], args: Json) -> int | None:
        self.fired += 1
        self.latest += 1
        self.write(request, args)
        for other in self.peers():
            other.is_due = True
        return None


class SessionReorder(Server):
    """The mutation that came last runs first."""

    def next_call(self, peer: Peer) -> tuple[Json, str | None]:
        appends = [call[0] for call in peer.calls if call[0]["udfPath"] == "fx:append"]
        fresh = [f for f in appends if (peer.session, f["requestId"]) not in self.done]
        if len(fresh) > 1 and fresh[-1] is peer.calls[-1][0]:
            self.fired += 1
            return peer.calls.pop()
        return super().next_call(peer)


class TsOrder(Server):
    """Commits do not get their timestamps in the order of the log."""

    def write(self, request: tuple[str, int], args: Json) -> None:
        super().write(request, args)
        if len(self.log) > 1 and self.chance.random() < 0.2:
            self.fired += 1
            self.latest = self.log[-2].ts - 1
            self.log[-1].ts = self.latest


class TornView(Client):
    """The application is called back query by query."""

    def tell(self, changes: list[Json]) -> None:
        old = [change for change in changes if change["sub"] in self.told]
        self.fired += len(old) > 1
        self.told.update((change["sub"], change["value"]) for change in changes)
        for change in changes:
            super().tell([change])


class SettlesEarly(Client):
    """A call settles with its response."""

    def responded(self, frame: Json) -> None:
        super().responded(frame)
        pending = self.pending.get(frame["requestId"])
        if pending is not None and frame["success"] and not pending.has_layer:
            del self.pending[frame["requestId"]]
            number = next((each.n for each in self.world.server.log if each.id == pending.entry), 0)
            shown = [sub.shown for sub in self.subs.values() if isinstance(sub.shown, dict)]
            self.fired += any(each["n"] <= number for each in shown)
            self.settle(pending)


class Flickers(Client):
    """An optimistic layer is dropped with the response."""

    def responded(self, frame: Json) -> None:
        super().responded(frame)
        pending = self.pending.get(frame["requestId"])
        if pending is not None and pending.has_layer:
            pending.has_layer = False
            key = pending.frame["args"][0]["key"]
            held = [sub.number for sub in self.subs.values() if sub.args.get("key") == key]
            known = [self.held[number] for number in held if number in self.held]
            self.fired += any(pending.entry not in value for value in known)
            self.publish()


class Ghosts(Client):
    """A subscriber that has left is called back once more."""

    def publish(self) -> None:
        super().publish()
        for sub in self.gone:
            if sub.number in self.held and sub.shown != self.held[sub.number]:
                self.fired += 1
                sub.shown = self.held[sub.number]
                self.tell([{"sub": sub.name, "value": sub.shown}])


class LosesCallbacks(Client):
    """The last callback of a subscription is swallowed."""

    def tell(self, changes: list[Json]) -> None:
        if len(changes) > 1:
            changes = changes[1:]
        self.told.update((change["sub"], change["value"]) for change in changes)
        super().tell(changes)

    def ended(self) -> None:
        super().ended()
        held = {sub.name: self.held[number] for number, sub in self.subs.items()}
        self.fired += any(self.told.get(name) != value for name, value in held.items())


class ReplaysActions(Client):
    """An action whose connection was lost is sent again."""

    def lose_action(self, number: int) -> None:
        self.fired += 1
        self.pending[number].is_sent = False


@dataclass(frozen=True)
class Mutant:
    """A fault, where it shows best, and what it may be called."""

    anomaly: str
    workload: str
    server: type[Server] = Server
    client: type[Client] = Client
    also: frozenset[str] = frozenset()
    is_calm: bool = False


_SHOWN = frozenset({"TORN-VIEW", "RYW-BROKEN"})
_AFTER_TIME = frozenset({"FUTURE-READ", "STALE-READ", "MISSED-UPDATE", "TORN-SNAPSHOT"})
_AFTER_TS_ORDER = _AFTER_TIME | {"TS-REGRESS", "EARLY-TRANSITION"}
_AFTER_ACK = frozenset({"UPDATE-OF-UNKNOWN-QUERY", "RYW-BROKEN"})

MUTANTS = [
    Mutant("TORN-SNAPSHOT", "stamped", Torn),
    Mutant("STALE-READ", "stamped", Stale),
    Mutant("FUTURE-READ", "stamped", Future, also=frozenset({"TS-REGRESS"})),
    Mutant("MISSED-UPDATE", "list-append", MissedUpdate, also=frozenset({"STALE-READ"})),
    Mutant("LOST-UPDATE", "list-append", LostUpdate),
    Mutant("DUP-APPLY", "reconnect storm", DuplicateApply, also=_AFTER_TIME),
    Mutant("TS-REGRESS", "list-append", TsRegress, also=_AFTER_TIME),
    Mutant("VERSION-GAP", "list-append", VersionGap),
    Mutant("ACK-OF-UNSENT", "list-append", AckOfUnsent, also=_AFTER_ACK),
    Mutant("UPDATE-OF-UNKNOWN-QUERY", "list-append", UnknownQuery),
    Mutant("NO-INITIAL-RESULT", "list-append", NoInitialResult, also=_SHOWN),
    Mutant("EARLY-TRANSITION", "list-append", EarlyTransition, is_calm=True),
    Mutant("IDENTITY-LEAK", "auth churn", IdentityLeak),
    Mutant("ABORTED-WRITE-VISIBLE", "list-append", AbortedWrite, also=frozenset({"DUP-APPLY"})),
    Mutant("SESSION-REORDER", "list-append", SessionReorder),
    Mutant(
        "TS-ORDER", "list-append", TsOrder, also=_AFTER_TIME | {"TS-REGRESS", "EARLY-TRANSITION"}
    ),
    Mutant("TORN-VIEW", "stamped", client=TornView),
    Mutant("RYW-BROKEN", "stamped", client=SettlesEarly),
    Mutant("FLICKER", "list-append", client=Flickers),
    Mutant("GHOST-UPDATE", "list-append", client=Ghosts),
    Mutant(
        "LOST-CALLBACK",
        "list-append",
        client=LosesCallbacks,
        also=frozenset({"TORN-VIEW", "RYW-BROKEN"}),
    ),
    Mutant("ACTION-REPLAY", "reconnect storm", client=ReplaysActions),
]
