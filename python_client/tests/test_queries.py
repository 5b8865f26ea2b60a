"""The query set: sharing, numbers, net edits, journals."""

import pytest

from unisono import InvalidPathError, InvalidValueError

from .conftest import Dialogue


def test_equal_subscriptions_share_one_entry(talk: Dialogue) -> None:
    """Equal path and arguments are asked for once, whatever the spelling."""
    talk.start()
    first = talk.tell(talk.session.subscribe, "messages.js:list", {"a": 1, "b": [2, {"c": 3}]})
    second = talk.tell(talk.session.subscribe, "messages:list", {"b": [2.0, {"c": 3}], "a": 1})

    (edit,) = talk.frames()

    assert first == second
    assert edit["modifications"] == [
        {
            "type": "Add",
            "queryId": 0,
            "udfPath": "messages:list",
            "args": [{"a": 1, "b": [2, {"c": 3}]}],
        }
    ]


def test_different_arguments_are_different_queries(talk: Dialogue) -> None:
    """1, True, "1" and Int64(1) are four values."""
    talk.start()
    tokens = {
        talk.tell(talk.session.subscribe, "m:f", {"x": value}) for value in (1, True, "1", None)
    }

    assert len(tokens) == 4


def test_only_the_last_subscriber_removes(talk: Dialogue) -> None:
    """A query that comes back is another one: new number, no journal."""
    talk.start()
    token = talk.tell(talk.session.subscribe, "m:list", {})
    talk.tell(talk.session.subscribe, "m:list", {})
    talk.transition(query_set=2, ts=1, updates={0: 1}, journals={0: "old"})
    talk.tell(talk.session.unsubscribe, token)
    talk.frames()
    talk.tell(talk.session.unsubscribe, token)
    talk.tell(talk.session.subscribe, "m:list", {})

    removed, added = talk.frames()

    assert (removed["baseVersion"], removed["newVersion"]) == (2, 3)
    assert removed["modifications"] == [{"type": "Remove", "queryId": 0}]
    assert added["modifications"][0]["queryId"] == 1
    assert "journal" not in added["modifications"][0]
    assert talk.value(token) == "loading"


def test_a_new_connection_asks_for_the_net_set_once(talk: Dialogue) -> None:
    """What came and went while offline is not mentioned; ids and journals survive."""
    kept = talk.tell(talk.session.subscribe, "m:kept", {})
    gone = talk.tell(talk.session.subscribe, "m:gone", {})
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: 1, 1: 1}, journals={0: "j"})
    talk.lose()
    talk.tell(talk.session.unsubscribe, gone)
    brief = talk.tell(talk.session.subscribe, "m:brief", {})
    talk.tell(talk.session.unsubscribe, brief)
    talk.tell(talk.session.subscribe, "m:new", {})
    talk.advance(2)

    connect, edit = talk.open()

    assert connect["type"] == "Connect"
    assert (edit["baseVersion"], edit["newVersion"]) == (0, 1)
    assert edit["modifications"] == [
        {"type": "Add", "queryId": 0, "udfPath": "m:kept", "args": [{}], "journal": "j"},
        {"type": "Add", "queryId": 3, "udfPath": "m:new", "args": [{}]},
    ]
    assert talk.value(kept) == 1


def test_the_journal_of_a_failure_is_kept_too(talk: Dialogue) -> None:
    """Also null, which is told as null."""
    talk.tell(talk.session.subscribe, "m:list", {})
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: 1}, journals={0: "first"})
    talk.transition(ts=2, failures={0: "boom"})
    talk.lose()
    talk.advance(2)

    edit = talk.open()[1]

    assert edit["modifications"][0]["journal"] is None


def test_a_result_for_nobody_is_ignored(talk: Dialogue) -> None:
    """A Remove crosses with an update; the version is adopted all the same."""
    talk.start()
    token = talk.tell(talk.session.subscribe, "m:list", {})
    talk.tell(talk.session.unsubscribe, token)
    talk.frames()
    talk.transition(query_set=2, ts=1, updates={0: "late"})
    talk.transition(query_set=3, ts=2, removed=[0])

    assert talk.kinds() == []
    assert talk.session.snapshot().results == {}


def test_a_wrong_subscription_uses_no_number(talk: Dialogue) -> None:
    """The next good one gets the number 0."""
    talk.start()
    with pytest.raises(InvalidPathError):
        talk.tell(talk.session.subscribe, "no path!", {})
    with pytest.raises(InvalidValueError):
        talk.tell(talk.session.subscribe, "m:list", {"a": object()})
    talk.tell(talk.session.subscribe, "m:list", {})

    (edit,) = talk.frames()

    assert (edit["baseVersion"], edit["modifications"][0]["queryId"]) == (0 + 1, 0)
