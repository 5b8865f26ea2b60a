"""Values: what functions take, return and store, and their JSON on the wire.

Inside the server a value is None, bool, float, Int64, str, bytes, list or dict with sorted
keys. A plain `int` that an app hands over becomes the Float64 that the wire would make of it.

Spec: values
Not here: the total order (see keys), declared types (see validators).
"""

import base64
import binascii
import dataclasses
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pydantic_core

Value: TypeAlias = Any
Json: TypeAlias = Any

MAX_ARRAY = 8192
MAX_FIELDS = 1024
MAX_KEY = 1024
MAX_NESTING = 64
MAX_EXACT_INTEGER = 2**53
CANONICAL_NAN = b"\x00\x00\x00\x00\x00\x00\xf8\x7f"


class InvalidValue(ValueError):
    """A value, or the JSON of one, breaks a rule of the values chapter."""


class Int64(int):
    """A 64-bit integer, distinct on the wire from the Float64 that a plain int becomes."""

    __slots__ = ()

    def __new__(cls, value: int = 0) -> "Int64":
        """An integer that fits."""
        # [values.int64-range] Outside 64 bits there is no value to send.
        if not -(2**63) <= value < 2**63:
            raise InvalidValue(f"{value} does not fit into a 64-bit signed integer")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"Int64({int(self)})"


def parse_json(text: str | bytes) -> Json:
    """The JSON document of a message; duplicate keys: the last wins."""
    try:
        return pydantic_core.from_json(text, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise InvalidValue(f"not a JSON document: {error}") from None


def json_bytes(document: Json) -> bytes:
    """The shortest JSON text of a document whose numbers are already as they shall be."""
    return pydantic_core.to_json(document)


def decode(document: Json, depth: int = 0) -> Value:
    """The value that a piece of wire JSON stands for."""
    kind = type(document)
    if kind is str or document is None or kind is bool:
        return document
    if kind is float:
        if math.isinf(document):
            raise InvalidValue("number out of range")
        return document
    if kind is int:
        # [values.plain-number] Every JSON number is a Float64, `1` as much as `1.0`.
        return _to_float(document)
    if depth >= MAX_NESTING:
        raise InvalidValue(f"Value is too nested (maximum nesting {MAX_NESTING})")
    if kind is list:
        _check_array(document)
        return [decode(item, depth + 1) for item in document]
    if len(document) == 1:
        (key,) = document
        if key[:1] == "$":
            return _decode_tag(key, document[key])
    _check_fields(document)
    return {key: decode(document[key], depth + 1) for key in sorted(document)}


def encode(value: Value) -> Json:
    """The wire JSON of a value of the server (see `normalize` for those of an app)."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is float:
        return value if value and math.isfinite(value) else _encode_odd_float(value)
    if kind is dict:
        return {key: encode(item) for key, item in value.items()}
    if kind is list:
        return [encode(item) for item in value]
    if kind is Int64:
        # [values.int64] Always tagged, even 0: a bare number is a Float64.
        return {"$integer": _b64(struct.pack("<q", value))}
    # [values.bytes] Standard alphabet, with padding.
    return {"$bytes": _b64(value)}


def encode_text(value: Value) -> bytes:
    """The canonical wire text of a value: sorted keys, no spaces, floats with a fraction."""
    # [values.server-number-text] Floats print as `1.0`, never as `1`; the
    # encoder does it for every Python float.
    return pydantic_core.to_json(encode(value))


def encode_clean(value: Value) -> Json:
    """The lossy JSON of the HTTP format `json`: numbers, text and nothing tagged."""
    kind = type(value)
    if kind is dict:
        return {key: encode_clean(item) for key, item in value.items()}
    if kind is list:
        return [encode_clean(item) for item in value]
    if kind is Int64:
        return str(int(value))
    if kind is bytes:
        return _b64(value)
    if kind is float and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def encode_export(value: Value) -> Json:
    """The JSON of the HTTP format `export_json`: like the wire, with bare integers."""
    kind = type(value)
    if kind is dict:
        return {key: encode_export(item) for key, item in value.items()}
    if kind is list:
        return [encode_export(item) for item in value]
    if kind is Int64:
        return int(value)
    if kind is float and value == 0:
        return value
    return encode(value)


def normalize(value: Any, depth: int = 0) -> Value:
    """A fresh value of the server from whatever an app handed over."""
    kind = type(value)
    if kind is str:
        return _checked_text(value)
    if value is None or kind is bool or kind is float or kind is Int64 or kind is bytes:
        return value
    if depth >= MAX_NESTING:
        raise InvalidValue(f"Value is too nested (maximum nesting {MAX_NESTING})")
    if kind is dict:
        _check_fields(value)
        return {key: normalize(value[key], depth + 1) for key in sorted(value)}
    if kind is list or kind is tuple:
        _check_array(value)
        return [normalize(item, depth + 1) for item in value]
    return _normalize_other(value, depth)


def copy(value: Value) -> Value:
    """A copy that an app may change without changing the original."""
    kind = type(value)
    if kind is dict:
        return {key: copy(item) for key, item in value.items()}
    if kind is list:
        return [copy(item) for item in value]
    return value


def size_bytes(value: Value) -> int:
    """The size of a value as the limits count it."""
    kind = type(value)
    if value is None or kind is bool:
        return 1
    if kind is str:
        return 2 + (len(value) if value.isascii() else len(value.encode("utf-8", "replace")))
    if kind is float or kind is Int64:
        return 9
    if kind is dict:
        return 2 + sum(len(key) + 1 + size_bytes(item) for key, item in value.items())
    if kind is list:
        return 2 + sum(map(size_bytes, value))
    return 2 + len(value)


def nesting(value: Value) -> int:
    """How deep a value is: 0 for a scalar, one more for each object or array around it."""
    if type(value) is dict:
        return 1 + max(map(nesting, value.values()), default=0)
    if type(value) is list:
        return 1 + max(map(nesting, value), default=0)
    return 0


def show(value: Value) -> str:
    """A value as error texts print it."""
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is Int64:
        return str(int(value))
    if kind is float:
        return "NaN" if value != value else repr(value)
    if kind is str:
        return pydantic_core.to_json(value).decode()
    if kind is bytes:
        return f'b"{_b64(value)}"'
    if kind is list:
        return f"[{', '.join(map(show, value))}]"
    return "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"


def _to_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise InvalidValue("number out of range") from None


def _check_array(items: Sequence[Any]) -> None:
    if len(items) > MAX_ARRAY:
        raise InvalidValue(f"Array length is too long ({len(items)} > maximum length {MAX_ARRAY})")


def _check_fields(fields: Mapping[Any, Any]) -> None:
    if len(fields) > MAX_FIELDS:
        raise InvalidValue(f"Object has too many fields ({len(fields)} > maximum {MAX_FIELDS})")
    for key in fields:
        if type(key) is not str:
            raise InvalidValue(f"Field name {key!r} is not a string")
        # [values.key-dollar] `$` is kept for the tags of the encoding.
        if key[:1] == "$":
            raise InvalidValue(f"Field name {key} starts with '$', which is reserved.")
        # [values.key-length] and [values.key-ascii]: printable ASCII, at most 1024.
        if len(key) > MAX_KEY:
            raise InvalidValue(f"Field name is too long ({len(key)} > maximum {MAX_KEY})")
        if not (key.isascii() and key.isprintable()):
            raise InvalidValue(f"Field name {key!r} has invalid character")


def _decode_tag(tag: str, payload: Json) -> Value:
    # [values.tag-single-key] A tag is an object with this one key.
    decoder = _TAGS.get(tag)
    if decoder is None:
        # [values.unknown-tag] Nothing else may start with `$`.
        raise InvalidValue(f"Field name {tag} starts with '$', which is reserved.")
    if type(payload) is not str:
        raise InvalidValue(f"The content of {tag} must be a base64 string")
    try:
        # [values.base64] Standard alphabet, exactly the padding that is needed.
        raw = base64.b64decode(payload, validate=True)
        if len(payload) != -(-len(raw) // 3) * 4:
            raise InvalidValue(f"The content of {tag} is not base64: wrong padding")
        return decoder(raw)
    except (binascii.Error, ValueError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(f"The content of {tag} is not base64: {error}") from None


def _decode_float(raw: bytes) -> float:
    (value,) = struct.unpack("<d", _eight("$float", raw))
    # [values.special-float-only] The tag is for what JSON cannot say; the
    # server alone forgives +0.0.
    if value and math.isfinite(value):
        raise InvalidValue(f"Float {value} must be sent as a plain number")
    return float(value)


def _decode_int64(raw: bytes) -> Int64:
    return Int64(int.from_bytes(_eight("$integer", raw), "little", signed=True))


def _eight(tag: str, raw: bytes) -> bytes:
    # [values.tag-length] Numbers have eight bytes, no more and no less.
    if len(raw) != 8:
        raise InvalidValue(f"The content of {tag} must have 8 bytes, not {len(raw)}")
    return raw


_TAGS: dict[str, Callable[[bytes], Value]] = {
    "$float": _decode_float,
    "$integer": _decode_int64,
    "$bytes": bytes,
}


def _encode_odd_float(value: float) -> Json:
    if value == 0 and math.copysign(1.0, value) > 0:
        return value
    # [values.special-float] NaN, the infinities and -0.0 travel as their bytes.
    # [values.nan-payload] A NaN is sent in its canonical form.
    raw = CANONICAL_NAN if value != value else struct.pack("<d", value)
    return {"$float": _b64(raw)}


def _checked_text(text: str) -> str:
    # [values.unicode] Half a surrogate pair is no text.
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidValue(f"String is not valid Unicode: {error.reason}") from None
    return text


def _normalize_other(value: Any, depth: int) -> Value:
    if isinstance(value, int):
        if abs(value) > MAX_EXACT_INTEGER:
            raise InvalidValue(f"{value} is too large for a Float64; use Int64({value})")
        return float(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return _checked_text(str.__str__(value))
    if isinstance(value, float):
        return float(value)
    if hasattr(type(value), "__pydantic_fields__"):
        names = type(value).__pydantic_fields__
        return normalize({name: getattr(value, name) for name in names}, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return normalize({field.name: getattr(value, field.name) for field in fields}, depth)
    if isinstance(value, Mapping):
        return normalize(dict(value), depth)
    if isinstance(value, Sequence):
        return normalize(list(value), depth)
    raise InvalidValue(f"{type(value).__name__} is not a supported value: {value!r}")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
