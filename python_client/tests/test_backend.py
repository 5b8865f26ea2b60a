"""The clients against a backend that runs functions: over HTTP, and on both loops."""

from collections.abc import Iterator
from typing import Any

import anyio.from_thread
import pytest

from unisono import Client, HttpClient, Query, Status, SyncHttpClient
from unisono_mock import App, serve

app = App()


@app.query("messages:list")
def list_messages(ctx: Any) -> list[dict[str, Any]]:
    return [{"body": each["body"]} for each in ctx.db.query("messages").collect()]


@app.query("messages:count")
def count_messages(ctx: Any) -> float:
    return float(len(ctx.db.query("messages").collect()))


@app.mutation("messages:send")
def send_message(ctx: Any, body: str) -> str:
    if body == "forbidden":
        raise ValueError(body)
    ctx.db.insert("messages", {"body": body})
    return body


@app.action("messages:echo")
async def echo(ctx: Any, value: Any) -> Any:
    return value


@pytest.fixture
def url() -> Iterator[str]:
    """A backend on a free port, in a thread of its own."""
    with anyio.from_thread.start_blocking_portal() as portal:

        async def made() -> Any:
            return serve(app, port=0)

        with portal.wrap_async_context_manager(portal.call(made)) as server:
            yield server.url


def test_one_shot_calls_against_a_backend(url: str) -> None:
    """Query, mutation, action, and several queries at one moment."""
    with SyncHttpClient(url) as client:
        client.mutation("messages:send", {"body": "http"})
        count, messages = client.queries(Query("messages:count"), Query("messages:list"))
        assert count == len(messages)
        moment = client.timestamp()
        client.mutation("messages:send", {"body": "later"})
        assert client.query("messages:count", at=moment) == count
        assert client.action("messages:echo", {"value": 5}) == 5


@pytest.mark.anyio
async def test_two_clients_see_the_same(url: str) -> None:
    """What one writes the other sees, whatever loop they run on."""
    async with (
        Client(url) as one,
        Client(url) as other,
        HttpClient(url) as plain,
        other.subscribe("messages:count") as counts,
    ):
        before = await anext(counts)
        await one.mutation("messages:send", {"body": "x"})
        assert await anext(counts) == before + 1
        await plain.mutation("messages:send", {"body": "y"})
        assert await anext(counts) == before + 2


def test_the_statuses_of_a_list_have_names() -> None:
    """As in the protocol."""
    assert [status.value for status in Status] == [
        "LoadingFirstPage",
        "LoadingMore",
        "CanLoadMore",
        "Exhausted",
    ]
