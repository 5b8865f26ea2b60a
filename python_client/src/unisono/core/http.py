"""One-shot calls over HTTP, as values: what to ask, and what an answer means.

Spec: http
Not here: the requests themselves (see runtime/http).
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from .errors import HttpStatusError, RemoteProtocolError
from .messages import ABSENT, Failure, Outcome, Success, check_path, decode_ts, encode_ts
from .values import Json, Value, decode, encode, encode_args

FORMAT = "convex_encoded_json"
FUNCTION_FAILED = 560
FIRST_FAILURE = 400


class Request(NamedTuple):
    """What to send: always a POST of JSON."""

    path: str
    body: bytes


def call(kind: str, path: str, args: Any) -> Request:
    """A `query`, `mutation` or `action`."""
    return Request(f"/api/{kind}", to_json(_body(path, args)))


def query_at(path: str, args: Any, ts: int) -> Request:
    """A query at a moment that `query_ts` has told."""
    return Request("/api/query_at_ts", to_json({**_body(path, args), "ts": encode_ts(ts)}))


def query_ts() -> Request:
    """Which moment can be queried."""
    return Request("/api/query_ts", b"{}")


def query_batch(queries: Sequence[tuple[str, Any]]) -> Request:
    """Several queries at one moment."""
    bodies = [_body(path, args) for path, args in queries]
    return Request("/api/query_batch", to_json({"queries": bodies}))


def _body(path: str, args: Any) -> dict[str, Json]:
    # [http.body] [http.format] Any other format loses the types.
    return {"path": check_path(path), "args": encode_args(args), "format": FORMAT}


def authorization(token: str) -> dict[str, str]:
    """The header for a user's token."""
    # [http.authorization]
    return {"Authorization": f"Bearer {token}"}


def admin_authorization(key: str, acting_as: Mapping[str, Value] | None = None) -> dict[str, str]:
    """The header for an admin key, and for acting as a user."""
    if acting_as is None:
        return {"Authorization": f"Convex {key}"}
    attributes = base64.b64encode(to_json(encode(acting_as))).decode()
    return {"Authorization": f"Convex {key}:{attributes}"}


def read_outcome(status: int, body: bytes) -> Outcome:
    """What a function returned or failed with. Raises HttpStatusError."""
    return _outcome(_json(status, body))


def read_ts(status: int, body: bytes) -> int:
    """The moment that was told."""
    answer = _json(status, body)
    return decode_ts(answer.get("ts") if isinstance(answer, dict) else None)


def read_batch(status: int, body: bytes) -> list[Outcome]:
    """What several queries returned, in order."""
    answer = _json(status, body)
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise RemoteProtocolError("http.query-batch", got=type(results).__name__)
    return [_outcome(result) for result in results]


def _json(status: int, body: bytes) -> Json:
    try:
        answer = from_json(body, allow_inf_nan=False)
    except ValueError:
        answer = None
    # [http.status-560] Old servers said so that a function had failed.
    if status < FIRST_FAILURE or status == FUNCTION_FAILED:
        if answer is None:
            raise RemoteProtocolError("http.response", status=status, body=body[:200])
        return answer
    answer = answer if isinstance(answer, dict) else {}
    text = answer.get("message") or body[:200].decode("utf-8", "replace")
    raise HttpStatusError(status, str(answer.get("code", "")), str(text))


def _outcome(answer: Json) -> Outcome:
    if not isinstance(answer, dict):
        raise RemoteProtocolError("http.response", got=type(answer).__name__)
    # [http.log-lines] An absent field is an empty list.
    lines = tuple(answer.get("logLines") or ())
    match answer.get("status"):
        case "success" if "value" in answer:
            return Success(decode(answer["value"]), lines)
        case "error" if isinstance(answer.get("errorMessage"), str):
            data = decode(answer["errorData"]) if "errorData" in answer else ABSENT
            return Failure(answer["errorMessage"], data, lines)
        case status:
            raise RemoteProtocolError("http.response", status=status)
