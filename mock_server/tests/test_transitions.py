"""Transitions: one chain per socket, every change in it, nothing else."""

import json
from itertools import pairwise
from typing import Any

from unisono_mock import App, Backend, MutationContext, QueryContext
from unisono_mock.core.connection import identify
from unisono_mock.core.messages import decode_ts
from unisono_mock.core.transitions import Result

from .wire import Wire, add


def test_equal_errors_are_equal_whatever_their_request_id() -> None:
    """What counts is the text and the log lines, not the data."""
    first = Result.failure("boom", "", None, [], None)
    assert first.digest == Result.failure("boom", "", b"1", [], "journal").digest
    assert first.digest != Result.failure("boom", "", None, ["[LOG] 1"], None).digest
    assert first.digest != Result.success(b"boom", [], None).digest


def test_the_chain_has_no_gap_and_time_never_goes_back(backend: Backend, wire: Wire) -> None:
    """Each step starts where the last one ended, over everything that can cause a step."""
    wire.modify(0, add(0, "tasks:list"))
    for number in range(5):
        wire.mutate(2 * number, "tasks:add", text="a")
        wire.mutate(2 * number + 1, "tasks:addThenFail", text="b")
        wire.send(type="Authenticate", baseVersion=number, tokenType="None")
        backend.mutation("tasks:add", text="from elsewhere")
    steps = [frame for frame in wire.take() if frame["type"] == "Transition"]
    for before, after in pairwise(steps):
        assert after["startVersion"] == before["endVersion"]
        assert decode_ts(after["endVersion"]["ts"]) >= decode_ts(before["endVersion"]["ts"])


def test_a_write_beside_what_was_read_disturbs_nobody(backend: Backend) -> None:
    """Only the sockets whose index range was written hear of it."""
    done, open_ = Wire(backend), Wire(backend)
    done.modify(0, add(0, "tasks:list", done=True))
    open_.modify(0, add(0, "tasks:list", done=False))
    done.take(), open_.take()
    id_ = backend.mutation("tasks:add", text="a")
    assert (len(open_.take()), len(done.take())) == (1, 0)
    backend.mutation("tasks:finish", id=id_)
    assert (len(open_.take()), len(done.take())) == (1, 1)


def test_results_of_one_transition_are_of_one_moment() -> None:
    """An async query that waits sees the snapshot of its round, not the writes meanwhile."""
    app = App()

    @app.query("s:slow")
    async def slow(ctx: QueryContext) -> float:
        before = len(ctx.db.query("t").collect())
        await ctx._services.sleep(1)
        assert len(ctx.db.query("t").collect()) == before
        return before

    @app.query("s:fast")
    def fast(ctx: QueryContext) -> float:
        return len(ctx.db.query("t").collect())

    @app.mutation("s:add")
    def insert(ctx: MutationContext) -> str:
        return ctx.db.insert("t", {})

    backend = Backend(app)
    wire = Wire(backend)
    wire.modify(0, add(0, "s:slow"), add(1, "s:fast"))
    writer = Wire(backend)
    writer.mutate(0, "s:add")
    backend.advance(1)
    (first,) = wire.take()
    assert [each["value"] for each in first["modifications"]] == [0, 0]
    backend.advance(1)
    (second,) = wire.take()
    assert [each["value"] for each in second["modifications"]] == [1, 1]


def test_a_query_that_failed_heals(backend: Backend, wire: Wire) -> None:
    """What it read before it failed is what brings it back."""
    app = App()

    @app.query("h:one")
    def one(ctx: QueryContext) -> Any:
        return ctx.db.query("t").unique()

    @app.mutation("h:add")
    def insert(ctx: MutationContext) -> str:
        return ctx.db.insert("t", {})

    @app.mutation("h:delete")
    def delete(ctx: MutationContext, id: str) -> None:
        ctx.db.delete(id)

    backend = Backend(app)
    wire = Wire(backend)
    wire.modify(0, add(0, "h:one"))
    ids = [backend.mutation("h:add") for _ in range(2)]
    assert wire.frames[-1]["modifications"][0]["type"] == "QueryFailed"
    backend.mutation("h:delete", id=ids[0])
    assert wire.frames[-1]["modifications"][0]["value"]["_id"] == ids[1]


def test_the_first_transition_starts_at_zero_and_holds_every_result(wire: Wire) -> None:
    """One ModifyQuerySet, one Transition, all answers in it, sorted."""
    wire.modify(0, add(5, "tasks:list"), add(1, "tasks:list", done=True))

    (frame,) = wire.take()
    assert frame["startVersion"] == {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
    assert frame["endVersion"]["querySet"] == 1
    assert decode_ts(frame["endVersion"]["ts"]) > 0
    assert frame["modifications"] == [
        {"type": "QueryUpdated", "queryId": 1, "value": [], "logLines": [], "journal": None},
        {"type": "QueryUpdated", "queryId": 5, "value": [], "logLines": [], "journal": None},
    ]


def test_two_unsent_transitions_hold_back_the_rest(backend: Backend, wire: Wire) -> None:
    """A slow reader gets the newest state, not every state."""
    slow = Wire(backend, slow=True)
    slow.modify(0, add(0, "tasks:list"))
    for number in range(10):
        wire.mutate(number, "tasks:add", text=str(number))
    assert len(slow.take()) == 2
    slow.peer.flushed()

    (last,) = slow.take()
    assert last["modifications"][0]["value"] == [str(number) for number in range(10)]


def test_an_unchanged_result_is_not_sent_again(backend: Backend, wire: Wire) -> None:
    """The run is repeated, the result is not."""
    wire.modify(0, add(0, "tasks:log", line="hello"))
    (first,) = wire.take()
    assert first["modifications"][0]["logLines"] == ["[LOG] 'hello' 1.5"]
    wire.send(type="Authenticate", baseVersion=0, tokenType="None")

    (second,) = wire.take()
    assert second["endVersion"]["identity"] == 1
    assert second["modifications"] == []


def test_large_transitions_come_in_pieces_to_those_who_know_them(backend: Backend) -> None:
    """The pieces, joined, are the Transition; others get it whole."""
    text = "é" * 900_000
    for _ in range(3):
        backend.mutation("tasks:add", text=text[:500_000])
    wire = Wire(backend, identify("1.28.0", None))
    plain = Wire(backend)
    adds = [add(number, "tasks:list", done=False) for number in range(3)]
    wire.modify(0, *adds)
    plain.modify(0, *adds)

    frames = wire.take()
    assert {frame["type"] for frame in frames} == {"TransitionChunk"}
    assert [frame["partNumber"] for frame in frames] == list(range(frames[0]["totalParts"]))
    joined = json.loads("".join(frame["chunk"] for frame in frames))
    assert joined["modifications"] == plain.take()[0]["modifications"]
