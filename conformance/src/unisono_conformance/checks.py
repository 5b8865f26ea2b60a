"""What a case says about views, batches, orders and what must never be.

Spec: reading (and CASES.md)
Not here: frames (see matching), invariants of whole histories (see checker).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from unisono_conformance.matching import Bindings, fits
from unisono_conformance.outcome import Failed
from unisono_conformance.values import Json
from unisono_conformance.world import World, view_of

LOADING: Final = {"loading": True}


def check_view(
    views: Mapping[str, Json],
    expected: Mapping[str, Json],
    bindings: Bindings,
    *,
    is_snapshot: bool = False,
) -> bool | None:
    """True when each subscription shows what the case says, else None."""
    for sub, pattern in expected.items():
        seen = views.get(sub, LOADING)
        if is_snapshot:
            seen = view_of(seen)
        if not shows(pattern, seen, bindings):
            return None
    return True


def shows(pattern: Json, seen: Json, bindings: Bindings) -> bool:
    """Whether one view entry is what the pattern says: a value, `$error` or `$loading`."""
    if isinstance(pattern, dict) and len(pattern) == 1:
        if "$error" in pattern:
            return "error" in seen and fits(pattern["$error"], seen["error"], bindings)
        if "$loading" in pattern:
            return bool(seen.get("loading", False))
    return "value" in seen and fits({"value": pattern}, {"value": seen["value"]}, bindings)


def check_batch(
    events: Sequence[Json], start: int, expected: Mapping[str, Json], bindings: Bindings
) -> int | None:
    """Find the one update event, from `start` on, that brings all of this at once."""
    for index in range(start, len(events)):
        event = events[index]
        if event.get("ev") != "update":
            continue
        changes = {change["sub"]: view_of(change) for change in event.get("changes", ())}
        if all(
            sub in changes and shows(pattern, changes[sub], bindings)
            for sub, pattern in expected.items()
        ):
            return index
    return None


def check_order(events: Sequence[Json], patterns: Sequence[Json], bindings: Bindings) -> None:
    """Demand that events which fit the patterns came, each after the one before it."""
    last = -1
    for pattern in patterns:
        index = _first(events, pattern, bindings)
        if index is None:
            raise Failed(f"no event like {pattern}")
        if index <= last:
            raise Failed(f"event like {pattern} came too early: at place {index}, not after {last}")
        last = index


def check_never(world: World, since: int, pattern: Json, bindings: Bindings) -> Json:
    """Look for what must not have happened since then. Returns it, or None."""
    kind, body = next(iter(pattern.items()))
    for what, seen in world.history[since:]:
        if kind == "view" and what == "event" and seen.get("ev") == "update":
            changes = {change["sub"]: view_of(change) for change in seen.get("changes", ())}
            if any(
                sub in changes and shows(wanted, changes[sub], bindings)
                for sub, wanted in body.items()
            ):
                return seen
        elif kind == what and kind in ("c2s", "event", "request") and fits(body, seen, bindings):
            return seen
        elif kind == "attempt" and what == "attempt":
            return {"attempt": True}
        elif kind == "closed" and what == "closed" and seen["by_client"]:
            return seen
    return None


def _first(events: Sequence[Json], pattern: Json, bindings: Bindings) -> int | None:
    for index, event in enumerate(events):
        if _is_event(pattern, event, bindings):
            return index
    return None


def _is_event(pattern: Json, event: Json, bindings: Bindings) -> bool:
    if "view" in pattern:
        if event.get("ev") != "update":
            return False
        changes = {change["sub"]: view_of(change) for change in event.get("changes", ())}
        return all(
            sub in changes and shows(wanted, changes[sub], bindings)
            for sub, wanted in pattern["view"].items()
        )
    if "settled" in pattern:
        return bool(event.get("ev") == "settled" and event.get("call") == pattern["settled"])
    return fits(pattern, event, bindings)
