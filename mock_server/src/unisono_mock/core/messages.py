"""Messages: the frames of both directions, and their JSON.

Client frames are checked strictly, field by field. Server frames are joined from pieces
that were encoded before, so that a result for a thousand sockets is encoded once.

Spec: messages
Not here: what a message does (see session), reading one field (see fields).
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from .errors import ProtocolError, internal_failure
from .fields import Fields, wrong
from .scalars import canonical_path as canonical_path
from .scalars import decode_ts as decode_ts
from .scalars import encode_ts as encode_ts
from .scalars import stripped_path as stripped_path
from .values import InvalidValue, Json, json_bytes, parse_json


@dataclass(frozen=True, slots=True)
class Connect:
    """The first words of a client."""

    session_id: uuid.UUID
    connection_count: int
    last_close_reason: str | None
    max_observed_ts: int | None
    client_ts_ms: int | None


@dataclass(frozen=True, slots=True)
class Add:
    """Keep me told of this query."""

    query_id: int
    path: str
    args: Json
    journal: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    """No longer keep me told of it."""

    query_id: int


@dataclass(frozen=True, slots=True)
class ModifyQuerySet:
    """One numbered step of the query set."""

    base_version: int
    new_version: int
    modifications: tuple[Add | Remove, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A mutation or an action of a client."""

    request_id: int
    path: str
    args: Json
    is_action: bool


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Be somebody else from now on. `token_type` is User, Admin or None."""

    base_version: int
    token_type: str
    # [auth.token-secret] A debugger that prints the message prints no token.
    value: str | None = field(repr=False)
    acting_as: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Event:
    """Diagnostics; nobody answers."""

    event_type: str


ClientMessage: TypeAlias = Connect | ModifyQuerySet | Call | Authenticate | Event


class StateVersion(NamedTuple):
    """How far one connection has come: query set, identity, timestamp."""

    query_set: int = 0
    identity: int = 0
    ts: int = 0


def parse(text: str) -> ClientMessage:
    """The message of one text frame, or ProtocolError."""
    try:
        document = parse_json(text)
    except InvalidValue as error:
        raise ProtocolError("messages.one-object", f"Received invalid JSON: {error}") from None
    if type(document) is not dict:
        raise ProtocolError("messages.one-object", "Received invalid JSON: expected an object")
    fields = Fields(document)
    # [messages.unknown-type-fatal] The server knows every message there is.
    # [messages.unknown-field] Fields it does not know, it does not look at.
    reader = _READERS.get(fields.text("type"))
    if reader is None:
        raise ProtocolError(
            "messages.unknown-type-fatal", f"unknown message type {document['type']!r}"
        )
    return reader(fields)


@lru_cache(maxsize=4096)
def version_json(version: StateVersion) -> bytes:
    """A state version as it stands in a Transition."""
    return (
        f'{{"querySet":{version.query_set},"identity":{version.identity},'
        f'"ts":"{encode_ts(version.ts)}"}}'
    ).encode("ascii")


def query_updated(query_id: int, value: bytes, log_lines: bytes, journal: bytes) -> bytes:
    """One new result inside a Transition."""
    return b'{"type":"QueryUpdated","queryId":%d,"value":%b,"logLines":%b,"journal":%b}' % (
        query_id,
        value,
        log_lines,
        journal,
    )


def query_failed(
    query_id: int, message: str, data: bytes | None, log_lines: bytes, journal: bytes
) -> bytes:
    """One failed result inside a Transition."""
    # [errors.application-data] The key is there only if the app gave data,
    # which may be null.
    extra = b"" if data is None else b',"errorData":' + data
    return b'{"type":"QueryFailed","queryId":%d,"errorMessage":%b,"logLines":%b,"journal":%b%b}' % (
        query_id,
        json_bytes(message),
        log_lines,
        journal,
        extra,
    )


def query_removed(query_id: int) -> bytes:
    """The acknowledgement of a Remove inside a Transition."""
    return b'{"type":"QueryRemoved","queryId":%d}' % query_id


def transition(
    start: StateVersion,
    end: StateVersion,
    modifications: Sequence[bytes],
    skew_ms: int | None,
    server_ns: int,
) -> bytes:
    """A step from one version to the next, with every result that changed."""
    # [messages.server-ts] The wall clock in nanoseconds, a plain number.
    return (
        b'{"type":"Transition","startVersion":%b,"endVersion":%b,"modifications":[%b],'
        b'"clientClockSkew":%b,"serverTs":%d}'
        % (
            version_json(start),
            version_json(end),
            b",".join(modifications),
            b"null" if skew_ms is None else b"%d" % skew_ms,
            server_ns,
        )
    )


def transition_chunk(piece: str, number: int, total: int, transition_id: str) -> bytes:
    """One piece of a Transition that is too large for one frame."""
    return (
        b'{"type":"TransitionChunk","chunk":%b,"partNumber":%d,"totalParts":%d,"transitionId":%b}'
        % (json_bytes(piece), number, total, json_bytes(transition_id))
    )


def mutation_succeeded(request_id: int, result: bytes, ts: int, log_lines: bytes) -> bytes:
    """The answer to a mutation that committed."""
    return (
        b'{"type":"MutationResponse","requestId":%d,"success":true,"result":%b,'
        b'"ts":"%b","logLines":%b}' % (request_id, result, encode_ts(ts).encode(), log_lines)
    )


def action_succeeded(request_id: int, result: bytes, log_lines: bytes) -> bytes:
    """The answer to an action that returned."""
    # [mutations.action-no-ts] An action is no transaction and has no timestamp.
    return b'{"type":"ActionResponse","requestId":%d,"success":true,"result":%b,"logLines":%b}' % (
        request_id,
        result,
        log_lines,
    )


def call_failed(
    request_id: int, is_action: bool, message: str, data: bytes | None, log_lines: bytes
) -> bytes:
    """The answer to a mutation or action that failed."""
    kind, ts = (b"ActionResponse", b"") if is_action else (b"MutationResponse", b'"ts":null,')
    extra = b"" if data is None else b',"errorData":' + data
    return b'{"type":"%b","requestId":%d,"success":false,"result":%b,%b"logLines":%b%b}' % (
        kind, request_id, json_bytes(message), ts, log_lines, extra,
    )  # fmt: skip


def auth_error(message: str, base_version: int, attempted: bool) -> bytes:
    """The last message to a client whose identity is not accepted."""
    return json_bytes(
        {
            "type": "AuthError",
            "error": message,
            "baseVersion": base_version,
            "authUpdateAttempted": attempted,
        }
    )


def fatal_error(message: str) -> bytes:
    """The last message to a client that is at fault."""
    return json_bytes({"type": "FatalError", "error": message})


PING = b'{"type":"Ping"}'
NO_LINES = b"[]"


def _connect(fields: Fields) -> Connect:
    # [messages.session-id] Every usual spelling of a UUID.
    try:
        session_id = uuid.UUID(fields.text("sessionId"))
    except ValueError:
        raise wrong("sessionId", "a UUID", fields.raw("sessionId")) from None
    return Connect(
        session_id,
        fields.u32("connectionCount"),
        fields.optional_text("lastCloseReason"),
        fields.optional_ts("maxObservedTimestamp"),
        fields.optional_integer("clientTs"),
    )


def _modify_query_set(fields: Fields) -> ModifyQuerySet:
    return ModifyQuerySet(
        fields.u32("baseVersion"),
        fields.u32("newVersion"),
        tuple(_modification(item) for item in fields.items("modifications")),
    )


def _modification(document: Json) -> Add | Remove:
    if type(document) is not dict:
        raise wrong("modifications", "an array of objects", document)
    fields = Fields(document)
    match fields.text("type"):
        case "Add":
            _refuse_component(fields)
            return Add(
                fields.u32("queryId"),
                fields.path("udfPath"),
                fields.raw("args"),
                fields.optional_text("journal"),
            )
        case "Remove":
            return Remove(fields.u32("queryId"))
        case other:
            raise ProtocolError(
                "messages.unknown-type-fatal", f"unknown query set modification {other!r}"
            )


def _call(fields: Fields) -> Call:
    _refuse_component(fields)
    args = fields.raw("args")
    if args is None:
        raise wrong("args", "an array", args)
    return Call(
        fields.u32("requestId"), fields.path("udfPath"), args, fields.raw("type") == "Action"
    )


def _refuse_component(fields: Fields) -> None:
    if fields.optional_text("componentPath"):
        raise internal_failure("a component other than the root was named; there are none")


def _authenticate(fields: Fields) -> Authenticate:
    token_type = fields.text("tokenType")
    if token_type not in ("User", "Admin", "None"):
        raise ProtocolError("messages.unknown-type-fatal", f"unknown tokenType {token_type!r}")
    acting_as = fields.raw("impersonating")
    if acting_as is None:
        acting_as = fields.raw("acting_as")
    if acting_as is not None and type(acting_as) is not dict:
        raise wrong("impersonating", "an object", acting_as)
    return Authenticate(
        fields.u32("baseVersion"),
        token_type,
        None if token_type == "None" else fields.text("value"),
        acting_as if token_type == "Admin" else None,
    )


def _event(fields: Fields) -> Event:
    return Event(fields.text("eventType"))


_READERS: Mapping[str, Callable[[Fields], ClientMessage]] = {
    "Connect": _connect,
    "ModifyQuerySet": _modify_query_set,
    "Mutation": _call,
    "Action": _call,
    "Authenticate": _authenticate,
    "Event": _event,
}
