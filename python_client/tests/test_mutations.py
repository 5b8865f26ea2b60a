"""Calls: their order, their replay, and when they settle."""

from typing import Any

import pytest

from unisono import CallLostError, ClientClosedError, ServerRefusedError
from unisono.core.messages import Success
from unisono.core.mutations import Settle

from .conftest import Dialogue


def settled(talk: Dialogue) -> dict[int, Any]:
    """The calls that have settled since the last look."""
    return {each.call_id: each.outcome for each in talk.taken() if isinstance(each, Settle)}


def test_a_success_settles_at_the_covering_transition(talk: Dialogue) -> None:
    """Not at the response, not at an earlier Transition, and after the publication."""
    talk.tell(talk.session.subscribe, "m:list", {})
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: []})
    talk.tell(talk.session.mutate, "m:send", {})
    talk.taken()
    talk.hear(talk.voice.mutated(0, "done", ts=5))
    talk.transition(ts=4, updates={0: ["other"]})
    assert talk.kinds() == ["publish"]
    talk.transition(ts=5, updates={0: ["other", "mine"]})

    assert talk.kinds() == ["publish", "settle"]


def test_a_late_response_waits_for_one_more_transition(talk: Dialogue) -> None:
    """A Transition that came before the response settles nothing, whatever its ts."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.transition(query_set=1, ts=9)
    talk.hear(talk.voice.mutated(0, "done", ts=5))
    assert settled(talk) == {}
    talk.transition()

    assert settled(talk) == {0: Success("done")}


def test_failures_and_actions_settle_at_once(talk: Dialogue) -> None:
    """A response to them is final."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.tell(talk.session.act, "m:act", {})
    talk.hear(talk.voice.failed(0, "boom"))
    talk.hear(talk.voice.acted(1, 7))

    assert settled(talk) == {0: settled_failure("boom"), 1: Success(7)}


def settled_failure(message: str) -> Any:
    from unisono.core.messages import Failure

    return Failure(message)


def test_answers_that_nobody_waits_for_are_ignored(talk: Dialogue) -> None:
    """Unknown numbers, second answers, and answers of the wrong kind."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.hear(talk.voice.mutated(7, ts=1))
    talk.hear(talk.voice.acted(0, "wrong kind"))
    talk.hear(talk.voice.mutated(0, "first", ts=1))
    talk.hear(talk.voice.mutated(0, "second", ts=1))
    talk.hear(talk.voice.failed(0, "third"))
    talk.transition(query_set=1, ts=1)

    assert settled(talk) == {0: Success("first")}


def test_each_call_is_treated_by_how_far_it_came(talk: Dialogue) -> None:
    """Sent and completed mutations again, in order; sent actions lost; unsent calls sent."""
    talk.start()
    for call in ("mutate", "act", "mutate"):
        talk.tell(getattr(talk.session, call), f"m:{call}", {})
    talk.hear(talk.voice.mutated(2, "seen", ts=9))
    talk.taken()
    talk.lose()
    assert [type(each) for each in settled(talk).values()] == [CallLostError]
    talk.tell(talk.session.act, "m:later", {})
    talk.advance(2)

    frames = talk.open()[2:]

    assert [(each["type"], each["requestId"]) for each in frames] == [
        ("Mutation", 0),
        ("Mutation", 2),
        ("Action", 3),
    ]
    talk.transition(query_set=1, ts=9)
    assert settled(talk) == {2: Success("seen")}


def test_a_replayed_mutation_does_not_settle_before_its_effect_is_visible(
    talk: Dialogue,
) -> None:
    """A step that only confirms the identity shows old results; the call waits."""
    token = talk.tell(talk.session.subscribe, "m:list", {})
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: []})
    talk.tell(talk.session.mutate, "m:send", {})
    talk.hear(talk.voice.mutated(0, ts=5))
    talk.lose()
    talk.advance(2)
    talk.open()
    talk.transition(identity=1, ts=6)
    assert settled(talk) == {}
    talk.transition(query_set=1, updates={0: ["mine"]})

    assert talk.kinds() == ["publish", "settle"]
    assert talk.value(token) == ["mine"]


def test_calls_made_offline_wait_in_order(talk: Dialogue) -> None:
    """They are sent once, after the query set."""
    for number in range(3):
        talk.tell(talk.session.mutate, "m:send", {"n": number})

    frames = talk.start()

    assert [each["type"] for each in frames] == ["Connect", "ModifyQuerySet"] + ["Mutation"] * 3
    assert [each["args"][0]["n"] for each in frames[2:]] == [0, 1, 2]
    assert talk.frames() == []


def test_the_response_raises_what_was_observed(talk: Dialogue) -> None:
    """The next server must know a history that includes the commit."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.hear(talk.voice.mutated(0, ts=1000))
    talk.lose()
    talk.advance(2)

    assert talk.open()[0]["maxObservedTimestamp"] == "6AMAAAAAAAA="


@pytest.mark.parametrize("ending", ["close", "fatal"])
def test_nobody_waits_for_ever(talk: Dialogue, ending: str) -> None:
    """Every pending call is settled when the client ends, sent or not."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.hear(talk.voice.mutated(0, ts=5))
    talk.tell(talk.session.mutate, "m:send", {})
    talk.taken()
    if ending == "close":
        talk.tell(talk.session.close)
    else:
        talk.hear({"type": "FatalError", "error": "bad"})
    error = ClientClosedError if ending == "close" else ServerRefusedError

    outcomes = settled(talk)

    assert [type(each) for each in outcomes.values()] == [error, error]
    with pytest.raises(error):
        talk.tell(talk.session.mutate, "m:send", {})


def test_calls_in_flight_are_counted_until_they_settle(talk: Dialogue) -> None:
    """Also those whose response has come."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.now += 5
    talk.tell(talk.session.act, "m:act", {})
    talk.hear(talk.voice.mutated(0, ts=5))
    calls = talk.session.calls

    assert (calls.count("Mutation"), calls.count("Action")) == (1, 1)
    assert calls.oldest_called_at == 1000.0
    talk.transition(query_set=1, ts=5)
    assert (calls.count("Mutation"), calls.oldest_called_at) == (0, 1005.0)
