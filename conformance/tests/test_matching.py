"""Patterns: what fits, what does not, and what is bound."""

from __future__ import annotations

import pytest

from unisono_conformance.matching import Mismatch, fill, fits, match
from unisono_conformance.values import Json, decode_ts, encode_ts


def test_a_bound_name_fits_only_itself() -> None:
    bound = match({"a": "$bind/x", "b": "$bind/y"}, {"a": 1, "b": 2}, {})

    assert bound == {"x": 1, "y": 2}
    assert fits("$x", 1, bound)
    assert not fits("$x", 2, bound)
    assert not fits("$bind/x", 2, bound)


def test_frames_are_open_and_values_are_closed() -> None:
    assert fits({"type": "Ping"}, {"type": "Ping", "new": 1}, {})
    assert not fits({"args": [{"a": 1}]}, {"args": [{"a": 1, "b": 2}]}, {})


def test_true_is_not_one_but_one_is_a_float() -> None:
    assert fits({"value": 1}, {"value": 1.0}, {})
    assert not fits({"value": 1}, {"value": True}, {})


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("$ts/10", encode_ts(10), encode_ts(11)),
        ("$type/ts", encode_ts(10), "AAAA"),
        ("$type/u32", 7, -1),
        ("$$x", "$x", "x"),
        ({"$oneOf": [1, "$type/string"]}, "a", 2),
        ({"$not": 3}, 4, 3),
        ({"$unordered": [1, 2]}, [2, 1], [2, 2]),
        ({"$contains": [2]}, [1, 2, 3], [1, 3]),
        ({"$contains": "b"}, "abc", "ac"),
        ({"$prefix": "[Req"}, "[Request", "Request"),
        ({"$range": [1, 5]}, 5, 5.5),
        ({"$range": [None, 5]}, -9, "x"),
        ({"$tsFrom": "$ts/10"}, encode_ts(10), encode_ts(9)),
        ({"$allOf": ["$type/number", {"$not": 3}]}, 4, 3),
        ({"a": {"$absent": True}}, {}, {"a": None}),
        ({"a": {"$maybe": None}}, {}, {"a": 1}),
    ],
)
def test_matchers(pattern: Json, good: Json, bad: Json) -> None:
    match(pattern, good, {})
    with pytest.raises(Mismatch):
        match(pattern, bad, {})


def test_templates_are_filled() -> None:
    version = fill("$v/$n.0.$t", {"n": 3, "t": encode_ts(9)})

    assert version == {"querySet": 3, "identity": 0, "ts": encode_ts(9)}
    assert fill({"$key": ["$key"]}, {"key": "k"}) == {"k": ["k"]}
    assert fill("$unknown", {}) == "$unknown"


@pytest.mark.parametrize("text", ["", "AAAA", "AAAAAAAAAAB=", "//////////8=", "-_AAAAAAAAA=", 7])
def test_what_is_no_timestamp_is_refused(text: Json) -> None:
    assert decode_ts(text) is None


def test_timestamps_go_round() -> None:
    for ts in (0, 1, 255, 256, 2**53 + 1, 2**63 - 1):
        assert decode_ts(encode_ts(ts)) == ts
