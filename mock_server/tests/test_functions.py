"""Functions that wait, functions that call functions, functions that run later."""

from typing import Any

import pytest

from unisono_mock import (
    ActionContext,
    App,
    ApplicationError,
    Backend,
    Failed,
    MutationContext,
    QueryContext,
)

from .wire import Wire, add

app = App()


@app.query("t:list")
async def list_all(ctx: QueryContext) -> list[str]:
    return [row["text"] for row in ctx.db.query("t")]


@app.mutation("t:add")
def add_one(ctx: MutationContext, text: str) -> str:
    return ctx.db.insert("t", {"text": text})


@app.mutation("t:slowAppend")
async def slow_append(ctx: MutationContext, text: str) -> float:
    """Read, wait, write: what it read may change meanwhile."""
    count = len(await ctx.run_query(list_all))
    await ctx._services.sleep(1)
    ctx.db.insert("t", {"text": f"{count} {text}"})
    return count


@app.action("t:work")
async def work(ctx: ActionContext, text: str) -> list[str]:
    await ctx.run_mutation("t:add", text=text)
    await ctx.sleep(60)
    await ctx.run_mutation("t:add", text=text + " again")
    found: list[str] = await ctx.run_query("t:list")
    return found


@app.internal_action("t:secret")
def secret(ctx: ActionContext) -> str:
    return "secret"


@app.action("t:viaSecret")
async def via_secret(ctx: ActionContext) -> str:
    return str(await ctx.run_action(secret))


@app.mutation("t:later")
def later(ctx: MutationContext, text: str, delay: float, fail: bool = False) -> str:
    job = ctx.scheduler.run_after(delay, "t:add", text=text)
    if fail:
        raise ApplicationError("no")
    return job


@app.mutation("t:cancel")
def cancel(ctx: MutationContext, job: str) -> None:
    ctx.scheduler.cancel(job)


@app.action("t:laterFromAction")
def later_from_action(ctx: ActionContext, text: str) -> str:
    return ctx.scheduler.run_after(5, add_one, text=text)


@app.mutation("t:laterWrong")
def later_wrong(ctx: MutationContext) -> str:
    return ctx.scheduler.run_after(1, "t:add", nonsense=1)


@app.mutation("t:deep")
def deep(ctx: MutationContext) -> None:
    ctx.run_mutation("t:deep")


@pytest.fixture
def backend() -> Backend:
    return Backend(app)


def state_of(backend: Backend, job: str) -> Any:
    found = backend.store.begin().get("_scheduled_functions", job)
    return None if found is None else found["state"]


def test_an_action_waits_on_the_virtual_clock(backend: Backend) -> None:
    """Called directly, it runs to its end and the clock moves along."""
    start = backend.clock.now()
    assert backend.action("t:work", text="a") == ["a", "a again"]
    assert backend.clock.now() == start + 60


def test_actions_of_a_socket_run_while_the_rest_goes_on(backend: Backend) -> None:
    """Each nested mutation is a commit of its own, seen at once."""
    wire = Wire(backend)
    wire.connect()
    wire.modify(0, add(0, "t:list"))
    wire.act(0, "t:work", text="a")
    wire.mutate(1, "t:add", text="b")
    assert [frame["type"] for frame in wire.take()] == [
        "Transition", "Transition", "MutationResponse", "Transition",
    ]  # fmt: skip
    backend.advance(60)
    transition, response, last = wire.take()
    assert transition["modifications"][0]["value"] == ["a", "b", "a again"]
    assert (response["type"], response["result"]) == ("ActionResponse", ["a", "b", "a again"])
    assert last["modifications"] == []


def test_a_mutation_that_lost_a_race_runs_again(backend: Backend) -> None:
    """It never sees a mixture: its second run reads the new state."""
    wire = Wire(backend)
    wire.connect()
    wire.mutate(0, "t:slowAppend", text="slow")
    other = Wire(backend)
    other.mutate(0, "t:add", text="fast")
    backend.advance(1)
    assert wire.take() == []
    backend.advance(1)
    assert wire.take()[0]["result"] == 1
    assert backend.query("t:list") == ["fast", "1 slow"]


def test_mutations_of_one_socket_wait_for_each_other(backend: Backend) -> None:
    """One at a time, in order, also when the first one waits."""
    wire = Wire(backend)
    wire.connect()
    wire.mutate(0, "t:slowAppend", text="first")
    wire.mutate(1, "t:add", text="second")
    assert wire.take() == []
    backend.advance(1)
    answers = [frame["requestId"] for frame in wire.take() if "requestId" in frame]
    assert answers == [0, 1]
    assert backend.query("t:list") == ["0 first", "second"]


def test_internal_functions_are_called_by_functions_only(backend: Backend) -> None:
    """From outside they are not there."""
    assert backend.action("t:viaSecret") == "secret"
    with pytest.raises(Failed, match="Could not find public function for 't:secret'"):
        backend.action("t:secret")


def test_a_job_runs_when_its_time_has_come(backend: Backend) -> None:
    """Committed with the mutation, run once, kept with its end."""
    wire = Wire(backend)
    wire.modify(0, add(0, "t:list"))
    job = backend.mutation("t:later", text="later", delay=3600)
    assert state_of(backend, job) == {"kind": "pending"}
    backend.advance(3599)
    assert backend.query("t:list") == []
    backend.advance(1)
    assert wire.frames[-1]["modifications"][0]["value"] == ["later"]
    assert state_of(backend, job) == {"kind": "success"}


def test_what_a_failed_mutation_scheduled_never_runs(backend: Backend) -> None:
    """Scheduling is a write like any other."""
    with pytest.raises(Failed):
        backend.mutation("t:later", text="x", delay=1, fail=True)
    backend.advance(hours=1)
    assert backend.query("t:list") == []


def test_a_canceled_job_never_runs(backend: Backend) -> None:
    """And stays canceled."""
    job = backend.mutation("t:later", text="x", delay=1)
    backend.mutation("t:cancel", job=job)
    backend.advance(hours=1)
    assert backend.query("t:list") == []
    assert state_of(backend, job) == {"kind": "canceled"}
    with pytest.raises(Failed, match="Invalid scheduled function ID"):
        backend.mutation("t:cancel", job="nonsense")


def test_an_action_schedules_at_once(backend: Backend) -> None:
    """It has no transaction to wait for."""
    job = backend.action("t:laterFromAction", text="x")
    assert state_of(backend, job) == {"kind": "pending"}
    backend.advance(5)
    assert backend.query("t:list") == ["x"]


def test_a_job_that_fails_says_why(backend: Backend) -> None:
    """Its arguments are checked when it runs."""
    job = backend.mutation("t:laterWrong")
    backend.advance(2)
    state = state_of(backend, job)
    assert state["kind"] == "failed"
    assert "ArgumentValidationError" in state["error"]


def test_calls_that_never_end_are_cut_off(backend: Backend) -> None:
    """The depth of nested calls is limited."""
    with pytest.raises(Failed, match="depth limit"):
        backend.mutation("t:deep")
