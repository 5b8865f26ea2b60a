"""One peer: the stories of the wire, without a socket."""

from typing import Any

import pytest

from unisono_mock import Backend
from unisono_mock.core.connection import identify
from unisono_mock.core.messages import decode_ts, encode_ts

from .wire import SESSION, Wire, add, remove


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


def test_removed_queries_are_acknowledged(wire: Wire) -> None:
    """Also one that was added in the same batch; a result that comes back wins."""
    wire.modify(0, add(0, "tasks:list"), remove(0), add(1, "tasks:list"))
    assert [each["type"] for each in wire.take()[0]["modifications"]] == [
        "QueryRemoved",
        "QueryUpdated",
    ]
    wire.modify(1, remove(1), add(1, "tasks:list", done=True))
    assert [each["type"] for each in wire.take()[0]["modifications"]] == ["QueryUpdated"]


@pytest.mark.parametrize(
    ("message", "code", "reason", "last"),
    [
        ({"type": "Nonsense"}, None, "", "FatalError"),
        ({"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}, None, "", "FatalError"),
        (
            {"type": "ModifyQuerySet", "baseVersion": 1, "newVersion": 2, "modifications": []},
            None,
            "",
            "FatalError",
        ),
        (
            {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 0, "modifications": []},
            1011,
            "InternalServerError",
            None,
        ),
        (
            {"type": "Authenticate", "baseVersion": 3, "tokenType": "None"},
            1011,
            "InternalServerError",
            None,
        ),
        (
            {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "x"},
            None,
            "",
            "AuthError",
        ),
        (
            {"type": "Mutation", "requestId": 0, "udfPath": "../x:f", "args": [{}]},
            None,
            "",
            "FatalError",
        ),
        ({"type": "Mutation", "requestId": -1, "udfPath": "f", "args": []}, None, "", "FatalError"),
        (
            {"type": "Connect", "sessionId": SESSION, "connectionCount": 0, "clientTs": 1.5},
            None,
            "",
            "FatalError",
        ),
        (
            {
                "type": "Connect",
                "sessionId": SESSION,
                "connectionCount": 0,
                "maxObservedTimestamp": encode_ts(2**63 - 1),
            },
            1011,
            "InternalServerError",
            None,
        ),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(
    wire: Wire, message: dict[str, Any], code: int | None, reason: str, last: str | None
) -> None:
    """The class of the fault decides the last message and the close code."""
    wire.send(**message)
    assert wire.closed is not None
    assert (wire.closed.code, wire.closed.reason) == (code, reason)
    assert [frame["type"] for frame in wire.take()] == ([last] if last else [])
    wire.modify(0)
    assert wire.take() == []


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


def test_large_transitions_come_in_pieces_to_those_who_know_them(backend: Backend) -> None:
    """The pieces, joined, are the Transition; others get it whole."""
    import json

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


def test_a_sub_mutation_that_fails_is_undone_alone(backend: Backend) -> None:
    """The outer mutation catches the error and commits the rest."""
    assert backend.mutation("tasks:addSome", texts=["a", "bad", "b"]) == 1
    assert backend.query("tasks:list") == ["a", "b"]
