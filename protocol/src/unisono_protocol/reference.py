"""The arithmetic of the specification, written once more and as plainly as it can be.

Spec: values, messages, connection, transitions, auth
Not here: anything that a client or a server should import. This module exists to compute the
vectors, so that no vector is written by hand; both codecs under test are strangers to it.

A value is written in the notation of the vectors: an object with one key that names the type.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
from typing import Any

Notation = dict[str, Any]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
TIMESTAMP_MAX = 2**63 - 1
ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
CHUNK_BYTES = 5_000_000

BACKOFF_CAP_MS = 16_000
BACKOFF_CLIENT_MS = 100
BACKOFF_UNKNOWN_MS = 1_000
BACKOFF_CLIENT_REASONS = ("InactiveServer", "FailedToSendMessage")
BACKOFF_REASONS = (
    ("InternalServerError", 1_000),
    ("SubscriptionsWorkerFullError", 3_000),
    ("TooManyConcurrentRequests", 3_000),
    ("CommitterFullError", 3_000),
    ("AwsTooManyRequestsException", 3_000),
    ("ExecuteFullError", 3_000),
    ("SystemTimeoutError", 3_000),
    ("ExpiredInQueue", 3_000),
    ("VectorIndexesUnavailable", 1_000),
    ("SearchIndexesUnavailable", 1_000),
    ("TableSummariesUnavailable", 1_000),
    ("VectorIndexTooLarge", 3_000),
    ("SearchIndexTooLarge", 3_000),
    ("TooManyWritesInTimePeriod", 3_000),
)

REFRESH_MAX_MS = 20 * 24 * 60 * 60 * 1000


def float_of(bits: str) -> float:
    """Return the Float64 whose 16 hex digits, most significant first, are given."""
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return value


def bits_of(value: float) -> str:
    """Return the 16 hex digits of a Float64, most significant first."""
    return struct.pack(">d", value).hex()


def is_special(bits: str) -> bool:
    """Say whether a Float64 needs the `$float` tag: NaN, an infinity, or minus zero."""
    value = float_of(bits)
    return math.isnan(value) or math.isinf(value) or bits == "8000000000000000"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def encode(value: Notation) -> Any:
    """Return the encoded JSON of a value in notation."""
    ((kind, content),) = value.items()
    match kind:
        case "null":
            return None
        case "boolean" | "string":
            return content
        case "float64":
            if is_special(content):
                return {"$float": _base64(bytes.fromhex(content)[::-1])}
            return float_of(content)
        case "int64":
            return {"$integer": _base64(struct.pack("<q", int(content)))}
        case "bytes":
            return {"$bytes": _base64(bytes.fromhex(content))}
        case "array":
            return [encode(item) for item in content]
        case "object":
            return {key: encode(item) for key, item in content}
        case _:
            raise ValueError(f"no such type: {kind}")


def encode_timestamp(ts: int) -> str:
    """Return the wire form of a timestamp: base64 of eight bytes, least significant first."""
    return _base64(struct.pack("<Q", ts))


def order_key(value: Notation) -> tuple[Any, ...]:
    """Return a key whose natural order is the total order of values."""
    ((kind, content),) = value.items()
    match kind:
        case "null":
            return (1,)
        case "int64":
            return (2, int(content))
        case "float64":
            raw = int(content, 16)
            return (3, raw ^ (2**64 - 1) if raw >> 63 else raw | 2**63)
        case "boolean":
            return (4, content)
        case "string":
            return (5, content.encode("utf-8"))
        case "bytes":
            return (6, bytes.fromhex(content))
        case "array":
            return (7, tuple(order_key(item) for item in content))
        case "object":
            pairs = sorted((key.encode("utf-8"), order_key(item)) for key, item in content)
            return (8, tuple(pairs))
        case _:
            raise ValueError(f"no such type: {kind}")


def _vint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def fletcher16(data: bytes) -> int:
    """Return the check sum of document ids: two running sums, both modulo 256."""
    first = second = 0
    for byte in data:
        first = (first + byte) % 256
        second = (second + first) % 256
    return second * 256 + first


def id_text(data: bytes) -> str:
    """Return bytes in the base 32 of document ids, the last group filled with zero bits."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(ID_ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def encode_id(table: int, internal: bytes, version: int = 0) -> str:
    """Return the document id of a table number and sixteen internal bytes."""
    body = _vint(table) + internal
    return id_text(body + struct.pack("<H", fletcher16(body) ^ version))


def request_id(session_id: str, number: int) -> str:
    """Return the request id that the error texts of one mutation or action carry."""
    return hashlib.sha256(f"{session_id}|{number}".encode()).hexdigest()[:16]


COMPONENT = re.compile(r"^(?=.*[A-Za-z0-9])[A-Za-z0-9_.]{1,64}$")
IDENTIFIER = re.compile(r"^(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}$")


def split_path(path: str) -> tuple[str, str]:
    """Return module and function of a function path; the last colon separates them."""
    module, colon, function = path.rpartition(":")
    return (module, function) if colon else (path, "default")


def path_problem(path: str) -> str | None:
    """Return why a function path is refused, or nothing when its syntax is good."""
    module, function = split_path(path)
    if not IDENTIFIER.match(function):
        return "the function part is not an identifier of 1 to 64 characters"
    if not module:
        return "the module part is empty"
    if module.startswith("/"):
        return "the module path is absolute"
    for component in module.split("/"):
        if not COMPONENT.match(component):
            return "a component is not 1 to 64 of A-Z a-z 0-9 _ . with a letter or digit"
    stem, dot, extension = module.split("/")[-1].rpartition(".")
    if dot and stem and extension != "js":
        return "the extension is not js"
    return None


def client_path(path: str) -> str:
    """Return the canonical form that clients use as a key and send in Add."""
    module, function = split_path(path)
    return f"{module.removesuffix('.js')}:{function}"


def server_path(path: str) -> str:
    """Return the canonical form that servers use in log lines and error texts."""
    module, function = split_path(path)
    return f"{module.removesuffix('.js')}.js:{function}"


def stripped_path(path: str) -> str:
    """Return the short form that error texts about missing functions use."""
    module, function = split_path(path)
    module = module.removesuffix(".js")
    return module if function == "default" else f"{module}:{function}"


def backoff_initial_ms(reason: str | None) -> int:
    """Return the first delay of the class that a close reason belongs to."""
    if reason in BACKOFF_CLIENT_REASONS:
        return BACKOFF_CLIENT_MS
    for prefix, initial in BACKOFF_REASONS:
        if reason is not None and reason.startswith(prefix):
            return initial
    return BACKOFF_UNKNOWN_MS


def backoff_ms(reason: str | None, failures: int, jitter: float) -> float:
    """Return the delay before the next attempt, after that many failures before this one."""
    capped: float = min(backoff_initial_ms(reason) * 2**failures, BACKOFF_CAP_MS)
    return capped + capped * (jitter - 0.5)


def refresh_ms(iat: Any, exp: Any, leeway_s: float) -> int | None:
    """Return how long after a token came its successor is fetched; None: never by the clock."""
    numeric = all(isinstance(claim, int | float) for claim in (iat, exp))
    if not numeric or exp - iat <= 2:
        return None
    remaining_s: float = exp - iat - leeway_s
    return max(0, min(REFRESH_MAX_MS, round(remaining_s * 1000)))


def unsigned_jwt(claims: dict[str, Any]) -> str:
    """Return a token with these claims whose signature nobody could verify."""

    def part(data: dict[str, Any]) -> str:
        text = json.dumps(data, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.AA"


def cut(text: str, limit: int = CHUNK_BYTES) -> list[str]:
    """Cut text into pieces of at most `limit` UTF-8 bytes, never inside a character."""
    data, pieces, at = text.encode("utf-8"), list[str](), 0
    while at < len(data):
        end = min(at + limit, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[at:end].decode("utf-8"))
        at = end
    return pieces


def chunk_frames(text: str, limit: int = CHUNK_BYTES) -> list[dict[str, Any]]:
    """Return the TransitionChunk messages of the JSON text of one Transition."""
    pieces = cut(text, limit)
    return [
        {
            "type": "TransitionChunk",
            "chunk": piece,
            "partNumber": number,
            "totalParts": len(pieces),
            "transitionId": str(len(text.encode("utf-8"))),
        }
        for number, piece in enumerate(pieces)
    ]
