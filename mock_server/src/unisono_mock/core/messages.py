"""Messages: the frames of both directions, and their JSON.

Client frames are checked strictly, field by field. Server frames are joined from pieces
that were encoded before, so that a result for a thousand sockets is encoded once.

Spec: messages
Not here: what a message does (see session), values inside it (see values).
"""

import base64
import binascii
import re
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from .errors import ProtocolError, internal_failure
from .values import InvalidValue, Json, json_bytes, parse_json

U32 = 2**32
MAX_TS = 2**63 - 1
MAX_COMPONENT = 64
DEFAULT_FUNCTION = "default"

_IDENTIFIER = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_COMPONENT = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_.]+", re.ASCII)


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
    value: str | None
    acting_as: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Event:
    """Diagnostics; nobody answers."""

    event_type: str


ClientMessage: TypeAlias = Connect | ModifyQuerySet | Call | Authenticate | Event


@dataclass(frozen=True, slots=True)
class StateVersion:
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
    fields = _Fields(document)
    # [messages.unknown-type-fatal] The server knows every message there is.
    # [messages.unknown-field] Fields it does not know, it does not look at.
    reader = _READERS.get(fields.text("type"))
    if reader is None:
        raise ProtocolError(
            "messages.unknown-type-fatal", f"unknown message type {document['type']!r}"
        )
    return reader(fields)


def canonical_path(path: str) -> str:
    """`module.js:function`, the form in which the server keeps a path."""
    # [messages.path-syntax] A path that cannot name a function is an error of
    # the message; one that names none is an error of the function.
    module, colon, function = path.rpartition(":")
    if not colon:
        module, function = path, DEFAULT_FUNCTION
    why = _module_fault(module) or _function_fault(function)
    if why:
        raise InvalidValue(f"{path} is not a valid path to a Convex function. {why}")
    return f"{module}:{function}" if module.endswith(".js") else f"{module}.js:{function}"


def stripped_path(path: str) -> str:
    """A canonical path as texts for people print it."""
    module, _, function = path.rpartition(":")
    module = module.removesuffix(".js")
    return module if function == DEFAULT_FUNCTION else f"{module}:{function}"


@lru_cache(maxsize=1024)
def encode_ts(ts: int) -> str:
    """The text of a timestamp: eight bytes, little-endian, in base64."""
    # [messages.timestamp-encoding] Not a number: it would not survive JSON.
    return base64.b64encode(struct.pack("<Q", ts)).decode("ascii")


def decode_ts(text: str) -> int:
    """The timestamp of its text."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(f"invalid base64 timestamp: {error}") from None
    if len(raw) != 8:
        raise InvalidValue(f"a timestamp has 8 bytes, not {len(raw)}")
    ts = int.from_bytes(raw, "little")
    # [messages.timestamp-range] The upper half of the 64 bits is not used.
    if ts > MAX_TS:
        raise InvalidValue(f"timestamp {ts} is out of range")
    return ts


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


class _Fields:
    """The fields of one message, read with their types."""

    __slots__ = ("_document",)

    def __init__(self, document: dict[str, Json]) -> None:
        self._document = document

    def raw(self, name: str) -> Json:
        return self._document.get(name)

    def text(self, name: str) -> str:
        value = self._document.get(name)
        if type(value) is not str:
            raise _wrong(name, "a string", value)
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._document.get(name) is None else self.text(name)

    def u32(self, name: str) -> int:
        # [messages.u32] A JSON integer below 2**32: no sign, no fraction.
        value = self._document.get(name)
        if type(value) is not int or not 0 <= value < U32:
            raise _wrong(name, "an integer from 0 to 4294967295", value)
        return value

    def optional_integer(self, name: str) -> int | None:
        # [messages.client-ts-integer] A fraction of a millisecond is an error.
        value = self._document.get(name)
        if value is not None and type(value) is not int:
            raise _wrong(name, "an integer", value)
        return value

    def optional_ts(self, name: str) -> int | None:
        text = self.optional_text(name)
        try:
            return None if text is None else decode_ts(text)
        except InvalidValue as error:
            raise ProtocolError("messages.timestamp-encoding", f"{name}: {error}") from None

    def items(self, name: str) -> list[Json]:
        value = self._document.get(name)
        if type(value) is not list:
            raise _wrong(name, "an array", value)
        return value

    def path(self, name: str) -> str:
        text = self.text(name)
        try:
            canonical_path(text)
        except InvalidValue as error:
            raise ProtocolError("messages.path-syntax", str(error)) from None
        return text


def _wrong(name: str, expected: str, value: Json) -> ProtocolError:
    got = "nothing" if value is None else type(value).__name__
    return ProtocolError("errors.malformed", f"field {name} must be {expected}, got {got}")


def _connect(fields: _Fields) -> Connect:
    # [messages.session-id] Every usual spelling of a UUID.
    try:
        session_id = uuid.UUID(fields.text("sessionId"))
    except ValueError:
        raise _wrong("sessionId", "a UUID", fields.raw("sessionId")) from None
    return Connect(
        session_id,
        fields.u32("connectionCount"),
        fields.optional_text("lastCloseReason"),
        fields.optional_ts("maxObservedTimestamp"),
        fields.optional_integer("clientTs"),
    )


def _modify_query_set(fields: _Fields) -> ModifyQuerySet:
    return ModifyQuerySet(
        fields.u32("baseVersion"),
        fields.u32("newVersion"),
        tuple(_modification(item) for item in fields.items("modifications")),
    )


def _modification(document: Json) -> Add | Remove:
    if type(document) is not dict:
        raise _wrong("modifications", "an array of objects", document)
    fields = _Fields(document)
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


def _call(fields: _Fields) -> Call:
    _refuse_component(fields)
    args = fields.raw("args")
    if args is None:
        raise _wrong("args", "an array", args)
    return Call(
        fields.u32("requestId"), fields.path("udfPath"), args, fields.raw("type") == "Action"
    )


def _refuse_component(fields: _Fields) -> None:
    if fields.optional_text("componentPath"):
        raise internal_failure("a component other than the root was named; there are none")


def _authenticate(fields: _Fields) -> Authenticate:
    token_type = fields.text("tokenType")
    if token_type not in ("User", "Admin", "None"):
        raise ProtocolError("messages.unknown-type-fatal", f"unknown tokenType {token_type!r}")
    acting_as = fields.raw("impersonating")
    if acting_as is None:
        acting_as = fields.raw("acting_as")
    if acting_as is not None and type(acting_as) is not dict:
        raise _wrong("impersonating", "an object", acting_as)
    return Authenticate(
        fields.u32("baseVersion"),
        token_type,
        None if token_type == "None" else fields.text("value"),
        acting_as if token_type == "Admin" else None,
    )


def _event(fields: _Fields) -> Event:
    return Event(fields.text("eventType"))


_READERS: Mapping[str, Callable[[_Fields], ClientMessage]] = {
    "Connect": _connect,
    "ModifyQuerySet": _modify_query_set,
    "Mutation": _call,
    "Action": _call,
    "Authenticate": _authenticate,
    "Event": _event,
}


def _module_fault(module: str) -> str:
    if module.startswith("/"):
        return f"Module paths must be relative ({module} is absolute)."
    *folders, file = module.split("/")
    if not file:
        return f"Module path {module} doesn't have a filename."
    if "." in file and not file.endswith(".js"):
        return f"Module path ({module}) has an extension that isn't 'js'."
    for component in (*folders, file):
        if len(component) > MAX_COMPONENT:
            return f"Path component is too long ({len(component)} > maximum {MAX_COMPONENT})."
        if not _COMPONENT.fullmatch(component):
            return (
                f"Path component {component} can only contain alphanumeric characters, "
                "underscores, or periods."
            )
    return ""


def _function_fault(function: str) -> str:
    if not function:
        return "Identifier cannot be empty"
    if len(function) > MAX_COMPONENT:
        return f"Identifier is too long ({len(function)} > maximum {MAX_COMPONENT})"
    if not _IDENTIFIER.fullmatch(function):
        return f"Invalid first character or identifier: {function!r}"
    return ""
