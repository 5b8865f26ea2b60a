"""Optimistic updates: layers over the server's results, one for each pending mutation.

Spec: optimistic
Not here: when a mutation settles (see mutations).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from .messages import Outcome, Success
from .values import Json, Value, copied, decode, same

Update: TypeAlias = Callable[["LocalStore"], object]
Name: TypeAlias = tuple[str, str, Json]
"""How a query is known: its token, its canonical path, its encoded arguments."""


@dataclass(slots=True)
class LocalStore:
    """What an update function reads and writes: the results as they are visible to it.

    Values that `get` and `all` return are copies, so they may be changed and set again.
    """

    _visible: dict[str, Outcome]
    _name: Callable[[str, Value], Name]
    _names: dict[str, Name]

    def get(self, path: str, args: Mapping[str, Value] | None = None, default: Any = None) -> Any:
        """The visible result of a query, or the default if it has none."""
        return self._value(self._name(path, args or {})[0], default)

    def set(self, path: str, args: Mapping[str, Value] | None, value: Value) -> None:
        """Show this result of a query, also if nobody subscribes to it."""
        # [optimistic.unknown-query]
        name = self._name(path, args or {})
        self._names.setdefault(name[0], name)
        self._visible[name[0]] = Success(value)

    def set_loading(self, path: str, args: Mapping[str, Value] | None = None) -> None:
        """Show a query as if its first result had not come yet."""
        self._visible.pop(self._name(path, args or {})[0], None)

    def all(self, path: str) -> list[tuple[Any, Any]]:
        """Arguments and result of every query of this function that has a visible result."""
        wanted = self._name(path, {})[1]
        return [
            (decode(copied(args)), self._value(token, None))
            for token, canonical, args in self._names.values()
            if canonical == wanted and isinstance(self._visible.get(token), Success)
        ]

    def _value(self, token: str, default: Any) -> Any:
        # [optimistic.loading] An error reads like a result that is missing.
        outcome = self._visible.get(token)
        # [optimistic.pure] A copy: a list changed in place would spoil the server's.
        return copied(outcome.value) if isinstance(outcome, Success) else default


class Snapshot(NamedTuple):
    """All visible results at one moment, by the token of their query."""

    results: Mapping[str, Outcome]
    ts: int


class Publish(NamedTuple):
    """Effect: show this snapshot; only these tokens differ from the one before."""

    changed: frozenset[str]
    snapshot: Snapshot


class Change(NamedTuple):
    """What a new picture differs in, and the layers that broke while it was drawn."""

    tokens: frozenset[str]
    broken: tuple[tuple[int, Exception], ...] = ()


NO_CHANGE = Change(frozenset())


class Layers:
    """The server's results by token, the layers, and the picture that they make together."""

    def __init__(
        self,
        name: Callable[[str, Value], Name],
        names: Callable[[], dict[str, Name]],
    ) -> None:
        self._name = name
        self._names = names
        self._base: dict[str, Outcome] = {}
        self._visible: dict[str, Outcome] = {}
        self._layers: dict[int, Update] = {}

    @property
    def visible(self) -> Mapping[str, Outcome]:
        """The picture: results by token. It is never changed, only replaced."""
        return self._visible

    def add(self, call_id: int, update: Update) -> Change:
        """Run an update for the first time and keep it. If it raises, nothing has happened."""
        # [optimistic.apply-first] [optimistic.first-run-raises] It works on a copy.
        visible = dict(self._visible)
        store = LocalStore(visible, self._name, self._names())
        update(store)
        self._layers[call_id] = update
        return self._replace(visible)

    def ingest(self, results: Mapping[str, Outcome | None], settled: Iterable[int] = ()) -> Change:
        """Take new results and drop the layers of settled calls, in one step."""
        had_layers = bool(self._layers)
        # [optimistic.drop-at-transition] [optimistic.no-flicker] One publication
        # takes the guess away and brings the real thing.
        dropped = [self._layers.pop(call_id, None) for call_id in settled] if had_layers else []
        if not results and not any(dropped):
            return NO_CHANGE
        base = dict(self._base)
        for token, outcome in results.items():
            if outcome is None:
                base.pop(token, None)
            else:
                base[token] = outcome
        self._base = base
        if had_layers:
            return self._replay()
        self._visible = base
        return Change(frozenset(results))

    def forget(self, token: str) -> None:
        """Nobody subscribes to a query any more."""
        shares = self._visible is self._base
        self._base = {key: self._base[key] for key in self._base if key != token}
        self._visible = (
            self._base
            if shares
            else {key: self._visible[key] for key in self._visible if key != token}
        )

    def drop_all(self) -> Change:
        """Forget every layer."""
        return self.ingest({}, list(self._layers))

    def _replay(self) -> Change:
        # [optimistic.replay-order] Each layer sees the output of those before it.
        visible, broken = dict(self._base), []
        for call_id, update in list(self._layers.items()):
            attempt = dict(visible)
            try:
                update(LocalStore(attempt, self._name, self._names()))
            except Exception as error:
                # [optimistic.replay-raises] The mutation was sent and will settle;
                # only the guess is gone.
                del self._layers[call_id]
                broken.append((call_id, error))
            else:
                visible = attempt
        return Change(self._replace(visible).tokens, tuple(broken))

    def _replace(self, visible: dict[str, Outcome]) -> Change:
        """Show a new picture; equal results keep the objects of the old one."""
        old, changed = self._visible, set(self._visible.keys() - visible.keys())
        for token, outcome in visible.items():
            before = old.get(token)
            if before is outcome:
                continue
            if _looks_same(before, outcome):
                visible[token] = before or outcome
            else:
                changed.add(token)
        self._visible = visible
        # [optimistic.one-publication]
        return Change(frozenset(changed))


def _looks_same(before: Outcome | None, after: Outcome) -> bool:
    if isinstance(before, Success) and isinstance(after, Success):
        return same(before.value, after.value)
    return before == after
