"""Faults as JSON, for those who write their tests in another language.

    {"when": {"on": "BeforeServer", "kind": "MutationResponse"}, "do": [{"fault": "Reset"}]}

Fields that are not given have the defaults of the fault; `times: null` is for ever.

Spec: session
Not here: what the faults are (see faults).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from .core.values import InvalidValue, parse_json
from .faults import Fault, Trigger, check

T = TypeVar("T")

_FAULTS: Mapping[str, type[Fault]] = {kind.__name__: kind for kind in get_args(Fault)}
_TRIGGERS: Mapping[str, type[Trigger]] = {kind.__name__: kind for kind in get_args(Trigger)}


class BadPlan(ValueError):
    """A plan cannot be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `misbehave` is to be called with."""

    faults: tuple[Fault, ...]
    when: Trigger
    times: int | None = 1


def read_plan(text: str) -> Plan:
    """The plan of a JSON text."""
    try:
        plan = parse_json(text)
        given = plan["do"] if isinstance(plan["do"], list) else [plan["do"]]
        faults = tuple(_made(_FAULTS, "fault", each) for each in given)
        when = _made(_TRIGGERS, "on", plan["when"])
        for fault in faults:
            check(fault, when)
        return Plan(faults, when, plan.get("times", 1))
    except (InvalidValue, KeyError, TypeError, ValueError) as error:
        raise BadPlan(f"this is no plan of faults: {text}: {error}") from None


def _made(kinds: Mapping[str, type[T]], key: str, given: Any) -> T:
    fields = dict(given)
    found = kinds.get(fields.pop(key))
    if found is None:
        raise BadPlan(f"{given[key]!r} is none of {', '.join(sorted(kinds))}")
    return found(**fields)
