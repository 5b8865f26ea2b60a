"""Patterns: what a case says about a frame or an event, and what it binds.

Spec: messages
Not here: when to look (see world), what to do on a mismatch (see player).

Strings that begin with `$` are matchers; a literal one is written with `$$`:
`$any`, `$bind/x` then `$x`, `$ts/10`, `$v/1.0.10`, `$type/string`. Objects whose one key is
in the table below are matchers too, and so are `$absent` and `$maybe` for a field.
In a template `{"$times": [n, text]}` is a long text, `{"$join": [texts]}` one of several and
`{"$upper": text}` one in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from unisono_conformance.values import Json, decode_ts, encode_ts, kind_of, same, state_version

Bindings = dict[str, Json]

VALUE_FIELDS: Final = frozenset({"value", "args", "result", "errorData", "data", "body", "view"})
"""Fields that hold values. A value is closed: every key counts."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_TYPES: Final[Mapping[str, Callable[[Json], bool]]] = {
    "ts": lambda value: decode_ts(value) is not None,
    "uuid": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "u32": lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
    ),
}


class Mismatch(Exception):
    """A pattern did not fit: where, what was expected, what was there."""

    def __init__(self, path: str, expected: Json, actual: Json) -> None:
        self.path = path or "(whole)"
        self.expected = expected
        self.actual = actual
        super().__init__(f"at {self.path}: expected {expected!r}, got {actual!r}")


def match(pattern: Json, actual: Json, bindings: Bindings) -> Bindings:
    """Fit a pattern to a value. Returns the bindings grown by it, or raises Mismatch."""
    grown = dict(bindings)
    _match(pattern, actual, grown, "", is_open=True)
    return grown


def fits(pattern: Json, actual: Json, bindings: Bindings) -> bool:
    """Say whether a pattern fits, and bind nothing."""
    try:
        match(pattern, actual, bindings)
    except Mismatch:
        return False
    return True


def fill(template: Json, bindings: Bindings) -> Json:
    """Write a template out: bound names, `$ts/..` and `$v/..` become what they stand for."""
    if isinstance(template, str):
        return _fill_text(template, bindings)
    if isinstance(template, list):
        return [fill(item, bindings) for item in template]
    if isinstance(template, dict):
        maker = _MAKERS.get(next(iter(template), "")) if len(template) == 1 else None
        if maker is not None:
            return maker(next(iter(template.values())), bindings)
        return {
            (str(_fill_text(key, bindings)) if key[:1] == "$" and key[1:] in bindings else key): (
                fill(item, bindings)
            )
            for key, item in template.items()
        }
    return template


def _match(pattern: Json, actual: Json, bound: Bindings, path: str, *, is_open: bool) -> None:
    if isinstance(pattern, str):
        _match_text(pattern, actual, bound, path)
    elif isinstance(pattern, dict):
        matcher = _matcher(pattern)
        if matcher is not None:
            matcher(next(iter(pattern.values())), actual, bound, path, is_open)
        else:
            _match_object(pattern, actual, bound, path, is_open=is_open)
    elif isinstance(pattern, list):
        _match_array(pattern, actual, bound, path, is_open=is_open)
    elif not same(pattern, actual):
        raise Mismatch(path, pattern, actual)


def _match_text(pattern: str, actual: Json, bound: Bindings, path: str) -> None:
    if pattern == "$any":
        return
    if pattern.startswith("$bind/"):
        name = pattern[6:]
        if name in bound and not same(bound[name], actual):
            raise Mismatch(path, bound[name], actual)
        bound[name] = actual
        return
    if pattern.startswith("$type/"):
        name = pattern[6:]
        check = _TYPES.get(name, lambda value: kind_of(value) == name)
        if not check(actual):
            raise Mismatch(path, pattern, actual)
        return
    expected = _fill_text(pattern, bound)
    if not same(expected, actual):
        raise Mismatch(path, expected, actual)


def _match_object(
    pattern: dict[str, Json], actual: Json, bound: Bindings, path: str, *, is_open: bool
) -> None:
    if not isinstance(actual, dict):
        raise Mismatch(path, pattern, actual)
    for name, item in pattern.items():
        key = str(bound[name[1:]]) if name[:1] == "$" and name[1:] in bound else name
        here = f"{path}.{key}" if path else key
        if isinstance(item, dict) and "$absent" in item and len(item) == 1:
            if key in actual:
                raise Mismatch(here, "no such field", actual[key])
        elif isinstance(item, dict) and "$maybe" in item and len(item) == 1:
            if key in actual:
                _match(item["$maybe"], actual[key], bound, here, is_open=is_open)
        elif key not in actual:
            raise Mismatch(here, item, "(absent)")
        else:
            opened = is_open and key not in VALUE_FIELDS
            _match(item, actual[key], bound, here, is_open=opened)
    named = {str(bound.get(name[1:], name)) if name[:1] == "$" else name for name in pattern}
    extra = sorted(actual.keys() - named)
    if extra and not is_open:
        raise Mismatch(f"{path}.{extra[0]}", "no such field", actual[extra[0]])


def _match_array(
    pattern: list[Json], actual: Json, bound: Bindings, path: str, *, is_open: bool
) -> None:
    if not isinstance(actual, list) or len(pattern) != len(actual):
        raise Mismatch(path, pattern, actual)
    for index, (item, value) in enumerate(zip(pattern, actual, strict=True)):
        _match(item, value, bound, f"{path}[{index}]", is_open=is_open)


def _one_of(options: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    for option in options:
        grown = dict(bound)
        try:
            _match(option, actual, grown, path, is_open=is_open)
        except Mismatch:
            continue
        bound.update(grown)
        return
    raise Mismatch(path, {"$oneOf": options}, actual)


def _unordered(items: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    if not isinstance(actual, list) or len(actual) != len(items):
        raise Mismatch(path, {"$unordered": items}, actual)
    _contains(items, actual, bound, path, is_open)


def _contains(items: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    if isinstance(actual, str):
        if str(_fill_text(items, bound)) not in actual:
            raise Mismatch(path, {"$contains": items}, actual)
        return
    if not isinstance(actual, list):
        raise Mismatch(path, {"$contains": items}, actual)
    rest = list(actual)
    for item in items:
        for index, value in enumerate(rest):
            grown = dict(bound)
            try:
                _match(item, value, grown, path, is_open=is_open)
            except Mismatch:
                continue
            bound.update(grown)
            del rest[index]
            break
        else:
            raise Mismatch(path, item, actual)


def _prefix(start: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del is_open
    expected = str(_fill_text(start, bound))
    if not isinstance(actual, str) or not actual.startswith(expected):
        raise Mismatch(path, {"$prefix": expected}, actual)


def _regex(expression: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del bound, is_open
    if not isinstance(actual, str) or re.fullmatch(expression, actual) is None:
        raise Mismatch(path, {"$regex": expression}, actual)


def _size(size: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del bound, is_open
    if not isinstance(actual, str | list) or len(actual) != size:
        length = len(actual) if isinstance(actual, str | list) else kind_of(actual)
        raise Mismatch(path, {"$size": size}, length)


def _bytes_up_to(size: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del bound, is_open
    if not isinstance(actual, str) or len(actual.encode()) > size:
        raise Mismatch(path, {"$bytesUpTo": size}, kind_of(actual))


def _fields(pattern: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del is_open
    _match_object(pattern, actual, bound, path, is_open=True)


def _not(pattern: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    try:
        _match(pattern, actual, dict(bound), path, is_open=is_open)
    except Mismatch:
        return
    raise Mismatch(path, {"$not": fill(pattern, bound)}, actual)


def _range(limits: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del is_open
    low, high = (fill(limit, bound) for limit in limits)
    is_number = isinstance(actual, int | float) and not isinstance(actual, bool)
    if not is_number or not (low is None or actual >= low) or not (high is None or actual <= high):
        raise Mismatch(path, {"$range": [low, high]}, actual)


def _ts_from(start: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    del is_open
    low, ts = decode_ts(fill(start, bound)), decode_ts(actual)
    if low is None or ts is None or ts < low:
        raise Mismatch(path, f"a timestamp from {low} on", ts if ts is not None else actual)


def _all_of(patterns: Json, actual: Json, bound: Bindings, path: str, is_open: bool) -> None:
    for pattern in patterns:
        _match(pattern, actual, bound, path, is_open=is_open)


_Maker = Callable[[Json, Bindings], Json]
_MAKERS: Final[Mapping[str, _Maker]] = {
    "$times": lambda body, bound: body[1] * body[0],
    "$join": lambda body, bound: "".join(map(str, fill(body, bound))),
    "$upper": lambda body, bound: str(fill(body, bound)).upper(),
}

_Matcher = Callable[[Json, Json, Bindings, str, bool], None]
_MATCHERS: Final[Mapping[str, _Matcher]] = {
    "$oneOf": _one_of,
    "$allOf": _all_of,
    "$unordered": _unordered,
    "$contains": _contains,
    "$prefix": _prefix,
    "$regex": _regex,
    "$bytesUpTo": _bytes_up_to,
    "$fields": _fields,
    "$size": _size,
    "$not": _not,
    "$range": _range,
    "$tsFrom": _ts_from,
}


def _matcher(pattern: dict[str, Json]) -> _Matcher | None:
    return _MATCHERS.get(next(iter(pattern))) if len(pattern) == 1 else None


def _fill_text(text: str, bindings: Bindings) -> Json:
    if not text.startswith("$"):
        return text
    if text.startswith("$$"):
        return text[1:]
    if text.startswith("$ts/"):
        return encode_ts(int(_part(text[4:], bindings)))
    if text.startswith("$v/"):
        query_set, identity, ts = (_part(part, bindings) for part in text[3:].split("."))
        return state_version(
            int(query_set), int(identity), ts if isinstance(ts, str) else encode_ts(ts)
        )
    return bindings.get(text[1:], text)


def _part(text: str, bindings: Bindings) -> Json:
    return bindings[text[1:]] if text.startswith("$") else int(text)
