"""The vectors: files that every codec, client and server of the protocol is measured with.

Spec: values, messages, connection, transitions, auth
Not here: the values themselves (see value_vectors), the arithmetic (see reference).

`python -m unisono_protocol.vectors` writes the files anew; a test compares them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from unisono_protocol import reference, value_vectors
from unisono_protocol.data import V1

Document = dict[str, Any]

SESSION = "123e4567-e89b-42d3-a456-426614174000"
COUNTING = bytes(range(16))


def values() -> Document:
    """Return the vectors of encoded JSON."""
    return {
        "vectors": value_vectors.vectors(),
        "invalid_wire": value_vectors.invalid_wire(),
        "invalid_value": value_vectors.invalid_value(),
    }


def order() -> Document:
    """Return values in ascending total order."""
    return {"ascending": value_vectors.ascending()}


def timestamps() -> Document:
    """Return timestamps with their wire form, and wire forms that are none."""
    near = [2**k + d for k in (8, 16, 31, 32, 53, 56, 62) for d in (-1, 0, 1)]
    real = [1_700_000_000_000_000_000, 1_755_000_000_123_456_789]
    numbers = sorted({0, 1, 2, 10, 1000, *near, *real, 2**63 - 2, 2**63 - 1})
    invalid = [
        ("AAAAAAAAAIA=", "messages.timestamp-range"),
        ("//////////8=", "messages.timestamp-range"),
        ("AAAAAAAAAA==", "messages.timestamp-encoding"),
        ("AAAAAAAAAAAA", "messages.timestamp-encoding"),
        ("", "messages.timestamp-encoding"),
        ("AQ==", "messages.timestamp-encoding"),
        ("AAAAAAAAAAA", "messages.timestamp-encoding"),
        ("_____wAAAAA=", "messages.timestamp-encoding"),
        ("AAAAAAAAAAA=\n", "messages.timestamp-encoding"),
        ("1755000000123456789", "messages.timestamp-encoding"),
        ("!!!!!!!!!!!=", "messages.timestamp-encoding"),
    ]
    return {
        "vectors": [{"ts": str(n), "wire": reference.encode_timestamp(n)} for n in numbers],
        "invalid": [{"wire": wire, "rule": rule} for wire, rule in invalid],
    }


GOOD_PATHS = [
    "messages:list",
    "messages",
    "messages:default",
    "messages.js:list",
    "messages.js",
    "foo/bar:baz",
    "foo/bar.js:baz",
    "foo/bar",
    "a/b/c/d:e",
    "dir.with.dots/m:f",
    "_system/cli/modules:apiSpec",
    "m_1:f_2",
    "M:F",
    "1module:f",
    "m:_private",
    "m:f9",
    f"{'m' * 61}:f",
    f"m:{'f' * 64}",
]
BAD_PATHS = [
    "",
    ":",
    ":f",
    "m:",
    "bad path!:f",
    "a-b:f",
    "é:f",
    "a:b:c",
    "/abs:f",
    "a//b:f",
    "a/:f",
    "../m:f",
    "a/../m:f",
    "./m:f",
    "_:f",
    "messages.ts:list",
    "m:1f",
    "m:_",
    "m:f-g",
    "m:$f",
    "m: f",
    "m:é",
    f"{'m' * 65}:f",
    f"m:{'f' * 65}",
]


def paths() -> Document:
    """Return function paths in their canonical forms, and paths of bad syntax."""
    return {
        "vectors": [
            {
                "path": path,
                "client": reference.client_path(path),
                "server": reference.server_path(path),
                "stripped": reference.stripped_path(path),
            }
            for path in GOOD_PATHS
        ],
        "invalid": [
            {"path": path, "why": reference.path_problem(path), "rule": "messages.path-syntax"}
            for path in BAD_PATHS
        ],
    }


def ids() -> Document:
    """Return document ids with their content, texts that are none, and request ids."""
    tables = [1, 2, 10, 127, 128, 512, 540, 10001, 10002, 16383, 16384, 2097151, 2097152]
    tables += [2**28 - 1, 2**28, 2**32 - 1]
    inner = [(table, COUNTING) for table in tables]
    inner += [(1, bytes(16)), (1, b"\xff" * 16), (10001, bytes(16)), (10001, b"\xff" * 16)]
    known = [(540, "573d7067b8ffcf0689d0c97036ff505c"), (10017, "032241607f9ebddcfb1a39587796b5d4")]
    inner += [(table, bytes.fromhex(internal)) for table, internal in known]
    return {
        "vectors": [
            {
                "id": reference.encode_id(table, internal),
                "table": table,
                "internal": internal.hex(),
            }
            for table, internal in inner
        ],
        "invalid": [
            {"id": text, "why": why, "rule": "values.id-strict"} for text, why in _broken_ids()
        ],
        "request_ids": [
            {"session": SESSION, "request": n, "id": reference.request_id(SESSION, n)}
            for n in (0, 1, 2, 10, 4294967295)
        ],
    }


def _broken_ids() -> list[tuple[str, str]]:
    good = reference.encode_id(10001, COUNTING)
    small = reference.encode_id(1, COUNTING)
    long_vint = b"\x81\x00" + COUNTING
    footer = reference.fletcher16(long_vint).to_bytes(2, "little")
    return [
        ("", "empty"),
        (good[:-1], "too short for its table number"),
        (good + "0", "length 33 never decodes"),
        (small + "00000", "trailing bytes"),
        (good.upper(), "upper case"),
        ("i" + good[1:], "a letter outside the alphabet"),
        ("l" + good[1:], "a letter outside the alphabet"),
        ("o" + good[1:], "a letter outside the alphabet"),
        ("u" + good[1:], "a letter outside the alphabet"),
        (good[:10] + ("1" if good[10] != "1" else "2") + good[11:], "the check sum differs"),
        (reference.encode_id(10001, COUNTING, version=1), "another version"),
        (reference.encode_id(0, COUNTING), "table number 0"),
        (reference.id_text(long_vint + footer), "a table number longer than it must be"),
        (small[:-1] + reference.ID_ALPHABET[-1], "filler bits or check sum not as encoded"),
    ]


def backoff() -> Document:
    """Return delays before a reconnection, exact for a given jitter."""
    reasons: list[str | None] = [*reference.BACKOFF_CLIENT_REASONS]
    reasons += [prefix for prefix, _ in reference.BACKOFF_REASONS]
    reasons += [None, "", "ClientDisconnected", "OptimisticConcurrencyControlFailure"]
    reasons += ["TooManyConcurrentMutations", "closed with code 1006", "SomethingNew"]
    reasons += ["CommitterFullError: and more text", "xCommitterFullError"]
    grid: list[tuple[str | None, int, float]] = [(r, 0, 0.5) for r in reasons]
    for reason in (None, "InactiveServer", "CommitterFullError"):
        grid += [(reason, n, j) for n in (0, 1, 2, 4, 5, 8, 20) for j in (0.0, 0.25, 0.75)]
    return {
        "cap_ms": reference.BACKOFF_CAP_MS,
        "classes": [
            {"reason": reason, "match": "exact", "initial_ms": reference.BACKOFF_CLIENT_MS}
            for reason in reference.BACKOFF_CLIENT_REASONS
        ]
        + [
            {"reason": prefix, "match": "prefix", "initial_ms": initial}
            for prefix, initial in reference.BACKOFF_REASONS
        ]
        + [{"reason": None, "match": "else", "initial_ms": reference.BACKOFF_UNKNOWN_MS}],
        "vectors": [
            {
                "reason": reason,
                "failures": failures,
                "jitter": jitter,
                "delay_ms": reference.backoff_ms(reason, failures, jitter),
            }
            for reason, failures, jitter in grid
        ],
    }


def refresh() -> Document:
    """Return when a confirmed token's successor is fetched."""
    start = 1_755_000_000
    grid: list[tuple[Any, Any, float]] = [
        (start, start + life, leeway)
        for life in (3, 10, 11, 60, 300, 3600, 86400, 30 * 86400)
        for leeway in (0, 10, 60)
    ]
    grid += [(start, start + life, 10) for life in (-5, 0, 1, 2)]
    grid += [(None, start, 10), (start, None, 10), ("1", start, 10), (start, str(start), 10)]
    grid += [(start + 0.5, start + 60.25, 10)]
    return {
        "vectors": [
            {
                "iat": iat,
                "exp": exp,
                "leeway_s": leeway,
                "token": reference.unsigned_jwt({"sub": "user", "iat": iat, "exp": exp}),
                "delay_ms": reference.refresh_ms(iat, exp, leeway),
            }
            for iat, exp, leeway in grid
        ]
    }


def transition_text(value: str) -> str:
    """Return the JSON text of one Transition that brings one string."""
    zero, ten = reference.encode_timestamp(0), reference.encode_timestamp(10)
    update = {"type": "QueryUpdated", "queryId": 0, "value": value, "logLines": [], "journal": None}
    message = {
        "type": "Transition",
        "startVersion": {"querySet": 0, "identity": 0, "ts": zero},
        "endVersion": {"querySet": 1, "identity": 0, "ts": ten},
        "modifications": [update],
        "clientClockSkew": None,
        "serverTs": 1755000000131000000,
    }
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def chunks() -> Document:
    """Return cut Transitions, and sequences of chunks that a client refuses."""
    texts = {
        "ascii": (transition_text("hello"), 100),
        "one-part": (transition_text("hello"), 5_000_000),
        "two-byte-characters": (transition_text("é" * 40), 33),
        "four-byte-characters": (transition_text("😀" * 20), 31),
        "mixed-widths": (transition_text("aé漢😀" * 10), 16),
        "exact-multiple": (transition_text("a" * 7), 0),
    }
    cut = []
    for name, (text, limit) in texts.items():
        size = len(text.encode())
        at = limit or next(d for d in range(16, size) if size % d == 0 or d == size - 1)
        cut.append(
            {
                "name": name,
                "max_bytes": at,
                "text": text,
                "frames": reference.chunk_frames(text, at),
            }
        )
    return {"vectors": cut, "accepted": _accepted_chunks(), "refused": _refused_chunks()}


def _accepted_chunks() -> list[Document]:
    text = transition_text("hello")
    first, second, third = reference.chunk_frames(text, 100)[:3]
    rest = reference.chunk_frames(text, 100)[3:]
    ping = {"type": "Ping"}
    return [
        {"name": "in-order", "frames": [first, second, third, *rest], "text": text},
        {"name": "ping-between", "frames": [first, ping, second, third, *rest], "text": text},
    ]


def _refused_chunks() -> list[Document]:
    frames = reference.chunk_frames(transition_text("hello"), 100)
    first, second, third = frames[:3]
    last = frames[-1]
    empty = json.loads(transition_text("x"))
    table: list[tuple[str, list[Document], str]] = [
        ("starts-in-the-middle", [second], "transitions.chunk-order"),
        ("one-is-missing", [first, third], "transitions.chunk-order"),
        ("one-comes-twice", [first, first], "transitions.chunk-order"),
        ("another-total", [first, {**second, "totalParts": 99}], "transitions.chunk-set"),
        ("another-id", [first, {**second, "transitionId": "1"}], "transitions.chunk-set"),
        ("total-of-zero", [{**first, "totalParts": 0}], "transitions.chunk-set"),
        ("number-beyond-total", [{**first, "partNumber": 9}], "transitions.chunk-set"),
        ("transition-inside-a-set", [first, empty], "transitions.chunk-lost"),
        ("not-a-transition", _fake({"type": "Ping"}), "transitions.chunk-identity"),
        ("not-json", [{**first, "totalParts": 1}], "transitions.chunk-identity"),
        ("last-only", [last], "transitions.chunk-order"),
    ]
    return [{"name": name, "frames": sent, "rule": rule} for name, sent, rule in table]


def _fake(message: Document) -> list[Document]:
    return reference.chunk_frames(json.dumps(message))


FILES: dict[str, Callable[[], Document]] = {
    "values.json": values,
    "order.json": order,
    "timestamps.json": timestamps,
    "paths.json": paths,
    "ids.json": ids,
    "backoff.json": backoff,
    "refresh.json": refresh,
    "chunks.json": chunks,
}


def text_of(document: Document) -> str:
    """Return a vector file's text: one vector per line, so that changes read well."""
    parts = []
    for key, content in document.items():
        if isinstance(content, list):
            lines = ",\n".join("    " + json.dumps(item) for item in content)
            parts.append(f"  {json.dumps(key)}: [\n{lines}\n  ]")
        else:
            parts.append(f"  {json.dumps(key)}: {json.dumps(content)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Write every vector file."""
    for name, make in FILES.items():
        generated = {"generated": "by python -m unisono_protocol.vectors", **make()}
        (V1 / "vectors" / name).write_text(text_of(generated), encoding="utf-8")


if __name__ == "__main__":
    main()
