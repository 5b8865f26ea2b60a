"""Large messages: read in slices, exactly as if they had been read at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unisono import Client, Int64
from unisono.core.messages import ReadText, read
from unisono.runtime import large
from unisono.runtime.large import read_slowly
from unisono.testing import ManualClock, MemoryBackend, Voice

pytestmark = pytest.mark.anyio
TRICKY = [
    {"text": "},{", "n": Int64(7)},
    {"text": '}],"x":[{', "inner": [{"a": 1}, {"b": [{"c": 2}]}]},
    {"text": '\\"},{\\"', "value": [{"deep": 1}, {"deep": 2}]},
]


def message(updates: dict[int, Any], spaced: bool) -> bytes:
    frame = Voice().transition(query_set=1, ts=5, updates=updates)
    return json.dumps(frame, separators=None if spaced else (",", ":")).encode()


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE_BYTES", 100)
    monkeypatch.setattr(large, "SLICE_BYTES", 200)


@pytest.mark.parametrize("spaced", [True, False])
@pytest.mark.parametrize(
    "updates",
    [
        {0: TRICKY * 20},
        {0: [], 1: TRICKY * 20, 2: []},
        {0: TRICKY, 1: TRICKY * 20},
        {0: {"value": TRICKY * 20}},
        {0: [[1, 2], *TRICKY * 20]},
        {0: [*TRICKY * 20, "the end"]},
        {0: "x" * 1000},
    ],
)
async def test_slices_make_the_same_message(updates: dict[int, Any], spaced: bool) -> None:
    """Whatever stands in the strings, and wherever the rows are."""
    text = message(updates, spaced)

    assert read(await read_slowly(text)) == read(text)


async def test_rows_are_indeed_read_in_slices() -> None:
    """The ordinary case is not a fallback."""
    for value in (TRICKY * 20, {"rows": TRICKY * 20, "n": 1}):
        assert isinstance(await read_slowly(message({0: value}, True)), ReadText)


@given(
    st.lists(
        st.dictionaries(st.sampled_from("ab"), st.text(st.sampled_from('},{["]\\ a')), min_size=1),
        min_size=1,
        max_size=60,
    )
)
async def test_random_rows_make_the_same_message(rows: list[Any]) -> None:
    """Every cut is checked by the parser."""
    text = message({0: rows}, False)

    assert read(await read_slowly(text)) == read(text)


@pytest.mark.parametrize("end", [b"", b"}", b"]}"])
async def test_a_broken_large_message_is_left_to_the_core(end: bytes) -> None:
    """It is given back as it came."""
    text = message({0: TRICKY * 20}, False)[:-30] + end

    assert await read_slowly(text) == text
    assert type(await read_slowly(text)) is bytes


async def test_a_large_result_arrives() -> None:
    """Through the client, with a bad tag it is the server's fault as always."""
    backend = MemoryBackend()
    client = Client(backend.address, connector=backend.connect, clock=ManualClock())
    async with client, client.subscribe("m:list") as values:
        line = await backend.accept()
        await line.receive("ModifyQuerySet")
        line.transition(query_set=1, ts=1, updates={0: TRICKY * 20})
        assert await anext(values) == TRICKY * 20
        bad = json.dumps(line.voice.transition(ts=2, updates={0: TRICKY * 20}))
        line.send(bad.replace("BwAAAAAAAAA=", "AQ=="))
        async for state in client.states():
            if state.kind == "waiting":
                break

    assert "values.tag-length" in state.why
