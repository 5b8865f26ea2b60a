"""The codec of values, by the vectors of the protocol and by properties."""

import json
import math
import struct
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from unisono import Int64, InvalidValueError, RemoteProtocolError
from unisono.core.messages import read
from unisono.core.values import canonical, copied, decode, encode, same, sort_key

from .conftest import vectors


def host(notation: dict[str, Any]) -> Any:
    """The Python value that a vector describes."""
    ((kind, content),) = notation.items()
    match kind:
        case "null":
            return None
        case "float64":
            return struct.unpack(">d", bytes.fromhex(content))[0]
        case "int64":
            return Int64(content)
        case "bytes":
            return bytes.fromhex(content)
        case "array":
            return [host(item) for item in content]
        case "object":
            return {key: host(item) for key, item in content}
        case "undefined":
            return object()
        case _:
            return content


def bits(value: Any) -> Any:
    """A form in which equal means the same on the wire."""
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bits(item) for item in value]
    if isinstance(value, bool | Int64 | str | bytes) or value is None:
        return (type(value).__name__, value)
    return ("NaN",) if value != value else struct.pack(">d", value)


def named(group: str) -> list[Any]:
    ours = [each for each in vectors("values", group) if "client" in each.get("only", ["client"])]
    return [pytest.param(each, id=each["name"]) for each in ours]


@pytest.mark.parametrize("vector", named("vectors"))
def test_wire_and_value_lead_to_each_other(vector: dict[str, Any]) -> None:
    """Decoding gives the value, encoding the value gives the wire."""
    wire, value = vector["wire"], host(vector["value"])

    assert bits(decode(copied(wire))) == bits(value)
    assert bits(decode(from_json(to_json(encode(value))))) == bits(value)
    assert canonical(encode(value)) in {
        canonical(wire),
        canonical(vector.get("canonical", wire)),
    }


@pytest.mark.parametrize("vector", named("invalid_wire"))
def test_a_bad_wire_is_refused_by_its_rule(vector: dict[str, Any]) -> None:
    """The error names the rule that the sender broke."""
    if "text" in vector:
        with pytest.raises(RemoteProtocolError):
            read('{"type":"FatalError","error":' + vector["text"] + "}")
        return
    with pytest.raises(RemoteProtocolError) as caught:
        decode(copied(vector["wire"]))

    assert caught.value.rule == vector["rule"]


@pytest.mark.parametrize("vector", named("invalid_value"))
def test_a_bad_value_is_refused_by_its_rule(vector: dict[str, Any]) -> None:
    """The caller learns the rule before anything is sent."""
    with pytest.raises(InvalidValueError) as caught:
        encode(host(vector["value"]))

    assert caught.value.rule in (vector["rule"], "")


def test_the_order_of_values_is_that_of_the_server() -> None:
    """Types first, then within the type."""
    ascending = [host(each) for each in vectors("order", "ascending")]

    keys = [sort_key(value) for value in ascending]

    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_plain_numbers_are_floats_and_int64_is_said() -> None:
    """An int is a number; an Int64 is a 64-bit integer, even when it is 0."""
    assert encode([1, 1.0, True, Int64(0)]) == [1, 1.0, True, {"$integer": "AAAAAAAAAAA="}]
    with pytest.raises(InvalidValueError, match=r"write Int64\(9007199254740993\)"):
        encode(2**53 + 1)


def test_an_int64_is_an_int() -> None:
    """It adds, compares, hashes and prints like one, and remembers what it is."""
    number = Int64("7")

    assert (number + 1, number == 7, hash(number), f"{number}", repr(number)) == (
        8,
        True,
        hash(7),
        "7",
        "Int64(7)",
    )


def test_lists_and_mappings_of_many_kinds_are_taken() -> None:
    """What behaves like a list, an object or bytes is one."""
    given_ = {
        "tuple": (1, 2),
        "range": range(2),
        "ordered": OrderedDict(a=1),
        "proxy": MappingProxyType({"b": None}),
        "array": bytearray(b"abc"),
        "view": memoryview(b"abc"),
    }

    assert encode(given_) == {
        "tuple": [1, 2],
        "range": [0, 1],
        "ordered": {"a": 1},
        "proxy": {"b": None},
        "array": {"$bytes": "YWJj"},
        "view": {"$bytes": "YWJj"},
    }


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [{"b": {1, 2}}]}, "['a'][0]['b']"),
        ({"a": {1: 2}}, "['a'][1]"),
        ([0, {"x": 2**60}], "[1]['x']"),
    ],
)
def test_an_error_says_where_the_bad_part_is(value: Any, path: str) -> None:
    """The path can be pasted behind the name of the value."""
    with pytest.raises(InvalidValueError) as caught:
        encode(value)

    assert caught.value.path == path
    assert path in str(caught.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    """It would never end."""
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(InvalidValueError, match="contains itself"):
        encode(loop)


SCALARS = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(2**53), 2**53)
    | st.integers(-(2**63), 2**63 - 1).map(Int64)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126)).filter(
    lambda key: not key.startswith("$")
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


@given(VALUES)
def test_every_value_survives_the_journey(value: Any) -> None:
    """encode, JSON text, parse, decode: the same on the wire again."""
    text = json.dumps(encode(value), allow_nan=False)

    assert bits(decode(from_json(text))) == bits(value)


@given(VALUES, VALUES)
def test_same_means_equal_bits(one: Any, other: Any) -> None:
    """Two values are the same exactly if their wires are; a NaN is like no other value."""
    if "NaN" not in repr(bits(one)) + repr(bits(other)):
        assert same(one, other) == (bits(one) == bits(other))
        assert same(one, copied(one))


def test_same_is_stricter_than_python() -> None:
    """1 and True are equal in Python and different on the wire."""
    assert not same([1], [True])
    assert not same({"a": 1}, {"a": Int64(1)})
    assert not same(0, -0.0)
    assert not same(-0.0, 0)
    assert same([1], [1.0])


def test_math_is_not_hurt() -> None:
    """Special floats come back as what they were."""
    back = decode(encode([math.inf, -math.inf, -0.0, math.nan]))

    assert back[:2] == [math.inf, -math.inf]
    assert math.copysign(1, back[2]) == -1
    assert math.isnan(back[3])
