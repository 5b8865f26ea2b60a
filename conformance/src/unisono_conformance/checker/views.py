"""V1 to V4: what the application saw. Whole Transitions, its own writes, no flicker, no ghosts.

Spec: session, optimistic, mutations
Not here: what the server said (see snapshots), actions sent twice (see mutations).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from unisono_conformance.checker.anomalies import Event, Fact, Finding, Json, finding
from unisono_conformance.checker.facts import END, Facts
from unisono_conformance.checker.readings import Definition, Impossible, Span, define, without
from unisono_conformance.checker.state import Connection

MISSING: Final = object()


@dataclass(slots=True)
class Sub:
    """One subscription of the application, and what it was last shown."""

    definition: Definition
    value: Json = MISSING
    span: Span | None = None
    at: int = 0
    own: set[Json] = field(default_factory=set)
    """Entries of its client's own optimistic calls that it has shown."""
    left_at: int | None = None


@dataclass(slots=True)
class Client:
    """What the application of one client has done and seen."""

    name: str
    subs: dict[str, Sub] = field(default_factory=dict)
    leaving: dict[int, str] = field(default_factory=dict)
    calls: dict[str, Json] = field(default_factory=dict)
    """The entry that each mutation of this client writes."""
    layers: dict[Json, str] = field(default_factory=dict)
    """The entries of optimistic calls, and the names of these."""
    pending: set[Json] = field(default_factory=set)


class Views:
    """The judge of what applications saw."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._clients: dict[str, Client] = {}

    def operated(self, event: Event) -> None:
        """Follow an operation that the runner asked for."""
        client, op = self._client(event), event["op"]
        if op["op"] == "subscribe":
            client.subs[op["sub"]] = Sub(define(op["path"], op.get("args", {})))
        elif op["op"] == "unsubscribe":
            client.leaving[event["seq"]] = op["sub"]
        elif op["op"] == "mutate":
            entry = (op.get("args") or {}).get("id")
            client.calls[op["call"]] = entry
            if op.get("optimistic") and entry is not None:
                client.layers[entry] = op["call"]
                client.pending.add(entry)

    def answered(self, event: Event) -> Iterator[Finding]:
        """Follow the answer to an operation: an unsubscribe holds from here on."""
        client = self._client(event)
        left = client.leaving.pop(event["seq"], None)
        if left is not None and left in client.subs:
            client.subs[left].left_at = event["at"]
        for name, view in (event.get("views") or {}).items():
            sub = client.subs.get(name)
            if sub is not None and sub.left_at is None:
                self._show(client, sub, view, event["at"])
        if event.get("views"):
            yield from self._whole(client, event["at"])

    def reported(self, event: Event) -> Iterator[Finding]:
        """Follow what the client told its application."""
        body = event["event"]
        if body["ev"] == "update":
            yield from self._updated(self._client(event), body, event["at"])
        elif body["ev"] == "settled":
            yield from self._settled(self._client(event), body, event["at"])

    def quiet(self, event: Event, connections: dict[str, Connection]) -> Iterator[Finding]:
        """V4: where all is quiet, the application has been shown the newest results."""
        for client in self._clients.values():
            connection = connections.get(client.name)
            if client.name != event.get("client", client.name) or connection is None:
                continue
            if connection.is_broken or client.pending:
                continue
            newest = {each.definition.name: each for each in connection.held.values()}
            for name, sub in client.subs.items():
                held = newest.get(sub.definition.name)
                if held is None or held.value is None or sub.left_at is not None:
                    continue
                # [session.one-snapshot] The newest applied Transition is what can be read.
                if sub.value != held.value:
                    yield finding(
                        "LOST-CALLBACK",
                        event["at"],
                        f"subscription {name} of client {client.name} was never shown the result "
                        f"of {sub.definition.name} that came last.",
                        Fact(held.at, f"{sub.definition.name} = {held.value!r} came"),
                        Fact(sub.at, f"{name} was last shown {_text(sub.value)}"),
                        connection=connection.number,
                    )

    def _client(self, event: Event) -> Client:
        name = event["client"]
        if name not in self._clients:
            self._clients[name] = Client(name)
        return self._clients[name]

    def _updated(self, client: Client, body: Json, at: int) -> Iterator[Finding]:
        for change in body["changes"]:
            sub = client.subs.get(change["sub"])
            if sub is None:
                continue
            # [session.stop-then-silence] After the answer, not after the request.
            if sub.left_at is not None:
                yield finding(
                    "GHOST-UPDATE",
                    at,
                    f"subscription {change['sub']} of client {client.name} was called back after "
                    "it had been left.",
                    Fact(sub.left_at, f"{change['sub']} was left"),
                    Fact(at, f"{change['sub']} was shown {_text(change.get('value'))}"),
                )
                continue
            yield from self._flicker(client, change["sub"], sub, change, at)
            self._show(client, sub, change, at)
        yield from self._whole(client, at)

    def _show(self, client: Client, sub: Sub, change: Json, at: int) -> None:
        sub.at, sub.value, sub.span = at, change.get("value", MISSING), None
        if sub.value is MISSING:
            return
        own = [entry for entry in client.pending if _has(sub.value, entry)]
        sub.own.update(entry for entry in client.layers if entry in own)
        try:
            # A layer says nothing about the moment at which the rest was read.
            span = sub.definition.read(without(sub.value, own) if own else sub.value, self._facts)
        except Impossible:
            span = None
        if change.get("optimistic"):
            span = None
        sub.span = Span(span.low, END) if span is not None and own else span

    def _whole(self, client: Client, at: int) -> Iterator[Finding]:
        shown = {
            name: sub
            for name, sub in client.subs.items()
            if sub.span is not None and sub.left_at is None
        }
        if not shown:
            return
        low = max(shown, key=lambda name: (shown[name].span or (0, 0))[0])
        high = min(shown, key=lambda name: (shown[name].span or (0, END))[1])
        least, most = shown[low].span, shown[high].span
        # [transitions.atomic] One batch, one position.
        if least is None or most is None or least.low <= most.high:
            return
        yield finding(
            "TORN-VIEW",
            at,
            f"client {client.name} showed {low} as of log position {least.low} or later and {high} "
            f"as of {most.high} or earlier at the same time.",
            Fact(shown[low].at, f"{low} {_line(shown[low])} needs position >= {least.low}"),
            Fact(shown[high].at, f"{high} {_line(shown[high])} needs position <= {most.high}"),
        )

    def _flicker(
        self, client: Client, name: str, sub: Sub, change: Json, at: int
    ) -> Iterator[Finding]:
        if "value" not in change or not sub.own:
            return
        for entry in sorted(sub.own, key=str):
            call = client.layers[entry]
            gone = not _has(change["value"], entry)
            # [optimistic.no-flicker] Only a failure may take it back.
            if gone and call not in self._facts.refused and not self._has_failed(entry):
                yield finding(
                    "FLICKER",
                    at,
                    f"{name} of client {client.name} showed the optimistic {entry} and then not, "
                    f"though call {call} did not fail.",
                    Fact(sub.at, f"{name} {_line(sub)}"),
                    Fact(at, f"{name} was shown {_text(change['value'])}"),
                )
                sub.own.discard(entry)

    def _has_failed(self, entry: Json) -> bool:
        call = self._facts.by_id.get(entry)
        return call is not None and call.failed_at is not None

    def _settled(self, client: Client, body: Json, at: int) -> Iterator[Finding]:
        entry = client.calls.get(body["call"])
        client.pending.discard(entry)
        number = self._facts.position.get(entry) if entry is not None else None
        if "error" in body or number is None:
            return
        for name, sub in client.subs.items():
            # [mutations.read-your-writes] What is on the screen is not older than the call.
            if sub.span is None or sub.left_at is not None or sub.span.high > number:
                continue
            yield finding(
                "RYW-BROKEN",
                at,
                f"call {body['call']} of client {client.name} settled while {name} did not show "
                f"its commit {number} yet.",
                Fact(sub.at, f"{name} {_line(sub)} needs position <= {sub.span.high}"),
                Fact(at, f"call {body['call']}, commit {number}, settled"),
            )
            return


def _has(value: Json, entry: Json) -> bool:
    """Whether one of the lists in a result has the entry."""
    if isinstance(value, list):
        return entry in value
    if isinstance(value, dict):
        return any(_has(each, entry) for each in value.values())
    return False


def _text(value: Json) -> str:
    return "nothing" if value is MISSING else repr(value)


def _line(sub: Sub) -> str:
    return f"{sub.definition.name} = {_text(sub.value)}"
