"""The messages of the two sides: texts to send, and frozen values that were received.

Spec: messages
Not here: what is said when (see session), the values inside (see values).
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from .errors import InvalidPathError, RemoteProtocolError
from .values import LAST_OF_EIGHT, Json, Value, decode

U32_MAX, TS_MAX = 2**32 - 1, 2**63 - 1
DOLLAR, BACKSLASH = b"$\\"  # One byte is found much faster than two.


class Absent:
    """The type of ABSENT: a field that was not there, which differs from null."""


ABSENT: Final = Absent()


class Success(NamedTuple):
    """What a function returned."""

    value: Value
    log_lines: tuple[str, ...] = ()


class Failure(NamedTuple):
    """Why a function failed; `data` is ABSENT unless the app failed on purpose."""

    message: str
    data: Value | Absent = ABSENT
    log_lines: tuple[str, ...] = ()


Outcome: TypeAlias = Success | Failure


class StateVersion(NamedTuple):
    """What the results depend on: which queries, who asks, and which moment."""

    query_set: int = 0
    identity: int = 0
    ts: int = 0


class QueryAnswered(NamedTuple):
    """A new result of a query, good or bad (`QueryUpdated`, `QueryFailed`)."""

    query_id: int
    outcome: Outcome
    journal: str | None


class QueryRemoved(NamedTuple):
    """The server has forgotten a query."""

    query_id: int


class Transition(NamedTuple):
    """One step from a version to the next, with every result that changed."""

    start: StateVersion
    end: StateVersion
    modifications: tuple[QueryAnswered | QueryRemoved, ...]
    clock_skew_ms: float | None


class TransitionChunk(NamedTuple):
    """A piece of the text of a Transition."""

    text: str
    part_number: int
    total_parts: int
    transition_id: str


class MutationResponse(NamedTuple):
    """The answer to a mutation; `ts` is the moment of its commit."""

    request_id: int
    outcome: Outcome
    ts: int


class ActionResponse(NamedTuple):
    """The answer to an action."""

    request_id: int
    outcome: Outcome


class AuthError(NamedTuple):
    """The server refused a token, or the one it had has expired."""

    message: str
    base_version: int | None
    update_attempted: bool | None


class FatalError(NamedTuple):
    """The server declares this client to be at fault."""

    message: str


class Ping(NamedTuple):
    """A sign of life."""


class Unknown(NamedTuple):
    """A message of a kind that is not known here."""

    type: str


_Decode: TypeAlias = Callable[[Json], Value]
Response: TypeAlias = MutationResponse | ActionResponse
ServerMessage: TypeAlias = (
    Transition | TransitionChunk | Response | AuthError | FatalError | Ping | Unknown
)


def connect(
    session_id: str,
    connection_count: int,
    last_close_reason: str | None,
    client_ts: int,
    max_observed_ts: int | None,
) -> str:
    """The text of the first message of every connection."""
    body: dict[str, Json] = {
        "type": "Connect",
        "sessionId": session_id,
        "connectionCount": connection_count,
        "lastCloseReason": last_close_reason,
        # [messages.client-ts-integer] A fraction would be fatal.
        "clientTs": client_ts,
    }
    if max_observed_ts is not None:
        body["maxObservedTimestamp"] = encode_ts(max_observed_ts)
    return _write(body)


def modify_query_set(base_version: int, modifications: list[Json]) -> str:
    """The text of an edit of the query set, one version up."""
    return _write(
        {
            "type": "ModifyQuerySet",
            "baseVersion": base_version,
            "newVersion": base_version + 1,
            "modifications": modifications,
        }
    )


def add(query_id: int, path: str, args: Json, journal: str | Absent | None = ABSENT) -> Json:
    """The modification that asks to be kept told of a query."""
    body = {"type": "Add", "queryId": query_id, "udfPath": path, "args": [args]}
    # [messages.journal-opaque]
    return body if isinstance(journal, Absent) else {**body, "journal": journal}


def remove(query_id: int) -> Json:
    """The modification that asks not to be told of a query any more."""
    return {"type": "Remove", "queryId": query_id}


def call(kind: str, request_id: int, path: str, args: Json) -> str:
    """The text of a `Mutation` or an `Action`."""
    # [messages.args-array]
    return _write({"type": kind, "requestId": request_id, "udfPath": path, "args": [args]})


def authenticate(
    base_version: int,
    token_type: str,
    token: str | None = None,
    acting_as: Mapping[str, Json] | None = None,
) -> str:
    """The text that says who is calling from now on."""
    body: Json = {"type": "Authenticate", "baseVersion": base_version, "tokenType": token_type}
    if token is not None:
        body["value"] = token
    if acting_as is not None:
        # [auth.acting-as] Servers read this spelling and `acting_as`, no other.
        body["impersonating"] = dict(acting_as)
    return _write(body)


def _write(body: dict[str, Json]) -> str:
    # [messages.one-object]
    return to_json(body).decode()


def encode_ts(ts: int) -> str:
    """The text of a timestamp of the database."""
    # [messages.timestamp-encoding]
    return base64.b64encode(ts.to_bytes(8, "little")).decode()


@lru_cache(maxsize=8)
def decode_ts(text: Json) -> int:
    """The timestamp that a text denotes."""
    # Kept for a while: the end of one step is the start of the next.
    is_long = type(text) is str and len(text) == 12
    # The bits behind the last of eight bytes must be zero: one timestamp, one text.
    if not is_long or text[11] != "=" or text[10] not in LAST_OF_EIGHT:
        raise RemoteProtocolError("messages.timestamp-encoding", text=text)
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise RemoteProtocolError("messages.timestamp-encoding", text=text) from None
    ts = int.from_bytes(raw, "little")
    if ts > TS_MAX:
        # [messages.timestamp-range]
        raise RemoteProtocolError("messages.timestamp-range", ts=ts)
    return ts


_COMPONENT = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_.]{1,64}")
_FUNCTION = re.compile(r"(?=.*[^_])[A-Za-z_][A-Za-z0-9_]{0,63}")


@lru_cache(maxsize=1024)
def check_path(path: Any) -> str:
    """The path itself if the grammar allows it. Raises InvalidPathError."""
    # [errors.local-at-call] At the server a bad path costs the whole connection.
    if not isinstance(path, str):
        raise InvalidPathError(path, "it is no string")
    module, colon, function = path.rpartition(":")
    if not colon:
        module, function = function, "default"
    if not module:
        raise InvalidPathError(path, "the module part is empty")
    if module.startswith("/"):
        raise InvalidPathError(path, "the module path is absolute")
    if not all(_COMPONENT.fullmatch(part) for part in module.split("/")):
        raise InvalidPathError(
            path, "a part of the module is not 1 to 64 of A-Z a-z 0-9 _ . with a letter or digit"
        )
    extension = module.rpartition("/")[2].rpartition(".")
    if extension[1] and extension[2] != "js":
        raise InvalidPathError(path, "the module has an extension that is not 'js'")
    if not _FUNCTION.fullmatch(function):
        raise InvalidPathError(path, "the function part is no identifier of 1 to 64 characters")
    return path


@lru_cache(maxsize=1024)
def canonical_path(path: str) -> str:
    """The one spelling for all spellings of a path: `module:function`."""
    module, colon, function = check_path(path).rpartition(":")
    if not colon:
        module, function = function, "default"
    return f"{module.removesuffix('.js')}:{function}"


class ReadText(bytes):
    """A text that somebody has read already, in parts or in a thread."""

    message: ServerMessage


def read(text: str | bytes) -> ServerMessage:
    """The message that a text holds. Raises RemoteProtocolError."""
    if type(text) is ReadText:
        return text.message
    try:
        # [values.json-text] The words NaN and Infinity are no JSON.
        body = from_json(text, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise RemoteProtocolError("messages.one-object", reason=str(error)) from None
    kind = body.get("type") if type(body) is dict else None
    if type(kind) is not str:
        raise RemoteProtocolError("messages.one-object", got=type(body).__name__)
    reader = _READERS.get(kind)
    if reader is None:
        # [messages.unknown-type] A newer server may say more than we know.
        return Unknown(kind)
    try:
        # A text in which no string begins with `$` holds no tags, and is not walked through.
        return reader(body, decode if _may_hold_tags(text) else _as_it_is)
    except (KeyError, TypeError, AttributeError) as error:
        # [transitions.unreadable] [messages.unknown-field] What is missing counts,
        # what is added does not.
        raise RemoteProtocolError("transitions.unreadable", reason=repr(error)) from None


def _as_it_is(encoded: Json) -> Value:
    return encoded


def _may_hold_tags(text: str | bytes) -> bool:
    raw = text.encode() if isinstance(text, str) else text
    return (DOLLAR in raw and b'"$' in raw) or (BACKSLASH in raw and b'"\\u0024' in raw)


def _u32(number: Json) -> int:
    # [messages.u32]
    if type(number) is not int or not 0 <= number <= U32_MAX:
        raise RemoteProtocolError("messages.u32", number=number)
    return number


def _text(text: Json) -> str:
    if type(text) is not str:
        raise TypeError(text)
    return text


def _log_lines(body: dict[str, Json]) -> tuple[str, ...]:
    lines = body.get("logLines")
    return tuple(map(_text, lines)) if lines else ()


def _version(body: Json) -> StateVersion:
    return StateVersion(_u32(body["querySet"]), _u32(body["identity"]), decode_ts(body["ts"]))


def _failure(body: dict[str, Json], message: Json, decoder: _Decode) -> Failure:
    # [errors.application-error] Null data is data; only a missing key is none.
    data = decoder(body["errorData"]) if "errorData" in body else ABSENT
    return Failure(_text(message), data, _log_lines(body))


def _modification(body: dict[str, Json], decoder: _Decode) -> QueryAnswered | QueryRemoved:
    kind, query_id = body["type"], _u32(body["queryId"])
    outcome: Outcome
    if kind == "QueryUpdated":
        outcome = Success(decoder(body.get("value")), _log_lines(body))
    elif kind == "QueryFailed":
        outcome = _failure(body, body["errorMessage"], decoder)
    elif kind == "QueryRemoved":
        return QueryRemoved(query_id)
    else:
        raise RemoteProtocolError("transitions.unreadable", modification=kind)
    journal = body.get("journal")
    return QueryAnswered(query_id, outcome, None if journal is None else _text(journal))


def _transition(body: dict[str, Json], decoder: _Decode) -> Transition:
    changes, skew = body["modifications"], body.get("clientClockSkew")
    if type(changes) is not list:
        raise TypeError("modifications")
    return Transition(
        _version(body["startVersion"]),
        _version(body["endVersion"]),
        tuple([_modification(each, decoder) for each in changes]),
        float(skew) if type(skew) is int or type(skew) is float else None,
    )


def _chunk(body: dict[str, Json], _: _Decode) -> TransitionChunk:
    part, total = _u32(body["partNumber"]), _u32(body["totalParts"])
    return TransitionChunk(_text(body["chunk"]), part, total, _text(body["transitionId"]))


def _call_outcome(body: dict[str, Json], decoder: _Decode) -> Outcome:
    if body["success"] is True:
        return Success(decoder(body.get("result")), _log_lines(body))
    if body["success"] is False:
        return _failure(body, body["result"], decoder)
    raise TypeError("success")


def _mutation_response(body: dict[str, Json], decoder: _Decode) -> MutationResponse:
    outcome = _call_outcome(body, decoder)
    ts = decode_ts(body["ts"]) if isinstance(outcome, Success) else 0
    return MutationResponse(_u32(body["requestId"]), outcome, ts)


def _auth_error(body: dict[str, Json], _: _Decode) -> AuthError:
    base, attempted = body.get("baseVersion"), body.get("authUpdateAttempted")
    attempted = attempted if isinstance(attempted, bool) else None
    return AuthError(_text(body["error"]), None if base is None else _u32(base), attempted)


_READERS: dict[str, Callable[[dict[str, Json], _Decode], ServerMessage]] = {
    "Transition": _transition,
    "TransitionChunk": _chunk,
    "MutationResponse": _mutation_response,
    "ActionResponse": lambda body, decoder: ActionResponse(
        _u32(body["requestId"]), _call_outcome(body, decoder)
    ),
    "AuthError": _auth_error,
    "FatalError": lambda body, _: FatalError(_text(body["error"])),
    "Ping": lambda _, __: Ping(),
}
