"""The values that functions take and return, and how they are written in JSON.

Spec: values
Not here: the messages that carry them (see messages).
"""

import base64
import binascii
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Self, TypeAlias
from uuid import UUID

from pydantic_core import to_json

from .errors import InvalidValueError, RemoteProtocolError

Value: TypeAlias = Any
"""None, bool, int, float, Int64, str, bytes, or a list or dict of values."""
Json: TypeAlias = Any
"""What a JSON parser returns."""

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
EXACT_INT = 2**53
KEY_CHARACTERS = 1024
TAG_CHARACTERS = 12
#: What the base64 of eight bytes may end with, before its padding.
LAST_OF_EIGHT = frozenset("AEIMQUYcgkosw048")
_unpack_int64 = struct.Struct("<q").unpack
CANONICAL_NAN = base64.b64encode(struct.pack("<Q", 0x7FF8 << 48)).decode()


class Int64(int):
    """An integer that travels as a 64-bit integer and not as a number.

    It is an `int` in every other respect; the result of arithmetic is a plain `int`.
    """

    __slots__ = ()

    def __new__(cls, value: int | str = 0) -> Self:
        """Take an int, or its decimal text. Raises InvalidValueError out of range."""
        number = super().__new__(cls, value)
        # [values.int64-range] The call is where the mistake is, so it is said there.
        if not INT64_MIN <= number <= INT64_MAX:
            raise InvalidValueError(
                "values.int64-range", f"{int(number)} does not fit into 64 bits"
            )
        return number

    def __repr__(self) -> str:
        return f"Int64({int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)


def encode(value: Value) -> Json:
    """The JSON form of a value. Raises InvalidValueError."""
    try:
        return _encoded(value)
    except RecursionError:
        raise InvalidValueError("", "it is nested too deeply, or contains itself") from None


def _encoded(value: Value) -> Json:
    encoder = _ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value)
    for kind, encoder in _ENCODERS.items():
        if isinstance(value, kind):
            return encoder(value)
    if isinstance(value, Mapping):
        return _encode_object(value)
    if isinstance(value, Sequence):
        return _encode_array(value)
    return _encoded(_plain(value))


def _plain(value: Any) -> Value:
    """A value with the content of an object of another kind. Raises InvalidValueError."""
    if isinstance(value, type):
        raise InvalidValueError("", f"the class {value.__name__} is no value")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidValueError("", "a datetime without a time zone is no moment")
        return value.timestamp() * 1000
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True)
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise InvalidValueError("", f"a {type(value).__name__} is no value") from None


def encode_args(args: Any) -> Json:
    """The JSON form of the arguments of a function. Raises InvalidValueError."""
    encoded = encode({} if args is None else args)
    if type(encoded) is not dict or (len(encoded) == 1 and next(iter(encoded)).startswith("$")):
        raise InvalidValueError("", f"arguments are named, so a {type(args).__name__} cannot be")
    return encoded


def _encode_plain(value: bool | None) -> Json:
    return value


def _encode_string(value: str) -> Json:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            # [values.unicode] The server's parser refuses half a surrogate pair,
            # and the whole connection with it.
            reason = "a string holds half a surrogate pair"
            raise InvalidValueError("values.unicode", reason) from None
    return str.__str__(value)


def _encode_float(value: float) -> Json:
    if (value == 0 and math.copysign(1, value) < 0) or not math.isfinite(value):
        # [values.special-float] JSON has no word for these four.
        # [values.nan-payload] Every NaN is written as the same one.
        bits = struct.pack("<d", value)
        return {"$float": CANONICAL_NAN if value != value else base64.b64encode(bits).decode()}
    # [values.plain-number] repr gives the shortest text that denotes this Float64.
    return float(value)


def _encode_number(value: int) -> Json:
    # [values.plain-number] A plain int is a Float64 on the wire; beyond 2**53 it
    # could not be told whether it was rounded.
    if not -EXACT_INT <= value <= EXACT_INT:
        raise InvalidValueError(
            "values.plain-number",
            f"{value} is beyond 2**53 and would lose digits as a number; write Int64({value})",
        )
    return int(value)


def _encode_int64(value: Int64) -> Json:
    # [values.int64] Never a short form, not even for 0.
    packed = value.to_bytes(8, "little", signed=True)
    return {"$integer": base64.b64encode(packed).decode()}


def _encode_bytes(value: bytes | bytearray | memoryview) -> Json:
    # [values.bytes]
    return {"$bytes": base64.b64encode(value).decode()}


def _encode_array(value: Sequence[Value]) -> Json:
    items: list[Json] = []
    try:
        for item in value:
            items.append(_encoded(item))
    except InvalidValueError as error:
        raise error.below(f"[{len(items)}]") from None
    return items


def _encode_object(value: Mapping[Any, Value]) -> Json:
    encoded: dict[str, Json] = {}
    for key, item in value.items():
        try:
            if not isinstance(key, str):
                raise InvalidValueError("", f"the key {key!r} is no string")
            check = _wrong_key(key)
            if check is not None:
                raise InvalidValueError(*check)
            encoded[key] = _encoded(item)
        except InvalidValueError as error:
            raise error.below(f"[{key!r}]") from None
    return encoded


def _wrong_key(key: str) -> tuple[str, str] | None:
    """The rule that a key of an object breaks, and a sentence about it."""
    if key.startswith("$"):
        # [values.key-dollar] It would read as a tag.
        return "values.key-dollar", f"the key {key!r} begins with '$', which is reserved"
    if not key.isascii() or not key.isprintable():
        # [values.key-ascii]
        return "values.key-ascii", f"the key {key!r} holds a character outside printable ASCII"
    if len(key) > KEY_CHARACTERS:
        # [values.key-length]
        return "values.key-length", f"a key is longer than {KEY_CHARACTERS} characters"
    return None


_ENCODERS: dict[type, Callable[[Any], Json]] = {
    type(None): _encode_plain,
    bool: _encode_plain,
    Int64: _encode_int64,
    int: _encode_number,
    float: _encode_float,
    str: _encode_string,
    bytes: _encode_bytes,
    bytearray: _encode_bytes,
    memoryview: _encode_bytes,
    list: _encode_array,
    tuple: _encode_array,
    dict: _encode_object,
}


def decode(encoded: Json) -> Value:
    """The value that a JSON form denotes; containers are changed in place, not copied."""
    # [values.number-decoding] An int and a float of the parser are both Float64.
    whole = [encoded]
    waiting: list[Any] = [whole]
    # Without recursion: results have hundreds of thousands of parts.
    while waiting:
        container = waiting.pop()
        if type(container) is dict:
            if not _GOOD_KEYS.issuperset(container):
                _check_keys(container)
            items: Any = container.items()
        else:
            items = enumerate(container)
        for place, item in items:
            kind = type(item)
            if kind is dict:
                # [values.tag-single-key] A tag stands alone in its object.
                if len(item) == 1:
                    ((key, content),) = item.items()
                    if key[:1] == "$":
                        container[place] = _decode_tag(key, content)
                        continue
                waiting.append(item)
            elif kind is list:
                waiting.append(item)
    return whole[0]


#: Keys that were looked at already: results have many objects and few different keys.
_GOOD_KEYS: set[str] = set()
KEYS_REMEMBERED = 4096


def _check_keys(keys: Iterable[str]) -> None:
    for key in keys:
        wrong = _wrong_key(key)
        if wrong is not None:
            rule = "values.tag-single-key" if key in _TAGS else wrong[0]
            raise RemoteProtocolError(rule, key=key)
        if len(_GOOD_KEYS) < KEYS_REMEMBERED:
            _GOOD_KEYS.add(key)


def _decode_tag(tag: str, content: Json) -> Value:
    decoder = _TAGS.get(tag)
    if decoder is None:
        # [values.unknown-tag] Taken for an object it would be wrong without a word.
        raise RemoteProtocolError("values.unknown-tag", tag=tag)
    if not isinstance(content, str):
        # [values.tag-length]
        raise RemoteProtocolError("values.tag-length", tag=tag, content=content)
    return decoder(content)


def _unbase64(text: str) -> bytes:
    # [values.base64] Strict: a lenient reader hides a broken writer.
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise RemoteProtocolError("values.base64", text=text) from None
    if text.endswith("=") and binascii.b2a_base64(raw[-(len(raw) % 3) :], newline=False) != (
        text[-4:].encode()
    ):
        raise RemoteProtocolError("values.base64", text=text)
    return raw


def _int64_of(text: str) -> Int64:
    if len(text) != TAG_CHARACTERS:
        _eight(_unbase64(text))
    try:
        (number,) = _unpack_int64(binascii.a2b_base64(text, strict_mode=True))
    except (binascii.Error, ValueError, struct.error):
        _eight(_unbase64(text))
        raise
    if text[-2] not in LAST_OF_EIGHT:
        raise RemoteProtocolError("values.base64", text=text)
    # Eight bytes are always in range, so the check of the constructor is left out.
    return int.__new__(Int64, number)


def _eight(raw: bytes) -> bytes:
    if len(raw) != 8:
        # [values.tag-length]
        raise RemoteProtocolError("values.tag-length", bytes=len(raw))
    return raw


def _float_of(text: str) -> float:
    number: float = struct.unpack("<d", _eight(_unbase64(text)))[0]
    plain = math.isfinite(number) and (number != 0 or math.copysign(1, number) > 0)
    if plain:
        # [values.special-float-only] One value, one text.
        raise RemoteProtocolError("values.special-float-only", number=number)
    return number


_TAGS: dict[str, Callable[[str], Value]] = {
    "$integer": _int64_of,
    "$float": _float_of,
    "$bytes": _unbase64,
}


def canonical(encoded: Json) -> str:
    """One text for all equal JSON forms: keys sorted at every depth, no spaces."""
    return to_json(_sorted(encoded)).decode()


def _sorted(encoded: Json) -> Json:
    if isinstance(encoded, dict):
        return {key: _sorted(encoded[key]) for key in sorted(encoded)}
    if isinstance(encoded, list):
        return [_sorted(item) for item in encoded]
    # 1 and 1.0 are the same Float64 and must be the same text.
    if type(encoded) is float and encoded.is_integer() and abs(encoded) <= EXACT_INT:
        return int(encoded)
    return encoded


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal on the wire: 1 and 1.0 are, 1 and True are not."""
    return bool(one == other) and _same_kinds(one, other)


def _same_kinds(one: Value, other: Value) -> bool:
    if one is other:
        return True
    kind = type(one)
    if kind is dict:
        return type(other) is dict and all(_same_kinds(one[key], other[key]) for key in one)
    if kind is list:
        return type(other) is list and all(map(_same_kinds, one, other))
    if kind is int or kind is float:
        return (type(other) is int or type(other) is float) and _same_zero(one, other)
    return kind is type(other)


def _same_zero(one: float, other: float) -> bool:
    return bool(one) or math.copysign(1, one) == math.copysign(1, other)


def copied(value: Value) -> Value:
    """A copy that shares no list or dict with the original."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def sort_key(value: Value) -> tuple[Any, ...]:
    """A key that orders values of all types as the server orders them."""
    # [values.order] Types first, in this order; then within the type.
    match value:
        case None:
            return (1,)
        case bool():
            return (4, value)
        case Int64():
            return (2, int(value))
        case int() | float():
            return (3, _float_order(float(value)))
        case str():
            return (5, value.encode("utf-8", "surrogatepass"))
        case bytes():
            return (6, value)
        case list():
            return (7, tuple(sort_key(item) for item in value))
        case _:
            pairs = sorted((key.encode(), sort_key(item)) for key, item in value.items())
            return (8, tuple(pairs))


def _float_order(number: float) -> int:
    """IEEE total order as integers: -NaN first, -0 before 0, NaN last."""
    bits: int = struct.unpack(">q", struct.pack(">d", number))[0]
    return bits if bits >= 0 else ~bits - 2**63
