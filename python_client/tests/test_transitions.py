"""Transitions: whole steps, in one chain, or not at all."""

import json
from typing import Any

import pytest
from pydantic_core import from_json

from unisono import RemoteProtocolError
from unisono.core import messages
from unisono.core.optimistic import Publish
from unisono.core.transitions import Results

from .conftest import Dialogue, vectors


def subscribed(talk: Dialogue, *paths: str) -> list[str]:
    """Subscriptions to these queries on an open connection."""
    tokens = [talk.tell(talk.session.subscribe, path, {}) for path in paths]
    talk.start()
    return tokens


def test_all_changes_of_a_step_are_published_at_once(talk: Dialogue) -> None:
    """One publication names every changed query and shows them together."""
    first, second = subscribed(talk, "m:a", "m:b")
    talk.transition(query_set=1, ts=1, updates={0: 1, 1: 2})
    talk.taken()
    talk.transition(ts=2, updates={0: 10, 1: 20})

    (effect,) = talk.taken()

    assert isinstance(effect, Publish)
    assert effect.changed == {first, second}
    assert effect.snapshot.ts == 2
    assert [effect.snapshot.results[token][0] for token in (first, second)] == [10, 20]


@pytest.mark.parametrize("field", ["querySet", "identity", "ts"])
def test_a_gap_is_never_applied_and_heals(talk: Dialogue, field: str) -> None:
    """All three components count; the connection is given up, and nothing was observed."""
    (token,) = subscribed(talk, "m:a")
    talk.transition(query_set=1, ts=5, updates={0: "good"})
    talk.taken()
    bad = talk.voice.transition(ts=9, updates={0: "bad"})
    bad["startVersion"][field] = "BgAAAAAAAAA=" if field == "ts" else 7
    talk.hear(bad)

    assert talk.kinds() == ["close"]
    assert talk.value(token) == "good"
    talk.advance(1.1)
    connect = talk.open()[0]
    assert connect["maxObservedTimestamp"] == messages.encode_ts(5)
    assert connect["lastCloseReason"] == "ProtocolError"


@pytest.mark.parametrize("name", ["query_set", "identity", "ts"])
def test_time_does_not_run_backwards(talk: Dialogue, name: str) -> None:
    """A step whose end is below its start in any component is no step."""
    subscribed(talk)
    talk.transition(query_set=1, identity=1, ts=1)
    talk.taken()
    talk.transition(**{name: 0})

    assert talk.kinds() == ["close"]


def test_empty_steps_are_fine(talk: Dialogue) -> None:
    """Also the one that does not move at all, twice."""
    (token,) = subscribed(talk, "m:a")
    talk.transition(query_set=1, ts=1, updates={0: 1})
    for changes in ({}, {}, {"ts": 2}, {"query_set": 5}, {"identity": 1}):
        talk.transition(**changes)
    talk.taken()
    talk.transition(ts=3, updates={0: 2})

    assert talk.kinds() == ["publish"]
    assert talk.value(token) == 2


def test_an_unchanged_result_keeps_its_object_and_is_not_published(talk: Dialogue) -> None:
    """A result that is sent again, here or after a reconnect, changes nothing."""
    (token,) = subscribed(talk, "m:a")
    talk.transition(query_set=1, ts=1, updates={0: {"rows": [1, 2]}})
    before = talk.value(token)
    talk.taken()
    talk.transition(ts=2, updates={0: {"rows": [1.0, 2]}}, log_lines=["[LOG] again"])
    talk.lose()
    talk.advance(2)
    talk.open()
    talk.transition(query_set=1, ts=3, updates={0: {"rows": [1, 2]}})

    assert "publish" not in talk.kinds()
    assert talk.value(token) is before


def test_true_is_not_one(talk: Dialogue) -> None:
    """A change that Python's == does not see is a change."""
    (token,) = subscribed(talk, "m:a")
    talk.transition(query_set=1, ts=1, updates={0: [1]})
    talk.transition(ts=2, updates={0: [True]})

    assert talk.value(token) == [True]
    assert talk.value(token)[0] is True


def test_old_results_stay_until_the_new_connection_has_answered(talk: Dialogue) -> None:
    """A step that only confirms the identity blanks nothing; then all change at once."""
    tokens = subscribed(talk, "m:a", "m:b")
    talk.transition(query_set=1, ts=1, updates={0: "a", 1: "b"})
    talk.lose()
    talk.advance(2)
    talk.open()
    talk.taken()
    talk.transition(identity=1, ts=2)
    assert [talk.value(token) for token in tokens] == ["a", "b"]
    talk.transition(query_set=1, ts=3, updates={0: "A"})

    assert talk.kinds() == ["publish"]
    assert [talk.value(token) for token in tokens] == ["A", "b"]


def test_early_results_of_a_new_connection_wait_for_the_rest(talk: Dialogue) -> None:
    """Old and new are not mixed while the set of the opening is not reached."""
    tokens = subscribed(talk, "m:a", "m:b")
    talk.transition(query_set=1, ts=1, updates={0: "a", 1: "b"})
    talk.lose()
    talk.advance(2)
    talk.open()
    talk.taken()
    talk.transition(ts=2, updates={0: "A"})
    assert [talk.value(token) for token in tokens] == ["a", "b"]
    talk.transition(query_set=1, ts=2, updates={1: "B"})

    assert talk.kinds() == ["publish"]
    assert [talk.value(token) for token in tokens] == ["A", "B"]


def test_a_query_without_a_result_is_loading(talk: Dialogue) -> None:
    """The version may go ahead; the result follows later."""
    (token,) = subscribed(talk, "m:a")
    talk.transition(query_set=1, ts=1)
    assert talk.value(token) == "loading"
    talk.transition(ts=2, updates={0: 1})

    assert talk.value(token) == 1


def test_a_failed_query_heals(talk: Dialogue) -> None:
    """The failure takes the place of the result, and the other way round."""
    (token,) = subscribed(talk, "m:a")
    talk.transition(query_set=1, ts=1, failures={0: "boom"})
    assert talk.value(token) == "boom"
    talk.transition(ts=2, updates={0: "fine"})

    assert talk.value(token) == "fine"


def test_a_broken_modification_applies_nothing(talk: Dialogue) -> None:
    """Neither do the good ones beside it."""
    (token,) = subscribed(talk, "m:a")
    bad = talk.voice.transition(query_set=1, ts=1, updates={0: 1})
    bad["modifications"].append({"type": "QueryPainted", "queryId": 1})
    talk.hear(bad)

    assert talk.kinds()[-1] == "close"
    assert talk.value(token) == "loading"


def assembled(frames: list[dict[str, Any]]) -> str | None:
    """What the client makes of these frames: a whole text, or an error."""
    results, whole = Results(), None
    for frame in frames:
        message = messages.read(json.dumps(frame))
        if isinstance(message, messages.TransitionChunk):
            whole = results.add_chunk(message)
            if whole is not None and not isinstance(messages.read(whole), messages.Transition):
                raise RemoteProtocolError("transitions.chunk-identity")
        elif not isinstance(message, messages.Ping):
            results.check_no_chunks()
    return whole


@pytest.mark.parametrize(
    "vector", vectors("chunks") + vectors("chunks", "accepted"), ids=lambda each: each["name"]
)
def test_pieces_join_to_the_text(vector: dict[str, Any]) -> None:
    """Also with a Ping in between."""
    assert from_json(assembled(vector["frames"]) or "") == from_json(vector["text"])


@pytest.mark.parametrize("vector", vectors("chunks", "refused"), ids=lambda each: each["name"])
def test_a_wrong_piece_is_refused_at_the_last_frame(vector: dict[str, Any]) -> None:
    """Everything before it was fine."""
    assembled(vector["frames"][:-1])
    with pytest.raises(RemoteProtocolError) as caught:
        assembled(vector["frames"])

    assert caught.value.rule in (vector["rule"], "messages.one-object", "transitions.unreadable")


def test_a_transition_in_pieces_is_applied(talk: Dialogue) -> None:
    """As if it had come whole; after a lost piece the connection is a new one."""
    (token,) = subscribed(talk, "m:a")
    text = json.dumps(talk.voice.transition(query_set=1, ts=1, updates={0: "whole"}))

    def piece(part: int, chunk: str) -> None:
        frame = {"type": "TransitionChunk", "chunk": chunk, "partNumber": part}
        talk.hear(frame | {"totalParts": 2, "transitionId": str(len(text))})

    piece(0, text[:50])
    talk.hear({"type": "Ping"})
    piece(1, text[50:])
    assert talk.value(token) == "whole"
    talk.taken()
    piece(0, "{")
    talk.transition(ts=2)

    assert talk.kinds() == ["close"]
