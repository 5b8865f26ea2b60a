"""Finds the smallest history that still shows a finding, by leaving things out.

Spec: reading
Not here: how to leave something out without making a new fault (see projection).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from unisono_conformance.checker import projection
from unisono_conformance.checker.anomalies import Event, Finding
from unisono_conformance.checker.judge import check
from unisono_conformance.checker.wire import WireError

T = TypeVar("T")
_Units: TypeAlias = Callable[[list[Event]], list[object]]
_Project: TypeAlias = Callable[[list[Event], set[object]], list[Event]]

NEEDED = frozenset({"ModifyQuerySet", "Authenticate", "Transition"})
"""Frames that cannot just be left out: what comes after would seem wrong."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A history in which nothing is left that the finding does not need."""

    finding: Finding
    events: list[Event]
    shrunk_from: int


def shrink(events: Iterable[Event], finding: Finding) -> Witness:
    """Shrink a history to a witness of one of its findings; always to the same one."""
    history = list(events)
    until = max([finding.at, *(fact.at for fact in finding.facts)])
    small = projection.normal(history, until)
    if _same(small, finding) is None:
        return Witness(finding, history, len(history))
    size = len(small) + 1
    while len(small) < size:
        size = len(small)
        small = _round(small, finding)
    found = _same(small, finding)
    assert found is not None, "every step has kept the finding"
    return Witness(found, small, len(history))


def _round(events: list[Event], finding: Finding) -> list[Event]:
    for units, project in _WAYS:
        events = _least(events, units(events), project, finding)
    return events


def _least(
    events: list[Event], units: list[object], project: _Project, finding: Finding
) -> list[Event]:
    def holds(kept: Sequence[object]) -> bool:
        return _same(project(events, set(kept)), finding) is not None

    kept = ddmin(units, holds)
    return project(events, set(kept)) if len(kept) < len(units) else events


def ddmin(units: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """Find a subset from which nothing more can be left out; `holds` must be true for all."""
    kept = list(units)
    if kept and holds([]):
        return []
    parts = 2
    while len(kept) >= 2:
        length = max(1, len(kept) // parts)
        for start in range(0, len(kept), length):
            rest = kept[:start] + kept[start + length :]
            if holds(rest):
                kept, parts = rest, max(parts - 1, 2)
                break
        else:
            if length == 1:
                break
            parts = min(parts * 2, len(kept))
    return kept


def _same(events: list[Event], finding: Finding) -> Finding | None:
    try:
        found = check(events).findings
    except WireError:
        return None
    wanted = (finding.anomaly, finding.rule, finding.at)
    return next((each for each in found if (each.anomaly, each.rule, each.at) == wanted), None)


def _owners(events: list[Event]) -> list[object]:
    clients = (("client", event["client"]) for event in events if "client" in event)
    return [*dict.fromkeys([*projection.owners(events).values(), *clients])]


def _of_owners(events: list[Event], kept: set[object]) -> list[Event]:
    return projection.of_owners(events, kept)


def _connections(events: list[Event]) -> list[object]:
    return [*dict.fromkeys(event["connection"] for event in events if "connection" in event)]


def _of_connections(events: list[Event], kept: set[object]) -> list[Event]:
    return [event for event in events if "connection" not in event or event["connection"] in kept]


def _of_queries(events: list[Event], kept: set[object]) -> list[Event]:
    return projection.of_queries(events, {str(name) for name in kept})


def _of_entries(events: list[Event], kept: set[object]) -> list[Event]:
    return projection.of_entries(events, set(projection.entries(events)) - kept)


def _transitions(events: list[Event]) -> list[object]:
    return [
        event["at"]
        for event in events
        if event["kind"] == "s2c" and event["frame"].get("type") == "Transition"
    ]


def _of_transitions(events: list[Event], kept: set[object]) -> list[Event]:
    return projection.merged(events, {at for at in kept if isinstance(at, int)})


def _edits(events: list[Event]) -> list[object]:
    edits = (each for each in events if each.get("frame", {}).get("type") == "ModifyQuerySet")
    return [event["at"] for event in edits]


def _of_edits(events: list[Event], kept: set[object]) -> list[Event]:
    return projection.with_fewer_edits(events, {at for at in kept if isinstance(at, int)})


def _others(events: list[Event]) -> list[object]:
    return [event["at"] for event in events if not _is_needed(event)]


def _of_others(events: list[Event], kept: set[object]) -> list[Event]:
    return [event for event in events if event["at"] in kept or _is_needed(event)]


def _is_needed(event: Event) -> bool:
    return event.get("frame", {}).get("type") in NEEDED


def _queries(events: list[Event]) -> list[object]:
    return [*projection.queries(events)]


_WAYS: Final[Sequence[tuple[_Units, _Project]]] = (
    (_owners, _of_owners),
    (_connections, _of_connections),
    (_queries, _of_queries),
    (projection.entries, _of_entries),
    (_transitions, _of_transitions),
    (_edits, _of_edits),
    (_others, _of_others),
)
"""What can be left out, the largest first: what there is, and how to keep some of it."""
