"""Histories by the thousand: honest clients of an honest server, chance, and faults. Seeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from unisono_conformance.checker import Event, Recorder

from .simulated_client import Client
from .simulated_server import Peer, Server

KEYS = ("x", "y", "z")
WORKLOADS = ("list-append", "stamped", "bank", "auth churn", "reconnect storm", "chunks")


class Simulation:
    """One history: the same seed and workload give the same events."""

    def __init__(
        self,
        seed: int,
        workload: str,
        server: type[Server] = Server,
        client: type[Client] = Client,
        steps: int = 300,
        has_ts: bool = True,
        is_calm: bool = False,
    ) -> None:
        self.chance = random.Random(f"{seed}/{workload}")
        self.workload = workload
        self.recorder = Recorder(title=workload, seed=seed)
        self.server = server(self.chance)
        self.clients = [client(self, name) for name in ("a", "b")]
        self.connections = 0
        self.writes = 0
        self.has_ts = has_ts
        self.is_calm = is_calm
        self.steps = steps

    @property
    def fired(self) -> int:
        """How often the mutant has misbehaved in a way that can be seen."""
        return self.server.fired + sum(client.fired for client in self.clients)

    def run(self) -> list[Event]:
        """Play to the end: then all arrives, and the log is read."""
        for _ in range(self.steps):
            self._step(self.chance.choice(self.clients))
        for client in self.clients:
            self._drain(client)
        for client in self.clients:
            self._drain(client)
            client.ended()
            self.recorder.fence(client.name)
        for entry in self.server.log:
            known: dict[str, Any] = {"key": entry.key}
            if self.has_ts and self.chance.random() < 0.5:
                known |= {"session": entry.session, "request": entry.request}
            self.recorder.commit(entry.n, entry.id, **known)
        return self.recorder.events

    def drop(self, client: Client) -> None:
        """Cut a connection; what is under way is lost."""
        if client.peer is not None:
            self.recorder.fault("drop", on=client.peer.number)
            self.server.peers().remove(client.peer)
            client.lost()

    def _step(self, client: Client) -> None:
        peer = client.peer
        if peer is None:
            self._connect(client)
            return
        storm = 0.06 if self.workload == "reconnect storm" else 0.008 * (not self.is_calm)
        if self.chance.random() < storm:
            self.drop(client)
        elif self.chance.random() < 0.2:
            self._use(client)
        else:
            self._move(client, peer)

    def _connect(self, client: Client) -> None:
        self.connections += 1
        peer = Peer(self.connections)
        self.server.peers().append(peer)
        client.connect(peer)

    def _move(self, client: Client, peer: Peer) -> None:
        moves: list[tuple[object, Callable[[], None]]] = [
            (peer.inbox, lambda: self.server.receive(peer)),
            (peer.calls, lambda: self.server.run(peer)),
            (peer.is_due and len(peer.outbox) < 3, lambda: self.server.transition(peer)),
            (peer.outbox, client.deliver),
        ]
        possible = [move for condition, move in moves if condition]
        if possible:
            self.chance.choice(possible)()

    def _drain(self, client: Client) -> None:
        while True:
            peer = client.peer
            if peer is None:
                self._connect(client)
            elif peer.inbox:
                self.server.receive(peer)
            elif peer.calls:
                self.server.run(peer)
            elif peer.is_due:
                self.server.transition(peer)
            elif peer.outbox:
                client.deliver()
            else:
                return

    def _use(self, client: Client) -> None:
        draw = self.chance.random()
        if draw < 0.3 or len(client.subs) < 2:
            client.subscribe(*self._query())
        elif draw < 0.38 and len(client.subs) > 2:
            client.unsubscribe(self.chance.choice(list(client.subs)))
        elif draw < 0.45:
            client.act()
        elif draw < 0.55 and self.workload == "auth churn":
            client.set_auth(self.chance.choice(["ann", "bob", None]))
        else:
            self._write(client)

    def _query(self) -> tuple[str, dict[str, Any]]:
        key = self.chance.choice(KEYS)
        several = sorted(self.chance.sample(KEYS, 2))
        choices: list[tuple[str, dict[str, Any]]] = [
            ("fx:list", {"key": key}),
            ("fx:many", {"keys": several}),
        ]
        if self.workload == "stamped":
            choices = [("fx:stamp", {"keys": [key]}), ("fx:stamp", {"keys": several})]
        elif self.workload == "bank":
            choices.append(("fx:balance", {"key": "bank"}))
        elif self.workload == "auth churn":
            choices += [("fx:whoami", {}), ("fx:mine", {"key": key})]
        return self.chance.choice(choices)

    def _write(self, client: Client) -> None:
        self.writes += 1
        entry = f"m{self.writes}"
        key = self.chance.choice(KEYS)
        draw = self.chance.random()
        if draw < 0.1:
            client.mutate("fx:failAfterWrite", {"key": key, "id": entry}, False)
        elif self.workload == "bank" and draw < 0.5:
            a, b = self.chance.sample(["p", "q", "r"], 2)
            client.mutate("fx:transfer", {"key": "bank", "a": a, "b": b, "n": 5}, False)
        elif self.workload == "auth churn" and draw < 0.4:
            client.mutate("fx:appendMine", {"key": key, "id": entry}, False)
        else:
            client.mutate("fx:append", {"key": key, "id": entry}, self.chance.random() < 0.4)
