"""Values and their JSON."""

import base64
import struct
from typing import Any

import pytest

from unisono_mock import UNDEFINED, Int64
from unisono_mock.core.ids import InvalidId, decode_id, encode_id
from unisono_mock.core.keys import sort_key
from unisono_mock.core.values import (
    InvalidValue,
    decode,
    encode,
    encode_clean,
    encode_text,
    normalize,
    parse_json,
    size_bytes,
)


def test_every_float_is_printed_with_a_fraction_or_an_exponent() -> None:
    """A client that tells int from float by the text must see a float."""
    assert (
        encode_text([0.0, 1.0, -1.5, 1e16]) == b"[0.0,1.0,-1.5,1e+16]"
        or encode_text([0.0, 1.0, -1.5, 1e16]) == b"[0.0,1.0,-1.5,1e16]"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Int64(0), "AAAAAAAAAAA="),
        (Int64(-1), "//////////8="),
        (Int64(2**53 + 1), "AQAAAAAAIAA="),
        (Int64(2**63 - 1), "/////////38="),
    ],
)
def test_int64_travels_as_its_bytes(value: Int64, text: str) -> None:
    """An Int64 is tagged and comes back as an Int64."""
    assert encode(value) == {"$integer": text}
    back = decode({"$integer": text})
    assert (back, type(back)) == (value, Int64)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "AAAAAAAAAIA="),
        (float("inf"), "AAAAAAAA8H8="),
        (float("-inf"), "AAAAAAAA8P8="),
    ],
)
def test_special_floats_travel_as_their_bytes(value: float, text: str) -> None:
    """What JSON cannot say is tagged."""
    assert encode(value) == {"$float": text}
    assert struct.pack("<d", decode({"$float": text})) == struct.pack("<d", value)


def test_every_nan_is_sent_in_its_canonical_form() -> None:
    """Whatever bits a NaN has here, the wire sees one kind."""
    (odd,) = struct.unpack("<d", base64.b64decode("AQAAAAAA+H8="))
    assert encode(odd) == {"$float": "AAAAAAAA+H8="}


@pytest.mark.parametrize(
    "document",
    [
        {"$float": "AAAAAAAA8D8="},
        {"$integer": "AQ=="},
        {"$integer": "AQAAAAAAAAA=", "x": 1},
        {"$integer": 1},
        {"$bytes": "AA"},
        {"$set": []},
        {"$foo": 1},
        {"a": {"$undefined": None}},
        {"é": 1},
        {"a\u0007": 1},
        {"k" * 1025: 1},
        [0] * 8193,
    ],
)
def test_malformed_values_are_refused(document: Any) -> None:
    """Nothing is guessed from a broken value."""
    with pytest.raises(InvalidValue):
        decode(document)


def test_nesting_beyond_64_is_refused() -> None:
    """Depth is limited, so that no input can exhaust the stack."""
    document: Any = 1.0
    for _ in range(65):
        document = [document]
    with pytest.raises(InvalidValue, match="nested"):
        decode(document)


@pytest.mark.parametrize("text", ["NaN", "1e400", '"\\ud800"', "[1,]", "", "[" * 100_000])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    """Only JSON is JSON."""
    with pytest.raises(InvalidValue):
        decode(parse_json(text))


def test_keys_come_out_sorted() -> None:
    """Equal objects have equal texts."""
    value = normalize({"b": 1, "a": (2, b"x")})
    assert encode_text(value) == b'{"a":[2.0,{"$bytes":"eA=="}],"b":1.0}'


def test_an_int_that_a_float_cannot_hold_asks_for_int64() -> None:
    """Nothing is rounded in silence."""
    with pytest.raises(InvalidValue, match="Int64"):
        normalize(2**53 + 1)


def test_the_clean_format_is_plain_json() -> None:
    """Lossy on purpose: for readers who know no tags."""
    values = [Int64(5), float("nan"), float("-inf"), b"abc", {"a": None}]
    assert encode_clean(values) == ["5", "NaN", "-Infinity", "YWJj", {"a": None}]


def test_sizes_follow_the_formula() -> None:
    """Limits count what the chapter counts."""
    assert [size_bytes(x) for x in (None, True, 1.0, "", "é", b"abc", [], [1.0], {"a": 1.0})] == [
        1, 1, 9, 2, 4, 5, 2, 11, 13,
    ]  # fmt: skip


def test_the_total_order_of_values() -> None:
    """Sort keys compare like the values do, across all types."""
    ordered = [
        UNDEFINED, None, Int64(-(2**63)), Int64(-300), Int64(-1), Int64(0), Int64(1), Int64(256),
        float("-inf"), -1.0, -0.0, 0.0, 5e-324, 1.0, float("inf"), False, True,
        "", "a", "a\x00", "a\x00b", "ab", "\uffff", "\U00010000",
        b"", b"\x00", b"\x00\x01", b"\x01",
        [], [None], [1.0], [1.0, 1.0], {}, {"": 1.0}, {"a": 1.0}, {"a": 1.0, "b": None}, {"a": 2.0},
    ]  # fmt: skip
    keys = [sort_key(value) for value in ordered]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (1, "040020g30g2gc1r81450p30d1r7qke8"),
        (127, "fw0020g30g2gc1r81450p30d1r7ze5r"),
        (128, "g00g00820c20a1g7104gm2rc1m70zyds"),
        (10001, "j57000820c20a1g7104gm2rc1m70ynr8"),
        (16384, "g2002001081g81860w40j2gb1g6gw3vs74"),
        (4294967295, "zzzzzzrf000g40r40m30e209185gr38e1y1nj"),
    ],
)
def test_ids_are_the_published_ones(table: int, text: str) -> None:
    """The vectors of the id format, both ways."""
    assert encode_id(table, bytes(range(16))) == text
    assert (decode_id(text).table, decode_id(text).internal) == (table, bytes(range(16)))


@pytest.mark.parametrize(
    "text",
    ["", "x" * 33, "jd72k9x8nmgz5h3qawc4btep0n6y1fvr", "J57000820C20A1G7104GM2RC1M70YNR8"],
)
def test_look_alikes_are_no_ids(text: str) -> None:
    """Length, alphabet and checksum all count."""
    with pytest.raises(InvalidId):
        decode_id(text)
