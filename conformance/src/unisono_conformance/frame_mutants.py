"""Cases that nobody wrote: every frame of the schemas with one thing wrong in it.

Each mutant is one change of one field of a good frame: the field is gone, of another type, out of
range, or a field more. The schema says whether the result is still a message; a peer has to take
what is one and to refuse what is none.

Spec: messages
Not here: cases that were written (see case), broken peers (see `broken/`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from unisono_conformance.case import Case, Role
from unisono_conformance.matching import fill
from unisono_conformance.values import Json
from unisono_protocol.schemas import by_id

GONE: Final = object()
OTHERS: Final[Mapping[str, Json]] = {
    "gone": GONE,
    "null": None,
    "text": "x",
    "empty": "",
    "true": True,
    "list": [],
    "object": {},
    "negative": -1,
    "fraction": 1.5,
    "33-bits": 2**32,
}
ARGS: Final = [{"key": "$key"}]
CHUNK: Final = {"type": "TransitionChunk", "chunk": "{", "partNumber": 0, "totalParts": 2}

SERVER_FRAMES: Final[Mapping[str, Json]] = {
    "updated": {
        "type": "Transition",
        "startVersion": "$v/0.0.0",
        "endVersion": "$v/1.0.10",
        "modifications": [
            {"type": "QueryUpdated", "queryId": 0, "value": 1, "logLines": [], "journal": None}
        ],
    },
    "failed": {
        "type": "Transition",
        "startVersion": "$v/0.0.0",
        "endVersion": "$v/1.0.10",
        "modifications": [
            {
                **{"type": "QueryFailed", "queryId": 0, "errorMessage": "no", "errorData": 1},
                **{"logLines": [], "journal": None},
            }
        ],
    },
    "mutation": {
        **{"type": "MutationResponse", "requestId": 0, "success": True, "result": 1},
        **{"ts": "$ts/20", "logLines": []},
    },
    "action": {
        **{"type": "ActionResponse", "requestId": 1, "success": True, "result": 1},
        "logLines": [],
    },
    "chunk": {**CHUNK, "transitionId": "t"},
    "auth": {"type": "AuthError", "error": "no", "baseVersion": 0, "authUpdateAttempted": True},
}

CLIENT_FRAMES: Final[Mapping[str, Json]] = {
    "connect": {
        **{"type": "Connect", "sessionId": "$session", "connectionCount": 0},
        **{"lastCloseReason": "InitialConnect", "maxObservedTimestamp": None, "clientTs": 1},
    },
    "add": {
        **{"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1},
        "modifications": [
            {"type": "Add", "queryId": 0, "udfPath": "fx:list", "args": ARGS, "journal": None}
        ],
    },
    "mutation": {"type": "Mutation", "requestId": 0, "udfPath": "fx:echoMutation", "args": ARGS},
    "action": {"type": "Action", "requestId": 0, "udfPath": "fx:echoAction", "args": ARGS},
    "authenticate": {"type": "Authenticate", "baseVersion": 0, "tokenType": "None"},
    "event": {"type": "Event", "eventType": "Noise", "event": {}},
}

UNREAD: Final = frozenset(
    "clientClockSkew serverTs logLines journal error authUpdateAttempted baseVersion".split()
)
"""Fields that a client need not read for what these frames are about: it may refuse or go on."""

UNDECIDED: Final = ("-value-gone", "-result-gone")
"""No chapter says whether a value that is not there is null or cannot be read."""

MILDER: Final = frozenset("sessionId lastCloseReason clientTs eventType event args".split())
"""Fields in which chapters let a server take more than the schema, or tell it otherwise."""


@dataclass(frozen=True)
class Mutant:
    """One frame with one thing changed."""

    name: str
    frame: Json
    field: str
    is_message: bool

    @property
    def is_unknown(self) -> bool:
        """Whether its type is a text that no schema knows, which clients ignore."""
        kind = self.frame.get("type")
        return (
            isinstance(kind, str)
            and not self.is_message
            and self.field == "type"
            and (kind in ("x", ""))
        )


def mutants(role: Role) -> list[Mutant]:
    """All mutants that a peer of this role is sent, in a fixed order and each once."""
    frames = SERVER_FRAMES if role == "client" else CLIENT_FRAMES
    kind = "server-message" if role == "client" else "client-message"
    return [mutant for name, frame in frames.items() for mutant in _of_frame(kind, name, frame)]


def mutant_cases(role: Role) -> list[Case]:
    """A case for each mutant whose effect the chapters decide."""
    make = _client_case if role == "client" else _server_case
    return [make(mutant) for mutant in mutants(role) if _is_decided(role, mutant)]


def _is_decided(role: Role, mutant: Mutant) -> bool:
    if mutant.is_message:
        return mutant.field == "unknown"
    if role == "client":
        return mutant.field not in UNREAD and not mutant.name.endswith(UNDECIDED)
    return mutant.field not in MILDER


def _of_frame(kind: str, name: str, frame: Json) -> Iterator[Mutant]:
    for path in _paths(frame):
        for operator, value in OTHERS.items():
            changed = _changed(frame, path, value)
            if changed != frame:
                dotted = "-".join(str(part) for part in path).lower()
                field = next(part for part in reversed(path) if isinstance(part, str))
                yield Mutant(f"{name}-{dotted}-{operator}", changed, field, _fits(kind, changed))
    more = {**frame, "unknownField": {"x": 1}}
    yield Mutant(f"{name}-unknown-field", more, "unknown", _fits(kind, more))


def _paths(frame: Json, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(frame, dict):
        for key, item in frame.items():
            # Values are the affair of other cases.
            if key not in ("args", "value", "result", "errorData", "event"):
                yield (*at, key)
                yield from _paths(item, (*at, key))
            elif key != "event":
                yield (*at, key)
    elif isinstance(frame, list):
        for index, item in enumerate(frame):
            yield from _paths(item, (*at, index))
    elif isinstance(frame, str) and frame.startswith("$v/"):
        yield from ((*at, part) for part in ("querySet", "identity", "ts"))


def _changed(frame: Json, path: Sequence[str | int], value: Json) -> Json:
    whole = copy.deepcopy(frame)
    target = whole
    for part in path[:-1]:
        if isinstance(target[part], str):
            target[part] = _written_out(target[part])
        target = target[part]
    if value is GONE:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return whole


def _written_out(version: str) -> Json:
    query_set, identity, ts = version.removeprefix("$v/").split(".")
    return {"querySet": int(query_set), "identity": int(identity), "ts": f"$ts/{ts}"}


def _fits(kind: str, frame: Json) -> bool:
    session = "00000000-0000-4000-8000-000000000000"
    return _validator(kind).is_valid(fill(frame, {"key": "k", "session": session}))


@cache
def _validator(kind: str) -> Draft202012Validator:
    schemas = by_id()
    registry: Registry[Json] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return Draft202012Validator(schemas[f"urn:unisono:v1:{kind}"], registry=registry)


def _case(role: Role, mutant: Mutant, rule: str, steps: list[Json]) -> Case:
    verb = "is taken" if mutant.is_message else "is refused"
    return Case(
        id=f"mutants/{mutant.name}",
        title=f"A frame changed at {mutant.name} {verb}",
        role=role,
        rules=("messages.unknown-field" if mutant.is_message else rule,),
        steps=tuple(steps),
        requires=("mutations", "actions") if role == "client" else (),
    )


def _client_case(mutant: Mutant) -> Case:
    opening: list[Json] = [
        {"do": {"op": "open"}},
        {"do": {"op": "subscribe", "sub": "a", "path": "fx:list", "args": {"key": "$key"}}},
        {"accept": True},
        {"c2s": {"type": "Connect"}},
        {"c2s": {"type": "ModifyQuerySet", "modifications": [{"type": "Add", "queryId": 0}]}},
        {"do": {"op": "mutate", "call": "m", "path": "fx:append", "args": {}}},
        {"c2s": {"type": "Mutation", "requestId": 0}},
        {"do": {"op": "action", "call": "x", "path": "fx:echoAction", "args": {}}},
        {"c2s": {"type": "Action", "requestId": 1}},
    ]
    if mutant.is_unknown:
        ignored: list[Json] = [{"s2c": mutant.frame}, {"fence": True}, {"pending": ["m", "x"]}]
        return _case("client", mutant, "messages.unknown-type", [*opening, *ignored])
    if mutant.is_message:
        return _case("client", mutant, "", [*opening, {"s2c": mutant.frame}, *_taken(mutant)])
    refused = [{"s2c": mutant.frame}, {"closed": True}, {"view": {"a": {"$loading": True}}}]
    again: list[Json] = [{"accept": True}, {"c2s": {"type": "Connect"}}]
    rest = [{"c2s": {"type": "ModifyQuerySet"}}, {"c2s": {"type": "Mutation", "requestId": 0}}]
    steps = [*opening, *refused, *again, *rest, {"pending": ["m"]}]
    return _case("client", mutant, "messages.refused-heals", steps)


def _taken(mutant: Mutant) -> list[Json]:
    kind = mutant.frame["type"]
    if kind == "Transition":
        is_value = mutant.frame["modifications"][0]["type"] == "QueryUpdated"
        return [{"view": {"a": 1 if is_value else {"$error": "$any"}}}, {"fence": True}]
    if kind == "ActionResponse":
        return [{"settled": {"x": 1}}, {"fence": True}]
    if kind == "MutationResponse":
        return [{"pending": ["m"]}, {"fence": True}]
    return [{"idle": True}]


def _server_case(mutant: Mutant) -> Case:
    kind = mutant.frame.get("type")
    opening: list[Json] = [{"connect": {}}]
    if not mutant.name.startswith("connect-"):
        opening.append({"c2s": CLIENT_FRAMES["connect"]})
    opening.append({"c2s": mutant.frame})
    if not mutant.is_message:
        end: list[Json] = [{"s2c": {"type": "FatalError"}}, {"closed": {"code": 1005}}]
    elif kind in ("Mutation", "Action"):
        end = [{"s2c": {"type": f"{kind}Response", "requestId": 0}}]
    elif kind == "ModifyQuerySet":
        end = [{"view": {"0": []}}]
    else:
        end = [{"fence": True}]
    return _case("server", mutant, "errors.malformed", [*opening, *end])
