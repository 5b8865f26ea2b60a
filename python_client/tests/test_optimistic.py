"""Optimistic updates: layers that come at once and go with the truth."""

from typing import Any

import pytest

from unisono import LocalStore

from .conftest import Dialogue


def subscribed(talk: Dialogue, value: Any) -> str:
    """A query on an open connection that has this value."""
    token: str = talk.tell(talk.session.subscribe, "m:n", {})
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: value})
    talk.taken()
    return token


def changing(change: Any) -> Any:
    """An update that applies a function to the query's value."""

    def update(store: LocalStore) -> None:
        old = store.get("m:n")
        if old is not None:
            store.set("m:n", {}, change(old))

    return update


def call(talk: Dialogue, update: Any) -> None:
    talk.tell(talk.session.mutate, "m:set", {}, optimistic=update)


def test_layers_are_replayed_in_the_order_of_the_calls(talk: Dialogue) -> None:
    """2, then +1 and times 2 make 6; without the first 4; without both 2."""
    token = subscribed(talk, 2)
    call(talk, changing(lambda n: n + 1))
    call(talk, changing(lambda n: n * 2))
    assert talk.value(token) == 6
    talk.hear(talk.voice.failed(0, "no"))
    assert talk.value(token) == 4
    talk.hear(talk.voice.failed(1, "no"))

    assert talk.value(token) == 2


def test_a_layer_is_published_before_the_message_is_sent(talk: Dialogue) -> None:
    """Also offline, where nothing is sent."""
    subscribed(talk, 1)
    call(talk, changing(lambda n: n + 1))
    assert talk.kinds() == ["publish", "Mutation"]
    talk.lose()
    call(talk, changing(lambda n: n + 1))

    assert talk.kinds() == ["publish"]


def test_a_layer_goes_with_the_transition_that_brings_the_truth(talk: Dialogue) -> None:
    """One publication; no state has neither the guess nor the effect."""
    token = subscribed(talk, ["a"])
    call(talk, changing(lambda items: [*items, "guess"]))
    talk.hear(talk.voice.mutated(0, ts=5))
    assert talk.value(token) == ["a", "guess"]
    talk.transition(ts=4, updates={0: ["a", "b"]})
    assert talk.value(token) == ["a", "b", "guess"]
    talk.taken()
    talk.transition(ts=5, updates={0: ["a", "b", "truth"]})

    assert talk.kinds() == ["publish", "settle"]
    assert talk.value(token) == ["a", "b", "truth"]


def test_layers_survive_a_reconnect(talk: Dialogue) -> None:
    """They lie on the new connection's results until the mutation settles."""
    token = subscribed(talk, 1)
    call(talk, changing(lambda n: n + 1))
    talk.lose()
    assert talk.value(token) == 2
    talk.advance(2)
    talk.open()
    talk.transition(query_set=1, ts=2, updates={0: 10})

    assert talk.value(token) == 11


def test_an_update_that_raises_leaves_no_trace(talk: Dialogue) -> None:
    """No layer, no change, no message, no number; other layers are unharmed."""
    token = subscribed(talk, 1)

    def breaking(store: LocalStore) -> None:
        store.set("m:n", {}, "half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(talk, breaking)
    assert talk.kinds() == []
    assert talk.value(token) == 1
    call(talk, changing(lambda n: n + 1))

    assert talk.session.calls.next_id == 1
    assert talk.value(token) == 2


def test_a_layer_that_raises_in_replay_is_dropped_alone(talk: Dialogue) -> None:
    """Its mutation settles as usual, the others stay."""
    token = subscribed(talk, 1)
    call(talk, changing(lambda n: 10 / (2 - n)))
    call(talk, changing(lambda n: n + 1))
    assert talk.value(token) == 11
    talk.transition(ts=2, updates={0: 2})
    assert talk.value(token) == 3
    talk.hear(talk.voice.mutated(0, "fine", ts=3))
    talk.transition(ts=3)

    assert "settle" in talk.kinds()


def test_a_layer_cannot_spoil_the_servers_results(talk: Dialogue) -> None:
    """What it reads is a copy."""
    token = subscribed(talk, {"rows": [1]})

    def spoiling(store: LocalStore) -> None:
        store.get("m:n")["rows"].append(2)

    call(talk, spoiling)

    assert talk.kinds() == ["Mutation"]
    assert talk.value(token) == {"rows": [1]}


def test_a_query_nobody_asked_for_can_be_set(talk: Dialogue) -> None:
    """It is readable while the layer lives, and gone afterwards."""
    subscribed(talk, 1)
    call(talk, lambda store: store.set("m:other", {"a": 1}, "mine"))
    shown = [each[0] for each in talk.session.snapshot().results.values()]
    assert shown == [1, "mine"]
    talk.hear(talk.voice.failed(0, "no"))

    assert [each[0] for each in talk.session.snapshot().results.values()] == [1]


def test_missing_results_and_errors_read_as_nothing(talk: Dialogue) -> None:
    """And a layer may set a query to loading."""
    token = subscribed(talk, 1)
    talk.transition(ts=2, failures={0: "boom"})
    seen = []

    def looking(store: LocalStore) -> None:
        seen.append((store.get("m:n"), store.get("m:other", {"x": 1}, "default")))
        store.set_loading("m:n")

    call(talk, looking)

    assert seen == [(None, "default")]
    assert talk.value(token) == "loading"


def test_all_queries_of_a_function_can_be_read(talk: Dialogue) -> None:
    """With their arguments, in any spelling of the path."""
    for page in (1, 2):
        talk.tell(talk.session.subscribe, "m:page", {"n": page})
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: "one", 1: "two"})
    seen = []
    call(talk, lambda store: seen.extend(store.all("m.js:page")))

    assert seen == [({"n": 1}, "one"), ({"n": 2}, "two")]


def test_an_unchanged_guess_is_not_published_again(talk: Dialogue) -> None:
    """A replay with the same outcome keeps the object, and its reader in peace."""
    token = subscribed(talk, ["a"])
    other = talk.tell(talk.session.subscribe, "m:other", {})
    call(talk, changing(lambda items: [*items, "guess"]))
    guess = talk.value(token)
    talk.taken()
    talk.transition(query_set=2, ts=2, updates={1: "news"})

    effect = talk.taken()[0]

    assert getattr(effect, "changed", None) == {other}
    assert talk.value(token) is guess


def test_the_end_of_the_client_takes_the_guesses_away(talk: Dialogue) -> None:
    """A closed client shows what the server said last."""
    token = subscribed(talk, 1)
    call(talk, changing(lambda n: n + 1))
    talk.tell(talk.session.close)

    assert talk.value(token) == 1
