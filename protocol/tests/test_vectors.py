"""The vector files are what the arithmetic of the specification says, and as many as promised."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from unisono_protocol import reference, vectors
from unisono_protocol.data import V1

FACTS_ABOUT_IDS = {
    "040020g30g2gc1r81450p30d1r7qke8": 1,
    "0400000000000000000000000000248": 1,
    "07zzzzzzzzzzzzzzzzzzzzzzzzzz328": 1,
    "kg25efbgcywfzkr6h78cjw1pzx85r2ha": 540,
    "m57068j1c1zsxfewzcd3jp3qjttx99vg": 10017,
    "j57000820c20a1g7104gm2rc1m70ynr8": 10001,
    "zzzzzzrf000g40r40m30e209185gr38e1y1nj": 4294967295,
}


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((V1 / "vectors" / name).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", sorted(vectors.FILES))
def test_files_are_generated(name: str) -> None:
    """Computing a file anew gives the file that is there."""
    document = load(name)
    document.pop("generated")

    assert document == vectors.FILES[name]()


def test_there_are_enough_value_vectors() -> None:
    """At least 120 values are written down, and every name once."""
    names = [vector["name"] for vector in load("values.json")["vectors"]]

    assert len(names) >= 120
    assert len(names) == len(set(names))


def test_known_ids_are_among_the_vectors() -> None:
    """Ids that were seen in the wild come out of the arithmetic."""
    found = {vector["id"]: vector["table"] for vector in load("ids.json")["vectors"]}

    assert found.items() >= FACTS_ABOUT_IDS.items()


def test_known_base64_of_values() -> None:
    """The bytes of well-known values are the ones that other implementations send."""
    wires = {vector["name"]: vector["wire"] for vector in load("values.json")["vectors"]}

    assert wires["nan-canonical"] == {"$float": "AAAAAAAA+H8="}
    assert wires["negative-zero"] == {"$float": "AAAAAAAAAIA="}
    assert wires["int64-smallest"] == {"$integer": "AAAAAAAAAIA="}
    assert wires["int64-minus-314"] == {"$integer": "xv7///////8="}
    assert wires["bytes-three-abcd"] == {"$bytes": "ABCD"}


def test_known_timestamps() -> None:
    """The wire forms of well-known timestamps are the ones that other implementations send."""
    wires = {vector["ts"]: vector["wire"] for vector in load("timestamps.json")["vectors"]}

    assert wires["9007199254740993"] == "AQAAAAAAIAA="
    assert wires["1700000000000000000"] == "AAAqNv6clxc="
    assert wires["9223372036854775807"] == "/////////38="


def test_order_is_strict() -> None:
    """No two neighbours of the ascending list are equal or swapped."""
    keys = [reference.order_key(value) for value in load("order.json")["ascending"]]

    assert all(low < high for low, high in itertools.pairwise(keys))


def test_paths_are_judged_as_written() -> None:
    """Every good path passes the grammar, every bad one has a reason."""
    document = load("paths.json")

    assert [v["path"] for v in document["vectors"] if reference.path_problem(v["path"])] == []
    assert [v["path"] for v in document["invalid"] if not v["why"]] == []


def test_chunks_join_to_their_text() -> None:
    """The pieces of a cut Transition, in order, are its text, and none is too long."""
    for vector in load("chunks.json")["vectors"]:
        pieces = [frame["chunk"] for frame in vector["frames"]]

        assert "".join(pieces) == vector["text"]
        assert max(len(piece.encode()) for piece in pieces) <= vector["max_bytes"]
