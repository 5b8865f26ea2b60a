"""The session: where the parts meet, and in which order things happen."""

import pytest

from unisono.core.connection import StateChanged
from unisono.core.transitions import Log

from .conftest import SESSION_ID, Dialogue


def test_the_opening_has_one_order(talk: Dialogue) -> None:
    """Who calls, on whose behalf, what for, and what is still to be done."""
    talk.tell(talk.session.set_auth, token="A")
    talk.tell(talk.session.subscribe, "m:list", {})
    talk.tell(talk.session.mutate, "m:send", {})

    frames = talk.start()

    assert [each["type"] for each in frames] == [
        "Connect",
        "Authenticate",
        "ModifyQuerySet",
        "Mutation",
    ]
    assert frames[0] == {
        "type": "Connect",
        "sessionId": SESSION_ID,
        "connectionCount": 0,
        "lastCloseReason": "InitialConnect",
        "clientTs": 1_000_000,
    }


def test_an_empty_set_is_asked_for_too(talk: Dialogue) -> None:
    """Its Transition is the first proof that the server is well."""
    edit = talk.start()[1]

    assert (edit["baseVersion"], edit["newVersion"], edit["modifications"]) == (0, 1, [])


def test_one_session_id_for_all_connections(talk: Dialogue) -> None:
    """A new one would make repeated mutations new ones."""
    ids = {talk.start()[0]["sessionId"]}
    for _ in range(3):
        talk.lose()
        talk.advance(24)
        ids.add(talk.open()[0]["sessionId"])

    assert ids == {SESSION_ID}


def test_unknown_messages_change_nothing(talk: Dialogue) -> None:
    """A newer server may say more than we know."""
    talk.start()
    talk.hear({"type": "Weather", "sun": True})

    assert talk.kinds() == []
    assert talk.session.state.is_connected


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type":"Transition"}'])
def test_unreadable_messages_end_the_connection(talk: Dialogue, text: str) -> None:
    """With backoff: a server that talks nonsense is not hammered."""
    talk.start()
    talk.hear(text)

    assert talk.kinds() == ["close"]
    assert talk.session.state.kind == "waiting"


def test_log_lines_name_their_function(talk: Dialogue) -> None:
    """Of queries with their result, of calls with their response, once."""
    talk.tell(talk.session.subscribe, "m:list", {})
    talk.start()
    talk.tell(talk.session.mutate, "m.js:send", {})
    talk.taken()
    talk.hear(talk.voice.transition(query_set=1, ts=1, updates={0: 1}, log_lines=["[LOG] q"]))
    answer = talk.voice.mutated(0, ts=1) | {"logLines": ["[WARN] m"]}
    talk.hear(answer)
    talk.hear(answer)

    lines = [(each.path, each.text) for each in talk.effects if isinstance(each, Log)]

    assert lines == [("m:list", "[LOG] q"), ("m.js:send", "[WARN] m")]


def test_the_state_is_told_once_for_each_change(talk: Dialogue) -> None:
    """connecting, live, waiting, connecting, live, closed."""
    talk.start()
    talk.hear({"type": "Ping"})
    talk.taken()
    talk.lose()
    talk.advance(2)
    talk.tell(talk.session.opened)
    talk.tell(talk.session.close)
    states = [each.state.kind for each in talk.effects if isinstance(each, StateChanged)]

    assert states == ["waiting", "connecting", "live", "closed"]


def test_everything_after_the_end_is_quiet(talk: Dialogue) -> None:
    """Ticks, tokens, wishes and a second close find nothing to do."""
    talk.start()
    talk.tell(talk.session.close)
    talk.taken()
    talk.tell(talk.session.close)
    talk.tell(talk.session.pause)
    talk.tell(talk.session.resume)
    talk.tell(talk.session.reconnect_now)
    talk.advance(1000)
    talk.lose()
    talk.hear({"type": "Ping"})

    assert talk.kinds() == []
    assert talk.session.next_deadline() is None
