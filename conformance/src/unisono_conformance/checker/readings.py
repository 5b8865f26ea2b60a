"""What the results of the fixture's queries say about the moment at which they were read.

Spec: transitions
Not here: whether moments agree (see snapshots, views).

The lists only ever grow, so a list shows how many commits of its key had happened: it was read
at a log position between its last commit and the next one of that key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from unisono_conformance.checker.anomalies import Json
from unisono_conformance.checker.facts import END, Facts


class Span(NamedTuple):
    """The log positions at which a result may have been read, both ends included."""

    low: int
    high: int


class Impossible(Exception):
    """No log position explains the result."""

    def __init__(self, anomaly: str, why: str) -> None:
        self.anomaly = anomaly
        self.why = why
        super().__init__(why)


EVERYWHERE: Final = Span(0, END)
_NOTHING: Final[tuple[list[Json], list[int]]] = ([], [])
_Read = Callable[["Definition", Json, Facts], Span]


@dataclass(frozen=True, slots=True)
class Definition:
    """A query as it was asked for: path and arguments."""

    path: str
    args: Json
    reader: _Read | None = None
    """Who knows how its results show their moment."""

    @property
    def name(self) -> str:
        """Write it for a person."""
        inner = ", ".join(str(value) for value in self.args.values()) if self.args else ""
        return f"{self.path}({inner})"

    def read(self, value: Json, facts: Facts) -> Span:
        """Find the positions at which a result can have been read."""
        if self.reader is None:
            return EVERYWHERE
        try:
            return self.reader(self, value, facts)
        except (KeyError, TypeError, AttributeError):
            # Not a result of the fixture's function: it says nothing about time.
            return EVERYWHERE


def define(path: str, args: Json) -> Definition:
    """Take path and arguments from an `Add` or a `subscribe`."""
    if isinstance(args, list):
        args = args[0] if args else {}
    module, _, function = path.rpartition(":")
    canonical = f"{module.removesuffix('.js')}:{function}" if module else path
    return Definition(canonical, args, _READERS.get(canonical))


def without(value: Json, ids: Collection[Json]) -> Json:
    """Project a result onto fewer commits: take the entries with these ids out of its lists."""
    if isinstance(value, list):
        kept = (each for each in value if not _is_entry_of(each, ids))
        return [without(each, ids) for each in kept]
    if isinstance(value, dict):
        return {key: without(each, ids) for key, each in value.items()}
    return value


def _is_entry_of(entry: Json, ids: Collection[Json]) -> bool:
    if isinstance(entry, dict):
        entry = entry.get("id")
    return isinstance(entry, str | int | float) and entry in ids


def _list(definition: Definition, value: Json, facts: Facts) -> Span:
    return _of_key(definition.args["key"], value, facts)


def _many(definition: Definition, value: Json, facts: Facts) -> Span:
    return _meet([_of_key(key, ids, facts) for key, ids in value.items()])


def _stamp(definition: Definition, value: Json, facts: Facts) -> Span:
    number = int(value["n"])
    spans = [_of_key(key, ids, facts) for key, ids in value["lists"].items()]
    return _meet([Span(number, number), *spans])


def _log(definition: Definition, value: Json, facts: Facts) -> Span:
    if not value:
        return EVERYWHERE
    last = int(value[-1]["n"])
    return Span(last + 1, last + 1)


def _balance(definition: Definition, value: Json, facts: Facts) -> Span:
    total = sum(value.values())
    if abs(total) > 1e-6:
        raise Impossible("TORN-SNAPSHOT", f"the accounts add up to {total}, not to nothing")
    return EVERYWHERE


def _mine(definition: Definition, value: Json, facts: Facts) -> Span:
    _refuse_impossible(value, facts, ())
    return EVERYWHERE


_READERS: Final[dict[str, _Read]] = {
    "fx:list": _list,
    "fx:many": _many,
    "fx:stamp": _stamp,
    "fx:log": _log,
    "fx:balance": _balance,
    "fx:mine": _mine,
}


def _meet(spans: list[Span]) -> Span:
    low = max(span.low for span in spans)
    high = min(span.high for span in spans)
    if low > high:
        raise Impossible(
            "TORN-SNAPSHOT",
            f"one part of it needs a log position of at least {low}, another of at most {high}",
        )
    return Span(low, high)


def _of_key(key: str, ids: Json, facts: Facts) -> Span:
    if not facts.commits:
        _refuse_impossible(ids, facts, ())
        return EVERYWHERE
    order, numbers = facts.written.get(key, _NOTHING)
    count = len(ids)
    if ids == order[:count]:
        low = numbers[count - 1] + 1 if count else 0
        return Span(low, numbers[count] if count < len(order) else END)
    return _explain(key, ids, order, facts)


def _explain(key: str, ids: Json, order: list[Json], facts: Facts) -> Span:
    """A list that is no beginning of its key's commits: name what is wrong with it."""
    _refuse_impossible(ids, facts, facts.position)
    numbers = [facts.position[each] for each in ids]
    strangers = [each for each in ids if each not in order]
    if strangers:
        # Nobody said which key these commits wrote to, so only the lower end is known.
        return Span(max(numbers) + 1, END)
    shown = set(ids)
    last = max(numbers)
    missing = next((each for each in order if each not in shown), None)
    if missing is not None and facts.position[missing] < last:
        raise Impossible(
            "TORN-SNAPSHOT",
            f"it shows commit {last} of {key} and lacks commit {facts.position[missing]}",
        )
    raise Impossible("TORN-SNAPSHOT", f"it shows the commits of {key} in another order")


def _refuse_impossible(ids: Json, facts: Facts, known: Collection[Json]) -> None:
    seen: set[Json] = set()
    for each in ids:
        if each in seen:
            raise Impossible("DUP-APPLY", f"it shows {each} twice")
        seen.add(each)
        call = facts.by_id.get(each)
        if call is not None and call.has_failed:
            raise Impossible("ABORTED-WRITE-VISIBLE", f"it shows {each}, whose mutation failed")
        if known and each not in known:
            raise Impossible("ABORTED-WRITE-VISIBLE", f"it shows {each}, which is not in the log")
