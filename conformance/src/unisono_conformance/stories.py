"""The stories that a pair plays: told ones, and workloads that a seed makes.

Spec: reading (and CASES.md)
Not here: how a story is played (see pair_player).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from unisono_conformance.case import PACKAGE, Case
from unisono_conformance.values import Json

ROUNDS: Final = 40
KEYS: Final = ("x", "y", "z")

Steps = list[dict[str, Json]]

FAULTS: Final[list[tuple[Steps, Steps]]] = [
    ([], [{"cut": True}]),
    ([{"refuse": 1}], [{"cut": True}]),
    ([{"hold": True}], [{"release": True}]),
    ([{"hold": True}], [{"cut": True}, {"release": True}]),
]
"""What can happen to a line: something before a write, and something after it."""


def load_stories() -> list[Case]:
    """Read the told stories, in the order of their names."""
    return list(_told())


@cache
def _told() -> tuple[Case, ...]:
    return tuple(_read(path) for path in sorted((PACKAGE / "pair_stories").glob("*.json")))


def _read(path: Path) -> Case:
    data = json.loads(path.read_text("utf-8"))
    return Case(
        id=f"pair/{path.stem}",
        title=data["title"],
        role="pair",
        rules=tuple(data["rules"]),
        requires=tuple(data.get("requires", ())),
        steps=tuple(data["steps"]),
    )


def workloads(seed: int, rounds: int = ROUNDS) -> list[Case]:
    """Make the workloads of a seed; the same seed makes the same ones."""
    return [_workload(name, seed, rounds) for name in WORKLOADS]


def _workload(name: str, seed: int, rounds: int) -> Case:
    rules, requires, make = WORKLOADS[name]
    chance = random.Random(f"{name}/{seed}")
    writer = _Writer(chance)
    steps: Steps = [step for client in "ab" for step in _arrive(client, name)]
    for _ in range(rounds):
        steps += make(writer)
    if name == "users":
        # What is compared in the end is asked for by nobody in particular.
        steps += [step for client in "ab" for step in writer.sign(client, None)]
    calm: Steps = [{"settled": calls, "client": who} for who, calls in writer.calls.items()]
    calm += [{"fence": True, "client": client} for client in "ab"]
    return Case(
        id=f"workload/{name}-{seed}",
        title=f"The workload {name}, seed {seed}",
        role="pair",
        rules=tuple(rules.split()),
        requires=tuple(requires.split()),
        steps=(*steps, *calm, {"same": ["a", "b"]}),
    )


class _Writer:
    """Makes the next step of a workload by chance, with ids that no other step has."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.calls: dict[str, dict[str, Json]] = {}
        self._count = 0

    def append(self) -> Steps:
        """An append: of one of the clients, or of somebody else."""
        self._count += 1
        # Keys and ids are the play's own, so that a workload can be played twice on one server.
        args = {"key": f"$key_{self.chance.choice(KEYS)}", "id": f"$id{self._count}"}
        who = self.chance.choice("abo")
        if who == "o":
            return [{"write": {"path": "fx:append", "args": args}}]
        return [self._mutate(who, "fx:append", args)]

    def transfer(self) -> Steps:
        """Money goes from one account to another."""
        self._count += 1
        source, target = self.chance.sample(KEYS, 2)
        args = {"key": "$key", "a": source, "b": target, "n": self.chance.randint(1, 9)}
        return [self._mutate(self.chance.choice("ab"), "fx:transfer", args)]

    def fault(self) -> Steps:
        """Something that happens to a line, and the way back."""
        client = self.chance.choice("ab")
        before, after = self.chance.choice(FAULTS)
        wrong = [*before, *self.append(), *after, *self.append(), {"round": True}]
        return [{"client": client, **step} for step in wrong]

    def sign(self, client: str, token: str | None) -> Steps:
        """Somebody signs in, becomes somebody else, or signs out."""
        who = {"mode": "static", "token": token} if token else {"mode": "none"}
        return [{"do": {"op": "set_auth", **who}, "client": client}]

    def personal(self) -> Steps:
        """A write that only who made it may see."""
        self._count += 1
        args = {"key": f"$key_{KEYS[0]}", "id": f"$id{self._count}"}
        return [self._mutate(self.chance.choice("ab"), "fx:appendMine", args)]

    def look(self) -> Steps:
        """Somebody reads what is on the screen."""
        return [{"snapshot": True, "client": self.chance.choice("ab")}]

    def _mutate(self, who: str, path: str, args: Json) -> dict[str, Json]:
        call = f"{who}{self._count}"
        self.calls.setdefault(who, {})[call] = "$any"
        return {
            "do": {"op": "mutate", "call": call, "path": path, "args": args},
            "client": who,
        }


def _arrive(client: str, name: str) -> Iterator[dict[str, Json]]:
    keys = [f"$key_{key}" for key in KEYS]
    subscriptions: dict[str, tuple[str, Json]] = {
        "stamp": ("fx:stamp", {"keys": keys}),
        "many": ("fx:many", {"keys": keys[:2]}),
        "one": ("fx:list", {"key": keys[0]}),
    }
    if name == "bank":
        subscriptions = {"balance": ("fx:balance", {"key": "$key"}), **subscriptions}
    if name == "users":
        subscriptions |= {"who": ("fx:whoami", {}), "mine": ("fx:mine", {"key": keys[0]})}
    if name == "large":
        subscriptions["large"] = ("fx:stampBig", {"key": keys[0], "bytes": 5_200_000})
    yield {"do": {"op": "open"}, "client": client}
    for sub, (path, args) in subscriptions.items():
        yield {"do": {"op": "subscribe", "sub": sub, "path": path, "args": args}, "client": client}


def _lists(writer: _Writer) -> Steps:
    return writer.look() if writer.chance.random() < 0.2 else writer.append()


def _bank(writer: _Writer) -> Steps:
    return writer.transfer() if writer.chance.random() < 0.7 else writer.look()


def _storm(writer: _Writer) -> Steps:
    return writer.fault() if writer.chance.random() < 0.1 else _lists(writer)


def _users(writer: _Writer) -> Steps:
    draw = writer.chance.random()
    if draw < 0.3:
        token = writer.chance.choice(["$token_a", "$token_b", None])
        return writer.sign(writer.chance.choice("ab"), token)
    if draw < 0.6:
        return writer.personal()
    return writer.fault() if draw < 0.65 else _lists(writer)


def _large(writer: _Writer) -> Steps:
    return _lists(writer) if writer.chance.random() < 0.2 else writer.look()


_Make = Callable[[_Writer], Steps]

WORKLOADS: Final[dict[str, tuple[str, str, _Make]]] = {
    "lists": ("transitions.atomic mutations.read-your-writes", "mutations", _lists),
    "bank": ("transitions.atomic mutations.read-your-writes", "mutations", _bank),
    "storm": ("connection.rebuild mutations.replay mutations.dedupe", "mutations", _storm),
    "users": ("auth.rerun auth.identity-step auth.base-version", "mutations auth token_a", _users),
    "large": ("transitions.atomic limits.client-receive", "mutations", _large),
}
