"""The total order of values, as bytes that compare like the values do.

undefined < null < Int64 < Float64 < boolean < string < bytes < array < object.

Spec: values
Not here: which part of an index a query reads (see store).
"""

import struct
from typing import Any, Final

from .values import Int64, Value


class Undefined:
    """An absent field, the smallest of all in the order."""

    _only: "Undefined | None" = None

    def __new__(cls) -> "Undefined":
        """The one there is."""
        cls._only = cls._only or super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()

_UNDEFINED = b"\x01"
_NULL = b"\x03"
_FALSE = b"\x0e"
_TRUE = b"\x0f"
_SIGN = 1 << 63


def sort_key(value: Value) -> bytes:
    """The bytes of a value; no key is cut short by another, so keys can be joined."""
    kind = type(value)
    if kind is str:
        return b"\x10" + _text(value.encode("utf-8", "surrogatepass"))
    if kind is float:
        return b"\x0d" + _float(value)
    if value is None:
        return _NULL
    if value is UNDEFINED:
        return _UNDEFINED
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is Int64:
        return _integer(value)
    if kind is bytes:
        return b"\x11" + _text(value)
    if kind is list:
        return b"\x12" + b"".join(map(sort_key, value)) + b"\x00"
    return b"\x15" + b"".join(map(_field, sorted(value.items()))) + b"\x00"


def after(key: bytes) -> bytes:
    """The bound just behind every key that begins with this one."""
    return key + b"\xff"


def field_at(document: dict[str, Value], path: str) -> Value | Undefined:
    """The value at a dotted path; it goes through objects only."""
    found: Any = document
    for name in path.split("."):
        if type(found) is not dict:
            return UNDEFINED
        found = found.get(name, UNDEFINED)
    return found


def _text(raw: bytes) -> bytes:
    return raw.replace(b"\x00", b"\x00\xff") + b"\x00"


def _field(item: tuple[str, Value]) -> bytes:
    name = item[0].encode("ascii")
    return (b"\x10" + _text(name) if name else b"\x00\xff") + sort_key(item[1])


def _float(value: float) -> bytes:
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    bits = ~bits & 0xFFFF_FFFF_FFFF_FFFF if bits & _SIGN else bits | _SIGN
    return struct.pack(">Q", bits)


def _integer(value: int) -> bytes:
    if value == 0:
        return b"\x08"
    for step, size in enumerate((1, 2, 4, 8)):
        half = 1 << (8 * size - 1)
        if -half <= value < half:
            tag = 0x09 + step if value > 0 else 0x07 - step
            return bytes([tag]) + int(value).to_bytes(size, "big", signed=True)
    raise AssertionError("an Int64 has at most eight bytes")
