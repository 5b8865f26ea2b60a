"""What stands on the wire: timestamps, versions and values, as plain JSON.

Spec: values, messages
Not here: any codec of a client or a server. The suite judges them, so it shares none.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
"""Parsed JSON. Cases hold values in their encoded form, so nothing is decoded here."""

MAX_TS: Final = 2**63 - 1


def encode_ts(ts: int) -> str:
    """Write a timestamp as the wire does: 8 bytes, little-endian, base64."""
    return base64.b64encode(ts.to_bytes(8, "little")).decode("ascii")


def decode_ts(text: Json) -> int | None:
    """Read a timestamp, or say None for what is none."""
    if not isinstance(text, str) or len(text) != 12:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != 8 or encode_ts(int.from_bytes(data, "little")) != text:
        return None
    ts = int.from_bytes(data, "little")
    return ts if ts <= MAX_TS else None


def state_version(query_set: Json, identity: Json, ts: str) -> dict[str, Json]:
    """Build a StateVersion from its three parts."""
    return {"querySet": query_set, "identity": identity, "ts": ts}


ZERO: Final = state_version(0, 0, encode_ts(0))
"""The version at which both sides of every connection start."""


def same(left: Json, right: Json) -> bool:
    """Compare two JSON values as the protocol does: 1 is 1.0, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def kind_of(value: Json) -> str:
    """Name the JSON type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
