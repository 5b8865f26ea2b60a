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
from .faults import AfterClient, BeforeServer, Fault, OnConnect, Trigger, check

T = TypeVar("T")

_FAULTS = {fault.__name__: fault for fault in get_args(Fault)}
_TRIGGERS = {trigger.__name__: trigger for trigger in (AfterClient, BeforeServer, OnConnect)}


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
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    kind = fields.pop(key)
    if kind not in kinds:
        raise BadPlan(f"{kind!r} is none of {', '.join(sorted(kinds))}")
    return kinds[kind](**fields)
