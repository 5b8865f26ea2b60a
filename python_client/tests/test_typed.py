"""Types at the edges: arguments from models, results into types, views of several queries."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any, assert_type

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from unisono import (
    Client,
    FunctionError,
    Int64,
    InvalidTypeError,
    InvalidValueError,
    Pages,
    Query,
    Subscription,
    View,
)
from unisono.core.queries import name_of
from unisono.core.values import encode
from unisono.testing import Line, ManualClock, MemoryBackend
from unisono.typed import reader


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Message(BaseModel):
    author: str
    sent_at: datetime = Field(alias="sentAt")
    likes: int = 0


@dataclass
class Point:
    x: float
    y: float
    color: Color = Color.RED


class Row(TypedDict):
    name: str
    size: int


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (Message(author="a", sentAt=NOON), {"author": "a", "sentAt": 1795435200000.0, "likes": 0}),
        (Point(1, 2.5), {"x": 1, "y": 2.5, "color": "red"}),
        ([Color.RED, Level.HIGH], ["red", 3]),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Int64(5), {"$integer": "BQAAAAAAAAA="}),
    ],
)
def test_objects_are_written_as_what_they_hold(value: Any, encoded: Any) -> None:
    """Models and dataclasses as objects, enums by value, moments in milliseconds."""
    assert encode(value) == encoded


def test_a_moment_needs_a_time_zone() -> None:
    """Else it is no moment."""
    with pytest.raises(InvalidValueError, match="time zone"):
        encode(datetime(2026, 1, 1))


@pytest.mark.parametrize("args", [[1], "x", 5, Int64(5), b"x"])
def test_arguments_are_named(args: Any) -> None:
    """A list, a text or a number is no set of arguments."""
    with pytest.raises(InvalidValueError, match="arguments are named"):
        name_of("m:f", args)


@pytest.mark.parametrize(
    ("wanted", "value", "result"),
    [
        (
            list[Message],
            [{"author": "a", "sentAt": 1795435200000.0, "likes": 2.0}],
            [Message(author="a", sentAt=NOON, likes=2)],
        ),
        (Point, {"x": 1, "y": 2}, Point(1.0, 2.0)),
        (Row, {"name": "n", "size": 3.0}, {"name": "n", "size": 3}),
        (Color, "red", Color.RED),
        (Level, 3.0, Level.HIGH),
        (int | None, None, None),
        (datetime, 1795435200000, NOON),
        (bytes, b"raw", b"raw"),
    ],
)
def test_results_become_the_type_that_was_asked_for(wanted: Any, value: Any, result: Any) -> None:
    """By the rules of pydantic, from the values of the wire."""
    assert reader("m:f", wanted)(value) == result


def test_a_result_that_does_not_fit_says_where() -> None:
    """The error names the query, the type and the place."""
    with pytest.raises(InvalidTypeError, match=r"m:f is no .*\[1\]\['author'\]") as caught:
        reader("m:f", list[Message])([{"author": "a", "sentAt": 0}, {"sentAt": 0}])

    assert caught.value.path == "m:f"


def client_of(backend: MemoryBackend) -> Client:
    return Client(backend.address, connector=backend.connect, clock=ManualClock())


async def opened(backend: MemoryBackend) -> Line:
    line = await backend.accept()
    await line.receive("ModifyQuerySet")
    return line


@pytest.mark.anyio
async def test_subscriptions_and_calls_are_typed() -> None:
    """At run time, and for type checkers."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        points = client.subscribe("m:points", Point(1, 2), type=list[Point])
        assert_type(points, Subscription[list[Point]])
        line = await opened(backend)
        assert line.frames[1]["modifications"][0]["args"] == [{"x": 1, "y": 2, "color": "red"}]
        line.transition(query_set=1, ts=1, updates={0: [{"x": 1, "y": 2}]})

        assert await anext(points) == [Point(1, 2)]
        assert_type(await client.query("m:points", Point(1, 2), type=list[Point]), list[Point])


@pytest.mark.anyio
async def test_a_view_shows_several_queries_of_one_moment() -> None:
    """It comes when all have a result, and again when one of them has changed."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        numbers = Query("m:a", type=int)
        words = Query("m:b", {"x": 1}, type=list[str])
        view = client.view(numbers, words)
        other = client.subscribe("m:other")
        line = await opened(backend)
        line.transition(query_set=2, ts=1, updates={0: 1})
        line.transition(query_set=3, ts=2, updates={1: ["x"]})
        first = await anext(view)
        assert_type(first, View[tuple[int, list[str]]])
        line.transition(ts=3, updates={0: 2, 1: ["y"]})
        second = await anext(view)
        line.transition(ts=4, updates={2: "noise"})
        line.transition(ts=5, updates={0: 3})
        third = await anext(view)

        assert (first.values, first.ts) == ((1, ["x"]), 2)
        assert (second.values, second.ts) == ((2, ["y"]), 3)
        assert (third.values, third.ts) == ((3, ["y"]), 5)
        assert await anext(other) == "noise"


@pytest.mark.anyio
async def test_a_view_raises_for_a_failed_query_and_heals() -> None:
    """It can be used on; leaving it removes its queries."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        async with client.view(Query("m:a"), Query("m:b")) as view:
            line = await opened(backend)
            line.transition(query_set=2, ts=1, updates={0: 1}, failures={1: "boom"})
            with pytest.raises(FunctionError, match="m:b failed: boom"):
                await anext(view)
            line.transition(ts=2, updates={1: 2})
            assert (await anext(view)).values == (1, 2)
        removed = [(await line.receive("ModifyQuerySet"))["modifications"][0] for _ in range(2)]

        assert [each["type"] for each in removed] == ["Remove", "Remove"]


@pytest.mark.anyio
async def test_a_view_with_one_bad_query_asks_for_none() -> None:
    """The good ones do not stay behind."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        line = await opened(backend)
        with pytest.raises(InvalidValueError):
            client.view(Query("m:a"), Query("m:b", {"x": object()}))

        assert len(line.frames) == 2


@pytest.mark.anyio
async def test_a_view_of_four_and_a_list_are_typed() -> None:
    """For those who read the code before it runs."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        one, two = Query("m:a", type=int), Query("m:b", type=str)
        view = client.view(one, two, one, two)
        pages = client.paginated("m:page", type=Message)
        line = await opened(backend)
        row = {"author": "a", "sentAt": 0}
        page = {"page": [row], "isDone": True, "continueCursor": "end"}
        line.transition(query_set=3, ts=1, updates={0: 1, 1: "x", 2: page})
        four, listed = await anext(view), await anext(pages)
        while listed.is_loading:
            listed = await anext(pages)
        assert_type(four, View[tuple[int, str, int, str]])
        assert_type(listed, Pages[Message])

        assert four.values == (1, "x", 1, "x")
        assert [each.author for each in listed.items] == ["a"]
