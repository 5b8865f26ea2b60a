"""The value vectors: facts about bytes, computed.

Spec: values
Not here: the other vectors (see vectors), the arithmetic (see reference).
"""

from __future__ import annotations

from typing import Any

from unisono_protocol.reference import Notation, bits_of, encode, is_special

CANONICAL_NAN = {"$float": "AAAAAAAA+H8="}

NANS = {
    "nan-canonical": "7ff8000000000000",
    "nan-sign-bit": "fff8000000000000",
    "nan-payload-1": "7ff8000000000001",
    "nan-payload-high": "7ffc000000000000",
    "nan-all-ones": "7fffffffffffffff",
    "nan-negative-all-ones": "ffffffffffffffff",
    "nan-signalling": "7ff0000000000001",
    "nan-signalling-middle": "7ff4000000000000",
    "nan-signalling-negative": "fff0000000000001",
}
SPECIALS = {
    "infinity": "7ff0000000000000",
    "negative-infinity": "fff0000000000000",
    "negative-zero": "8000000000000000",
}
FLOATS = {
    "zero": 0.0,
    "one": 1.0,
    "negative-one": -1.0,
    "minus-one-and-a-half": -1.5,
    "a-tenth": 0.1,
    "a-third": 1 / 3,
    "pi": 3.141592653589793,
    "a-hundred": 100.0,
    "a-million": 1e6,
    "ten-to-15": 1e15,
    "ten-to-16": 1e16,
    "ten-to-17": 1e17,
    "ten-to-21": 1e21,
    "ten-to-22": 1e22,
    "ten-to-23": 1e23,
    "ten-to-minus-6": 1e-6,
    "ten-to-minus-7": 1e-7,
    "epsilon": 2.0**-52,
    "one-and-epsilon": 1 + 2.0**-52,
    "two-to-31": 2.0**31,
    "two-to-32": 2.0**32,
    "two-to-53-less-one": 2.0**53 - 1,
    "two-to-53": 2.0**53,
    "two-to-53-and-two": 2.0**53 + 2,
    "minus-two-to-53": -(2.0**53),
    "two-to-63": 2.0**63,
    "two-to-64": 2.0**64,
    "smallest-subnormal": 5e-324,
    "negative-smallest-subnormal": -5e-324,
    "largest-subnormal": 2.225073858507201e-308,
    "smallest-normal": 2.2250738585072014e-308,
    "largest": 1.7976931348623157e308,
    "negative-largest": -1.7976931348623157e308,
}
INT64S = {
    "zero": 0,
    "one": 1,
    "minus-one": -1,
    "42": 42,
    "127": 127,
    "128": 128,
    "minus-128": -128,
    "255": 255,
    "256": 256,
    "1234": 1234,
    "minus-314": -314,
    "65535": 2**16 - 1,
    "65536": 2**16,
    "two-to-31-less-one": 2**31 - 1,
    "two-to-31": 2**31,
    "minus-two-to-31": -(2**31),
    "two-to-32": 2**32,
    "two-to-53-less-one": 2**53 - 1,
    "two-to-53": 2**53,
    "two-to-53-and-one": 2**53 + 1,
    "minus-two-to-53-less-one": -(2**53) - 1,
    "two-to-62": 2**62,
    "largest-less-one": 2**63 - 2,
    "largest": 2**63 - 1,
    "smallest-and-one": -(2**63) + 1,
    "smallest": -(2**63),
}
BYTES = {
    "empty": "",
    "one-zero": "00",
    "one-ff": "ff",
    "abc": "616263",
    "two": "6162",
    "three-abcd": "001083",
    "plus-and-slash": "fbff",
    "slashes": "ffffff",
    "eight": "0102030405060708",
    "not-utf-8": "c328",
    "utf-8": "c3a9",
    "every-byte": bytes(range(256)).hex(),
}
STRINGS = {
    "empty": "",
    "ascii": "hello",
    "accent-and-emoji": "héllo 😀",
    "combining": "e\u0301",
    "cjk": "漢字",
    "right-to-left": "שלום",
    "null-character": "a\u0000b",
    "control": "\u0001\u001f",
    "newline-and-tab": "a\nb\tc\r",
    "quotes-and-backslash": "\"\\/'",
    "line-separators": "\u2028\u2029",
    "last-of-the-first-plane": "\uffff",
    "first-of-the-second-plane": "\U00010000",
    "last-character": "\U0010ffff",
    "delete": "\u007f",
    "byte-order-mark": "\ufeff",
    "looks-like-a-tag": "$integer",
    "looks-like-json": '{"$integer":"AQAAAAAAAAA="}',
    "looks-like-a-number": "5",
    "looks-like-null": "null",
}


def f(value: float) -> Notation:
    """Return a Float64 in notation."""
    return {"float64": bits_of(value)}


def i(value: int) -> Notation:
    """Return an Int64 in notation."""
    return {"int64": str(value)}


def s(value: str) -> Notation:
    """Return a string in notation."""
    return {"string": value}


def b(value: str) -> Notation:
    """Return bytes, given in hex, in notation."""
    return {"bytes": value}


def a(*items: Notation) -> Notation:
    """Return an array in notation."""
    return {"array": list(items)}


def o(*pairs: tuple[str, Notation]) -> Notation:
    """Return an object in notation."""
    return {"object": [[key, value] for key, value in pairs]}


NULL: Notation = {"null": True}
TRUE: Notation = {"boolean": True}
FALSE: Notation = {"boolean": False}
NAN: Notation = {"float64": NANS["nan-canonical"]}

ARRAYS = {
    "empty": a(),
    "one-null": a(NULL),
    "nested-empty": a(a(), a(a())),
    "five-four-ways": a(i(5), f(5.0), s("5"), NULL),
    "mixed": a(NULL, TRUE, FALSE, f(0.5), i(-1), s(""), b(""), a(), o()),
    "specials": a(NAN, *({"float64": bits} for bits in SPECIALS.values())),
    "booleans-and-numbers": a(TRUE, f(1.0), FALSE, f(0.0)),
    "of-bytes": a(b("00"), b(""), b("fbff")),
    "order-kept": a(f(3.0), f(1.0), f(2.0)),
}
OBJECTS = {
    "empty": o(),
    "one": o(("a", f(1.0))),
    "two-keys": o(("a", f(2.0)), ("b", f(1.0))),
    "empty-key": o(("", f(1.0)), ("_x", f(2.0))),
    "underscore-id": o(("_id", s("x")), ("_creationTime", f(1.5))),
    "null-is-present": o(("a", NULL)),
    "integer-like-keys": o(("10", f(1.0)), ("9", f(2.0)), ("a", f(3.0)), ("b", f(4.0))),
    "nan-inside": o(("a", o(("b", a(NAN))))),
    "dollar-inside-key": o(("a$", f(1.0)), ("us$", f(2.0))),
    "space-and-tilde": o((" ", TRUE), ("~", FALSE)),
    "quotes-in-key": o(('"', f(1.0)), ("\\", f(2.0))),
    "key-of-1024": o(("k" * 1024, TRUE)),
    "dangerous-names": o(
        ("__proto__", f(1.0)), ("constructor", f(2.0)), ("hasOwnProperty", f(3.0))
    ),
    "every-type": o(
        ("array", a()),
        ("boolean", TRUE),
        ("bytes", b("616263")),
        ("float", f(1.5)),
        ("int", i(7)),
        ("null", NULL),
        ("object", o()),
        ("string", s("x")),
    ),
    "int-in-object": o(("$".join(["a", "b"]), i(1))),
    "deep": o(
        ("a", o(("b", o(("c", o(("d", i(1)))))))),
    ),
}


def _vector(name: str, value: Notation, **more: Any) -> dict[str, Any]:
    (kind,) = value
    return {"name": name, "type": kind, "wire": encode(value), "value": value, **more}


def vectors() -> list[dict[str, Any]]:
    """Return every value with its encoded JSON."""
    out = [_vector("null", NULL), _vector("true", TRUE), _vector("false", FALSE)]
    for name, bits in NANS.items():
        more = {} if name == "nan-canonical" else {"canonical": CANONICAL_NAN}
        out.append(_vector(name, {"float64": bits}, **more))
    out += [_vector(name, {"float64": bits}) for name, bits in SPECIALS.items()]
    assert all(is_special(bits) for bits in [*NANS.values(), *SPECIALS.values()])
    out += [_vector(f"float-{name}", f(value)) for name, value in FLOATS.items()]
    out += [
        {**_vector(f"float-{name}-as-integer-text", f(value)), "wire": int(value)}
        for name, value in FLOATS.items()
        if value.is_integer() and abs(value) <= 2.0**53
    ]
    out += [_vector(f"int64-{name}", i(value)) for name, value in INT64S.items()]
    out += [_vector(f"bytes-{name}", b(value)) for name, value in BYTES.items()]
    out += [_vector(f"string-{name}", s(value)) for name, value in STRINGS.items()]
    out += [_vector(f"array-{name}", value) for name, value in ARRAYS.items()]
    out += [_vector(f"object-{name}", value) for name, value in OBJECTS.items()]
    return out


ONE = "AQAAAAAAAAA="
INVALID_WIRE: list[tuple[str, Any, str]] = [
    ("float-tag-of-one", {"$float": "AAAAAAAA8D8="}, "values.special-float-only"),
    ("float-tag-of-subnormal", {"$float": ONE}, "values.special-float-only"),
    ("float-tag-of-largest", {"$float": "////////738="}, "values.special-float-only"),
    ("float-tag-of-number", {"$float": 1.5}, "values.tag-length"),
    ("float-tag-of-null", {"$float": None}, "values.tag-length"),
    ("float-tag-empty", {"$float": ""}, "values.tag-length"),
    ("float-tag-of-7-bytes", {"$float": "AAAAAAAA+A=="}, "values.tag-length"),
    ("float-tag-of-9-bytes", {"$float": "AAAAAAAA+H8A"}, "values.tag-length"),
    ("float-tag-and-more", {"$float": "AAAAAAAA+H8=", "x": 1}, "values.tag-single-key"),
    ("integer-tag-empty", {"$integer": ""}, "values.tag-length"),
    ("integer-tag-of-1-byte", {"$integer": "AQ=="}, "values.tag-length"),
    ("integer-tag-of-7-bytes", {"$integer": "AQAAAAAAAA=="}, "values.tag-length"),
    ("integer-tag-of-9-bytes", {"$integer": "AQAAAAAAAAAA"}, "values.tag-length"),
    ("integer-tag-of-16-bytes", {"$integer": "A" * 22 + "=="}, "values.tag-length"),
    ("integer-tag-of-number", {"$integer": 1}, "values.tag-length"),
    ("integer-tag-of-decimal-text", {"$integer": "1"}, "values.base64"),
    ("integer-tag-of-null", {"$integer": None}, "values.tag-length"),
    ("integer-tag-of-object", {"$integer": {"$integer": ONE}}, "values.tag-length"),
    ("integer-tag-and-more", {"$integer": ONE, "x": 1}, "values.tag-single-key"),
    ("two-tags", {"$integer": ONE, "$bytes": ""}, "values.tag-single-key"),
    ("bytes-tag-of-number", {"$bytes": 1}, "values.tag-length"),
    ("bytes-tag-of-array", {"$bytes": [1, 2]}, "values.tag-length"),
    ("bytes-without-padding", {"$bytes": "AA"}, "values.base64"),
    ("bytes-with-half-the-padding", {"$bytes": "AA="}, "values.base64"),
    ("bytes-with-too-much-padding", {"$bytes": "YWJj===="}, "values.base64"),
    ("bytes-padding-inside", {"$bytes": "AA==AA=="}, "values.base64"),
    ("bytes-of-one-character", {"$bytes": "A"}, "values.base64"),
    ("bytes-url-alphabet", {"$bytes": "-_8="}, "values.base64"),
    ("bytes-with-space", {"$bytes": "YW Jj"}, "values.base64"),
    ("bytes-with-newline", {"$bytes": "YWJj\n"}, "values.base64"),
    ("bytes-not-base64", {"$bytes": "!!!!"}, "values.base64"),
    ("bytes-not-ascii", {"$bytes": "éééé"}, "values.base64"),
    ("integer-url-alphabet", {"$integer": "__________8="}, "values.base64"),
    ("tag-set", {"$set": []}, "values.unknown-tag"),
    ("tag-map", {"$map": []}, "values.unknown-tag"),
    ("tag-unknown", {"$foo": 1}, "values.unknown-tag"),
    ("tag-dollar-alone", {"$": 1}, "values.unknown-tag"),
    ("tag-wrong-case", {"$Integer": ONE}, "values.unknown-tag"),
    ("tag-commit-ts", {"$commitTs": None}, "values.unknown-tag"),
    ("tag-undefined", {"a": {"$undefined": None}}, "values.unknown-tag"),
    ("key-dollar", {"$a": 1, "b": 2}, "values.key-dollar"),
    ("key-dollar-nested", {"a": [{"$a": 1, "b": 2}]}, "values.key-dollar"),
    ("key-accent", {"é": 1}, "values.key-ascii"),
    ("key-control", {"a\u0007": 1}, "values.key-ascii"),
    ("key-newline", {"a\n": 1}, "values.key-ascii"),
    ("key-delete", {"a\u007f": 1}, "values.key-ascii"),
    ("key-null-character", {"\u0000": 1}, "values.key-ascii"),
    ("key-emoji", {"😀": 1}, "values.key-ascii"),
    ("key-of-1025", {"k" * 1025: 1}, "values.key-length"),
    ("inside-array", [1, [{"$integer": "AQ=="}]], "values.tag-length"),
    ("inside-object", {"a": {"b": {"$bytes": "AA"}}}, "values.base64"),
]
INVALID_TEXT: list[tuple[str, str, str, list[str] | None]] = [
    ("text-nan", "NaN", "values.json-text", None),
    ("text-infinity", "Infinity", "values.json-text", None),
    ("text-negative-infinity", "[-Infinity]", "values.json-text", None),
    ("text-leading-zero", "01", "values.json-text", None),
    ("text-no-fraction-digits", "1.", "values.json-text", None),
    ("text-trailing-comma", "[1,]", "values.json-text", None),
    ("text-single-quotes", "'a'", "values.json-text", None),
    ("text-lone-high-surrogate", '"\\ud800"', "values.unicode", ["server"]),
    ("text-lone-low-surrogate", '["\\udc00"]', "values.unicode", ["server"]),
]


def invalid_wire() -> list[dict[str, Any]]:
    """Return encoded JSON that a decoder refuses, with the rule that it breaks."""
    out = [{"name": name, "wire": wire, "rule": rule} for name, wire, rule in INVALID_WIRE]
    out.append(
        {
            "name": "float-tag-of-plus-zero",
            "wire": {"$float": "AAAAAAAAAAA="},
            "rule": "values.special-float-only",
            "only": ["client"],
        }
    )
    for name, text, rule, only in INVALID_TEXT:
        entry: dict[str, Any] = {"name": name, "text": text, "rule": rule}
        out.append({**entry, "only": only} if only else entry)
    return out


def invalid_value() -> list[dict[str, Any]]:
    """Return values that an encoder refuses, with the rule that they break."""
    undefined: Notation = {"undefined": True}
    table: list[tuple[str, Notation, str]] = [
        ("int64-too-large", {"int64": str(2**63)}, "values.int64-range"),
        ("int64-too-small", {"int64": str(-(2**63) - 1)}, "values.int64-range"),
        ("int64-huge", {"int64": str(2**64)}, "values.int64-range"),
        ("undefined-alone", undefined, "values.undefined"),
        ("undefined-in-array", a(f(1.0), undefined), "values.undefined"),
        ("key-dollar", o(("$a", NULL)), "values.key-dollar"),
        ("key-tag-name", o(("$integer", s("AQAAAAAAAAA="))), "values.key-dollar"),
        ("key-dollar-nested", a(o(("a", o(("$b", NULL))))), "values.key-dollar"),
        ("key-accent", o(("é", NULL)), "values.key-ascii"),
        ("key-control", o(("a\u0007", NULL)), "values.key-ascii"),
        ("key-delete", o(("\u007f", NULL)), "values.key-ascii"),
        ("key-of-1025", o(("k" * 1025, NULL)), "values.key-length"),
        ("lone-high-surrogate", s("a\ud800"), "values.unicode"),
        ("lone-low-surrogate", a(s("\udc00b")), "values.unicode"),
    ]
    return [{"name": name, "value": value, "rule": rule} for name, value, rule in table]


def ascending() -> list[Notation]:
    """Return values in strictly ascending total order."""
    inside = [-1e300, -1.5, -1.0, -5e-324, -0.0, 0.0, 5e-324, 0.5, 1.0, 5.0, 2.0**53, 1e300]
    return [
        NULL,
        *(i(value) for value in (-(2**63), -1234, -1, 0, 1, 5, 255, 256, 2**53 + 1, 2**63 - 1)),
        {"float64": NANS["nan-negative-all-ones"]},
        {"float64": NANS["nan-sign-bit"]},
        {"float64": NANS["nan-signalling-negative"]},
        {"float64": SPECIALS["negative-infinity"]},
        *(f(value) for value in inside),
        {"float64": SPECIALS["infinity"]},
        {"float64": NANS["nan-signalling"]},
        {"float64": NANS["nan-canonical"]},
        {"float64": NANS["nan-payload-1"]},
        FALSE,
        TRUE,
        *(s(value) for value in ("", "\u0000", "A", "Z", "a", "aa", "ab", "b")),
        *(s(value) for value in ("é", "\uffff", "\U00010000", "\U0010ffff")),
        *(b(value) for value in ("", "00", "0000", "01", "7f", "80", "80ff", "ff")),
        *(a(*items) for items in ((), (NULL,), (NULL, NULL), (i(9),), (f(-1.0),))),
        *(a(*items) for items in ((f(-1.0), NULL), (f(1.0),), (s("a"),), (a(),), (o(),))),
        o(),
        o(("", NULL)),
        o(("a", NULL)),
        o(("a", NULL), ("b", NULL)),
        o(("a", i(1))),
        o(("a", f(1.0))),
        o(("a", f(1.0)), ("b", NULL)),
        o(("aa", NULL)),
        o(("b", NULL)),
    ]
