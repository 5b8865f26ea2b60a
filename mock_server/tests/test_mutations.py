"""Mutations and actions of one socket."""

import asyncio
import uuid

import pytest

from unisono_mock import App, Backend, MutationContext
from unisono_mock.core.auth import ANONYMOUS
from unisono_mock.core.errors import ConnectionFailure
from unisono_mock.core.messages import decode_ts
from unisono_mock.core.mutations import (
    MAX_ACTIONS,
    MAX_WAITING,
    RETENTION_S,
    Calls,
    Completed,
    CompletedCalls,
    Outcome,
)
from unisono_mock.runtime.system import SystemClock

from .wire import Wire, add

SESSION = uuid.UUID(int=1)


def test_one_mutation_at_a_time_in_order() -> None:
    """The next one starts when the last one is done."""
    calls: Calls[int] = Calls()
    for number in range(3):
        calls.add_mutation(number)
    assert (calls.next_mutation(), calls.next_mutation()) == (0, None)
    calls.running = None
    assert calls.next_mutation() == 1


def test_a_queue_that_is_full_ends_the_connection() -> None:
    """The client comes back later, and sends again what was not answered."""
    calls: Calls[int] = Calls()
    for number in range(MAX_WAITING):
        calls.add_mutation(number)
    with pytest.raises(ConnectionFailure) as full:
        calls.add_mutation(0)
    assert (full.value.ending.code, full.value.close_reason) == (1013, "TooManyConcurrentMutations")
    for _ in range(MAX_ACTIONS):
        calls.add_action()
    with pytest.raises(ConnectionFailure) as busy:
        calls.add_action()
    assert busy.value.close_reason == "TooManyInflightActionsForSingleClient"


def test_what_was_done_is_remembered_for_two_weeks() -> None:
    """Then the memory is given back."""
    calls = CompletedCalls()
    calls.add(Completed(SESSION, 0, 0.0, Outcome(b"0")))
    calls.add(Completed(SESSION, 1, RETENTION_S, Outcome(b"1")))
    assert calls.find(SESSION, 0) == Outcome(b"0")
    calls.add(Completed(SESSION, 2, RETENTION_S + 1, Outcome(b"2")))
    assert calls.find(SESSION, 0) is None
    assert calls.find(SESSION, 1) == Outcome(b"1")
    assert calls.find(None, 1) is None


def test_commit_times_of_one_socket_grow(wire: Wire) -> None:
    """In the order of the requests."""
    for number in range(5):
        wire.mutate(number, "tasks:add", text="a")
    stamps = [decode_ts(frame["ts"]) for frame in wire.take() if "requestId" in frame]
    assert stamps == sorted(set(stamps))


def test_without_a_session_nothing_is_remembered(backend: Backend) -> None:
    """A mutation before Connect runs, and runs again."""
    wire = Wire(backend)
    wire.mutate(0, "tasks:add", text="a")
    wire.mutate(0, "tasks:add", text="a")
    assert backend.query("tasks:list") == ["a", "a"]


def test_what_waits_when_the_socket_goes_does_not_run() -> None:
    """The client sends it again on its next connection."""
    app = App()

    @app.mutation("w:slow")
    async def slow(ctx: MutationContext, n: float) -> str:
        await ctx._services.sleep(1)
        return ctx.db.insert("t", {"n": n})

    backend = Backend(app)
    wire = Wire(backend)
    wire.connect()
    wire.mutate(0, "w:slow", n=0)
    wire.mutate(1, "w:slow", n=1)
    wire.peer.lost()
    backend.advance(10)
    rows = backend.store.begin().scan("t", "by_creation_time", b"", b"\xff")
    assert [document["n"] for _, document in rows] == [0]


@pytest.mark.asyncio
async def test_serializable_under_many_races() -> None:
    """Async mutations that read, wait and write lose no update, whatever the order."""
    app = App()

    @app.mutation("c:add")
    async def increment(ctx: MutationContext) -> None:
        found = ctx.db.query("counter").first()
        await asyncio.sleep(0)
        if found is None:
            ctx.db.insert("counter", {"n": 1})
        else:
            ctx.db.patch(found["_id"], {"n": found["n"] + 1})

    clock = SystemClock()
    backend = Backend(app, clock=clock)
    reasons: list[str] = []

    async def one() -> None:
        try:
            await backend.transactions.mutation("c.js:add", [{}], ANONYMOUS)
        except ConnectionFailure as failure:
            reasons.append(failure.close_reason)

    for _ in range(20):
        await asyncio.gather(*(one() for _ in range(4)))
    done = 80 - len(reasons)
    rows = backend.store.begin().scan("counter", "by_creation_time", b"", b"\xff")
    assert [document["n"] for _, document in rows] == [done]
    assert set(reasons) <= {"OptimisticConcurrencyControlFailure"}
    assert done >= 20
    await clock.stop()


def test_a_mutation_is_answered_and_then_shown(wire: Wire) -> None:
    """Response first, then the Transition that continues the chain and covers it."""
    wire.modify(0, add(0, "tasks:list"), add(1, "tasks:list", done=True))
    (first,) = wire.take()
    wire.mutate(0, "tasks:add", text="write")

    response, transition = wire.take()
    assert (response["type"], response["success"]) == ("MutationResponse", True)
    assert transition["startVersion"] == first["endVersion"]
    assert decode_ts(transition["endVersion"]["ts"]) >= decode_ts(response["ts"])
    changed = [(each["queryId"], each["value"]) for each in transition["modifications"]]
    assert changed == [(0, ["write"])]


def test_a_failed_mutation_leaves_no_trace_and_still_brings_a_transition(wire: Wire) -> None:
    """The data of the error travels; the write does not."""
    wire.modify(0, add(0, "tasks:list"))
    wire.take()
    wire.mutate(0, "tasks:addThenFail", text="x")

    response, transition = wire.take()
    assert (response["success"], response["ts"], response["errorData"]) == (
        False,
        None,
        {"text": "x"},
    )
    assert response["result"].startswith("[Request ID: 957b057e1fc995b7] Server Error\n")
    assert transition["modifications"] == []
    assert transition["startVersion"] == transition["endVersion"]


def test_a_mutation_sent_twice_commits_once(backend: Backend, wire: Wire) -> None:
    """The second answer is the first one, timestamp and all, on any connection."""
    wire.mutate(0, "tasks:add", text="once")
    again = Wire(backend)
    again.connect()
    again.mutate(0, "tasks:add", text="once")

    assert again.frames[0] == wire.frames[0]
    assert backend.query("tasks:list") == ["once"]


def test_a_failed_mutation_sent_twice_runs_twice(backend: Backend, wire: Wire) -> None:
    """Only successes are remembered."""
    wire.mutate(0, "tasks:addThenFail", text="x")
    wire.mutate(0, "tasks:add", text="y")
    assert [frame["success"] for frame in wire.take() if "success" in frame] == [False, True]
    assert backend.query("tasks:list") == ["y"]


def test_a_sub_mutation_that_fails_is_undone_alone(backend: Backend) -> None:
    """The outer mutation catches the error and commits the rest."""
    assert backend.mutation("tasks:addSome", texts=["a", "bad", "b"]) == 1
    assert backend.query("tasks:list") == ["a", "b"]
