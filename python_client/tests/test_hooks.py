"""Hooks: whoever watches is told of everything, in order, and can do no harm."""

import logging

import anyio
import pytest

from unisono import Client, Hooks
from unisono.core.connection import ConnectionState
from unisono.core.mutations import Settle
from unisono.core.optimistic import Publish
from unisono.testing import ManualClock, MemoryBackend

pytestmark = pytest.mark.anyio


class Everything(Hooks):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def published(self, effect: Publish) -> None:
        self.told.append("published")

    def called(self, call_id: int, path: str) -> None:
        self.told.append(f"called {path}")

    def settled(self, effect: Settle) -> None:
        self.told.append(f"settled {effect.path}")

    def state_changed(self, state: ConnectionState) -> None:
        self.told.append(state.kind)

    def function_logged(self, path: str, line: str) -> None:
        self.told.append(f"{path} {line}")
        raise RuntimeError("a hook that raises harms nobody")


async def test_hooks_are_told_of_everything_in_order(caplog: pytest.LogCaptureFixture) -> None:
    """Log lines of functions go to the log as well; what a hook raises is logged."""
    backend, hooks = MemoryBackend(), Everything()
    client = Client(backend.address, connector=backend.connect, hooks=[hooks])
    with caplog.at_level(logging.INFO, "unisono.functions"):
        async with client, anyio.create_task_group() as tasks:
            values = client.subscribe("m:list")
            line = await backend.accept()
            await line.receive("ModifyQuerySet")
            line.transition(query_set=1, ts=1, updates={0: 1}, log_lines=["[LOG] hi"])
            assert await anext(values) == 1
            tasks.start_soon(client.mutation, "m:send")
            await line.receive("Mutation")
            line.send(line.voice.mutated(0, ts=1))
            line.transition()

    assert hooks.told == [
        "connecting",
        "live",
        "m:list [LOG] hi",
        "published",
        "called m:send",
        "settled m:send",
        "closed",
    ]
    assert "m:list [LOG] hi" in caplog.messages
    assert "a hook raised; the client goes on" in caplog.messages


async def test_a_fetcher_that_raises_is_logged_and_ends_in_a_state() -> None:
    """After two fetches without a token the client goes on as nobody, visibly."""
    backend = MemoryBackend()
    forced = []

    async def fetch(force: bool) -> str | None:
        forced.append(force)
        raise RuntimeError("no network")

    client = Client(backend.address, connector=backend.connect, auth=fetch)
    async with client:
        line = await backend.accept()
        first = await line.receive()
        changes = client.auth_changes()

        assert (await anext(changes)).kind == "failed"
        assert first["type"] == "Connect"
        assert forced == [False, True]


async def test_a_fetcher_that_hangs_ends_at_its_deadline() -> None:
    """The clock of the client decides, not the fetcher."""
    backend, clock = MemoryBackend(), ManualClock()

    async def fetch(force: bool) -> str | None:
        await anyio.sleep_forever()
        return None

    client = Client(backend.address, connector=backend.connect, clock=clock, auth=fetch)
    async with client:
        await backend.accept()
        await anyio.wait_all_tasks_blocked()
        clock.advance(30)
        await anyio.wait_all_tasks_blocked()
        clock.advance(29)
        await anyio.wait_all_tasks_blocked()
        assert client.auth.kind == "fetching with force"
        clock.advance(1)
        await anyio.wait_all_tasks_blocked()

        assert client.auth.kind == "failed"
