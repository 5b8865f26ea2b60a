"""The query set of one socket."""

import pytest

from unisono_mock import Backend
from unisono_mock.core.errors import ConnectionFailure, FailureKind, ProtocolError
from unisono_mock.core.messages import Add, ModifyQuerySet, Remove
from unisono_mock.core.queries import QuerySet

from .wire import Wire, add, remove


def step(base: int, new: int, *modifications: Add | Remove) -> ModifyQuerySet:
    return ModifyQuerySet(base, new, modifications)


def nothing() -> None:
    """Nobody has to hear that something is stale."""


ONE = Add(1, "tasks:list", [{}], None)


def test_a_step_builds_on_the_last_one() -> None:
    """The base must be what was accepted last; the new version may be any larger number."""
    queries = QuerySet(nothing)
    queries.modify(step(0, 7))
    with pytest.raises(ProtocolError) as failure:
        queries.modify(step(0, 1))
    assert (failure.value.rule, failure.value.code) == (
        "queries.base-version",
        "BaseVersionMismatch",
    )
    with pytest.raises(ConnectionFailure) as internal:
        queries.modify(step(7, 7))
    assert internal.value.kind is FailureKind.INTERNAL


@pytest.mark.parametrize("edits", [(ONE, ONE), (Remove(1),), (ONE, Remove(1), Remove(1))])
def test_an_id_names_one_query_at_a_time(edits: tuple[Add | Remove, ...]) -> None:
    """Twice the same id, or an id that is not there, ends the connection."""
    queries = QuerySet(nothing)
    queries.modify(step(0, 1, *edits))
    with pytest.raises(ConnectionFailure):
        queries.take_edits()


def test_ids_may_be_used_again() -> None:
    """After a Remove the id is free."""
    queries = QuerySet(nothing)
    queries.modify(step(0, 1, ONE, Remove(1), ONE))
    assert queries.take_edits() == ()
    assert list(queries.queries) == [1]


def test_steps_that_come_while_a_round_runs_are_merged(backend: Backend) -> None:
    """One transition answers them all, and its version is that of the last."""
    wire = Wire(backend, slow=True)
    for base in range(5):
        wire.modify(base, add(base, "tasks:list"))
    assert [frame["endVersion"]["querySet"] for frame in wire.take()] == [1, 2]
    wire.peer.flushed()
    (merged,) = wire.take()
    assert (merged["startVersion"]["querySet"], merged["endVersion"]["querySet"]) == (2, 5)
    assert [each["queryId"] for each in merged["modifications"]] == [2, 3, 4]


def test_an_empty_step_is_answered(wire: Wire) -> None:
    """With a version and nothing else."""
    wire.modify(0, new=3)
    (frame,) = wire.take()
    assert (frame["endVersion"]["querySet"], frame["modifications"]) == (3, [])


def test_removed_queries_are_acknowledged(wire: Wire) -> None:
    """Also one that was added in the same batch; a result that comes back wins."""
    wire.modify(0, add(0, "tasks:list"), remove(0), add(1, "tasks:list"))
    assert [each["type"] for each in wire.take()[0]["modifications"]] == [
        "QueryRemoved",
        "QueryUpdated",
    ]
    wire.modify(1, remove(1), add(1, "tasks:list", done=True))
    assert [each["type"] for each in wire.take()[0]["modifications"]] == ["QueryUpdated"]


def test_a_query_of_an_unknown_function_fails_alone(wire: Wire) -> None:
    """Function errors are results; the connection goes on."""
    wire.modify(0, add(0, "tasks:nothing"), add(1, "tasks:add"), add(2, "tasks:nonsense"))
    (frame,) = wire.take()
    texts = [each["errorMessage"].split("\n")[1] for each in frame["modifications"]]
    assert texts[0] == "Could not find public function for 'tasks:nothing'."
    assert texts[1] == ("Trying to execute tasks.js:add as Query, but it is defined as Mutation.")
    assert texts[2].startswith("Function tasks.js:nonsense return value invalid")
    assert wire.closed is None


def test_equal_queries_of_two_sockets_share_one_run(backend: Backend, wire: Wire) -> None:
    """The second subscriber gets the encoded result of the first."""
    other = Wire(backend)
    wire.modify(0, add(0, "tasks:list"))
    other.modify(0, add(7, "tasks:list"))
    wire.mutate(0, "tasks:add", text="a")

    assert other.frames[-1]["modifications"][0] == {
        **wire.frames[-1]["modifications"][0],
        "queryId": 7,
    }
    assert len(backend.results) == 1
    wire.peer.lost()
    other.peer.lost()
    assert (len(backend.results), backend.peers) == (0, {})
