"""HTTP as values: what a request asks for, and the answers that need no function.

Spec: http
Not here: carrying a call out (see endpoints), bytes (see runtime.connection).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from .connection import ClientVersion
from .errors import ConnectionFailure, FailureKind, error_text
from .messages import canonical_path
from .mutations import Outcome
from .values import (
    InvalidValue,
    Json,
    decode,
    encode_clean,
    encode_export,
    json_bytes,
    parse_json,
)

VERSION = "unisono-mock"
MAX_AGE_S = 86_400
MAX_BODY_BYTES = 16 * 2**20 + 2000
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
ENCODED = "convex_encoded_json"

# [http.format] Three formats and their other names; each turns the encoded
# text of a value into the text of the answer.
FORMATS: Mapping[str, Callable[[bytes], bytes]] = {
    ENCODED: bytes,
    "convex_json": bytes,
    "json": lambda text: json_bytes(encode_clean(decode(parse_json(text)))),
    "convex_clean_json": lambda text: json_bytes(encode_clean(decode(parse_json(text)))),
    "export_json": lambda text: json_bytes(encode_export(decode(parse_json(text)))),
}
STATUS = {
    FailureKind.BAD_REQUEST: 400,
    FailureKind.UNAUTHENTICATED: 401,
    FailureKind.AUTH_UPDATE_FAILED: 401,
    FailureKind.FORBIDDEN: 403,
    FailureKind.NOT_FOUND: 404,
    FailureKind.CLIENT_DISCONNECT: 408,
    FailureKind.CONFLICT: 409,
    FailureKind.RATE_LIMITED: 429,
    FailureKind.INTERNAL: 500,
    FailureKind.OCC: 503,
    FailureKind.OVERLOADED: 503,
}
_ENCODED_BELOW = {"npm": (1, 4, 1), "npm-cli": (1, 4, 1), "actions": (1, 4, 1),
                  "python": (0, 5, 0), "python-convex": (0, 5, 0)}  # fmt: skip
_JSON_TYPE = re.compile(r"application/(?:[^;\s]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One response."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One call in the body of a request."""

    path: str
    args: Json
    format: str | None


class HttpFailure(Exception):
    """A failure that is not a function's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> Response:
        """What the client gets."""
        return refusal(self.status, self.code, self.message)


def refusal(status: int, code: str, message: str) -> Response:
    """The answer for a failure that is not a function's."""
    # [http.error-json] A short code for programs, a sentence for people.
    return Response(status, json_bytes({"code": code, "message": message}), JSON)


def failure_response(failure: ConnectionFailure) -> Response:
    """How a failure that ends a socket looks over HTTP."""
    status = STATUS[failure.kind]
    if failure.kind is FailureKind.INTERNAL:
        message = "Your request couldn't be completed. Try again later."
        return refusal(status, "InternalServerError", message)
    return refusal(status, failure.code, failure.message)


def read_body(request: Request) -> dict[str, Json]:
    """The JSON object in a request."""
    # [http.content-type] Also `application/x+json`, with or without parameters.
    if not _JSON_TYPE.fullmatch(request.headers.get("content-type", "")):
        raise _bad_body("Expected request with `Content-Type: application/json`")
    if len(request.body) > MAX_BODY_BYTES:
        raise _bad_body("length limit exceeded")
    try:
        body = parse_json(request.body)
    except InvalidValue as error:
        raise _bad_body(f"Failed to parse the request body as JSON: {error}") from None
    if type(body) is not dict:
        raise _bad_body("Failed to deserialize the JSON body into the target type: not an object")
    return body


def read_query(request: Request) -> dict[str, Json]:
    """The call in the query string of a GET."""
    fields: dict[str, Json] = dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        fields["args"] = parse_json(fields.get("args", "{}"))
    except InvalidValue as error:
        raise HttpFailure(400, "BadQueryArgs", f"args is not JSON: {error}") from None
    return fields


def read_call(fields: Mapping[str, Json], path: str | None = None) -> FunctionCall:
    """The call that the fields of a body describe."""
    if path is None:
        found = fields.get("path")
        if type(found) is not str:
            raise _bad_field("path", "a string")
        path = found
    args = fields.get("args")
    # [http.args-forms] An array of arguments, or the one argument by itself.
    if type(args) is not list:
        if "args" not in fields:
            raise _bad_field("args", "an object or an array")
        args = [args]
    format_ = fields.get("format")
    if format_ is not None and type(format_) is not str:
        raise _bad_field("format", "a string")
    return FunctionCall(path, args, format_)


def read_path(path: str) -> str:
    """The canonical form of a path, or a refusal."""
    try:
        return canonical_path(path)
    except InvalidValue as error:
        raise HttpFailure(400, "BadConvexFunctionIdentifier", str(error)) from None


def run_path(path: str) -> str:
    """The function in the address of `/api/run/{module}/{function}`."""
    # [http.run-path] The last piece is the function.
    pieces = [unquote(piece) for piece in path.removeprefix("/api/run/").split("/")]
    if len(pieces) < 2 or not all(pieces):
        raise HttpFailure(400, "MissingIdentifier", "an address is /api/run/<module>/<function>")
    return f"{'/'.join(pieces[:-1])}:{pieces[-1]}"


def formatter(name: str | None, client: ClientVersion) -> Callable[[bytes], bytes]:
    """What turns encoded values into the format that was asked for."""
    if name is None:
        # Old clients knew one format and did not name it.
        limit = _ENCODED_BELOW.get(client.name)
        old = limit is not None and client.version is not None and client.version < limit
        name = ENCODED if old else "json"
    found = FORMATS.get(name)
    if found is None:
        raise HttpFailure(400, "BadFormat", f"format {name!r} is not supported; use 'json'")
    return found


def result_json(
    outcome: Outcome, request_id: str, shape: Callable[[bytes], bytes], *, redact: bool
) -> bytes:
    """The answer of a function, whether it returned or failed."""
    lines = b"" if redact or outcome.log_lines == b"[]" else outcome.log_lines
    # [http.log-lines] No lines, no field.
    tail = b',"logLines":%b' % lines if lines else b""
    if outcome.value is not None:
        return b'{"status":"success","value":%b%b}' % (shape(outcome.value), tail)
    text = error_text(request_id, outcome.message, outcome.frames, redact=redact)
    data = b"" if outcome.data is None else b',"errorData":%b' % shape(outcome.data)
    return b'{"status":"error","errorMessage":%b%b%b}' % (json_bytes(text), data, tail)


def sync_version(path: str) -> str | None:
    """The client version in a path of the sync route, or ""; None for any other route."""
    if path == "/api/sync":
        return ""
    parts = path.split("/")
    if len(parts) == 4 and parts[0] == "" and parts[1] == "api" and parts[3] == "sync":
        return parts[2]
    return None


def deprecation_headers(client: ClientVersion) -> tuple[tuple[str, str], ...]:
    """What an old client is told beside the answer."""
    if client.deprecation is None:
        return ()
    return (
        ("x-convex-deprecation-state", client.deprecation),
        ("x-convex-deprecation-message", f"{client.text} is too old for this server"),
    )


def unsupported(client: ClientVersion) -> Response:
    """The answer to a client that is too old to be served."""
    refused = refusal(400, "ClientVersionUnsupported", f"{client.text} is too old for this server")
    return Response(400, refused.body, refused.content_type, deprecation_headers(client))


def cors(request: Request) -> tuple[tuple[str, str], ...]:
    """The headers that let a page of any origin read the answer."""
    # [http.cors] The origin is mirrored, whatever it is.
    origin = request.headers.get("origin")
    if origin is None or request.path.startswith("/http/"):
        return ()
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    )


def preflight(request: Request) -> Response:
    """The answer to a browser that asks whether it may ask."""
    wanted = request.headers.get("access-control-request-headers")
    headers = (
        ("Access-Control-Allow-Methods", "GET, POST, OPTIONS, PATCH, DELETE, PUT"),
        ("Access-Control-Max-Age", str(MAX_AGE_S)),
        *((("Access-Control-Allow-Headers", wanted),) if wanted else ()),
    )
    return Response(200, headers=headers)


def json_response(body: Any) -> Response:
    """A 200 with a JSON document."""
    return Response(200, body if isinstance(body, bytes) else json_bytes(body), JSON)


def _bad_body(message: str) -> HttpFailure:
    return HttpFailure(400, "BadJsonBody", message)


def _bad_field(name: str, expected: str) -> HttpFailure:
    return _bad_body(
        "Failed to deserialize the JSON body into the target type: "
        f"field `{name}` must be {expected}"
    )
