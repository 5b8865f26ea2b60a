"""One peer: where the parts meet."""

import pytest

from unisono_mock import App, Backend, MutationContext, QueryContext, Schema, table

from .wire import SESSION, Wire, add


def test_messages_may_come_in_any_order(backend: Backend) -> None:
    """A peer that never says who it is is served all the same."""
    wire = Wire(backend)
    wire.modify(0, add(0, "tasks:list"))
    wire.mutate(0, "tasks:add", text="a")
    wire.connect(clientTs=0)
    wire.send(type="Event", eventType="Unknown", event={})
    wire.mutate(1, "tasks:add", text="b")
    assert wire.frames[0]["clientClockSkew"] is None
    assert wire.frames[-1]["clientClockSkew"] == -round(backend.clock.now() * 1000)


def test_authentication_and_queries_make_two_transitions(wire: Wire) -> None:
    """A transition starts after each message, before the next one is looked at."""
    wire.send(type="Authenticate", baseVersion=0, tokenType="None")
    wire.modify(0, add(0, "tasks:list"))
    ends = [(f["endVersion"]["identity"], f["endVersion"]["querySet"]) for f in wire.take()]
    assert ends == [(1, 0), (1, 1)]


def test_two_sockets_of_one_session_are_two_peers(backend: Backend, wire: Wire) -> None:
    """Only the memory of what was done is shared."""
    other = Wire(backend)
    other.connect(SESSION)
    wire.modify(0, add(0, "tasks:list"))
    other.modify(0, add(0, "tasks:list"))
    other.peer.lost()
    wire.mutate(0, "tasks:add", text="a")
    assert wire.frames[-1]["modifications"][0]["value"] == ["a"]


def test_nothing_is_said_to_a_socket_that_is_gone(backend: Backend, wire: Wire) -> None:
    """And nothing of it is kept."""
    wire.modify(0, add(0, "tasks:list"))
    wire.take()
    wire.peer.lost()
    backend.mutation("tasks:add", text="a")
    wire.modify(1)
    assert wire.take() == []
    assert (len(backend.results), backend.sessions) == (0, [])


@pytest.mark.parametrize("sockets", [50])
def test_a_commit_reaches_everybody_who_shows_it(backend: Backend, sockets: int) -> None:
    """Each with its own ids and versions, all with the same result."""
    wires = [Wire(backend) for _ in range(sockets)]
    for number, wire in enumerate(wires):
        wire.modify(0, add(number, "tasks:list"))
        wire.take()
    wires[0].connect()
    wires[0].mutate(0, "tasks:add", text="a")
    for number, wire in enumerate(wires):
        (changed,) = wire.frames[-1]["modifications"]
        assert (changed["queryId"], changed["value"]) == (number, ["a"])
    assert len(backend.results) == 1


def test_a_fault_of_ours_costs_one_socket_only(backend: Backend, wire: Wire) -> None:
    """Whoever meets it is closed and comes back; the mutation of the other is answered."""
    unlucky = Wire(backend)
    unlucky.modify(0, add(0, "tasks:list"))
    unlucky.take()

    # Nobody there to ask who it is: the next transition raises.
    unlucky.peer.session.authentication = None  # type: ignore[assignment]
    wire.mutate(0, "tasks:add", text="a")
    assert [frame["type"] for frame in wire.take()] == ["MutationResponse", "Transition"]
    assert unlucky.closed is not None
    assert unlucky.closed.code == 1011


def test_a_commit_between_the_start_of_a_round_and_its_run_is_in_it_whole() -> None:
    """Two mutations in a row: the first makes one query stale, the second another one."""
    app = App(schema=Schema(rows=table(key=str).index("by_key", "key")))

    @app.mutation("rows:add")
    def insert(ctx: MutationContext, key: str) -> None:
        ctx.db.insert("rows", {"key": key})

    @app.mutation("rows:addSlowly")
    async def insert_slowly(ctx: MutationContext, key: str) -> None:
        await ctx._services.sleep(1)
        ctx.db.insert("rows", {"key": key})

    @app.query("rows:count")
    def count(ctx: QueryContext, key: str) -> int:
        return sum(1 for _ in ctx.db.query("rows").with_index("by_key", key=key))

    backend = Backend(app)
    wire = Wire(backend)
    wire.modify(0, add(0, "rows:count", key="a"), add(1, "rows:count", key="b"))
    wire.mutate(0, "rows:addSlowly", key="a")
    wire.mutate(1, "rows:add", key="b")
    backend.advance(2)

    steps = [frame["modifications"] for frame in wire.frames if frame["type"] == "Transition"]
    shown = [[(each["queryId"], each["value"]) for each in step] for step in steps if step]
    assert shown == [[(0, 0), (1, 0)], [(0, 1), (1, 1)]]
