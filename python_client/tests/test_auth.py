"""Auth: a total table, and every way in which a token can come, go, or fail to."""

import base64
import json
from typing import Any

import pytest

from unisono.core.auth import FETCHES, TRANSITIONS, Auth, Event, Identity, State, refresh_delay_s
from unisono.core.connection import Send
from unisono.core.session import Options
from unisono.testing import Frame

from .conftest import Dialogue, vectors

USER_EVENTS = {Event.SET_FETCHER, Event.SET_TOKEN, Event.SET_ADMIN, Event.CLEAR}
SERVER_EVENTS = {Event.CONFIRMED, Event.REFUSED, Event.REFUSED_FOR_GOOD}
ANSWERS = {Event.TOKEN, Event.NOTHING}


def jwt(issued: int, expires: int, name: str = "") -> str:
    """A token whose signature nobody looks at."""
    claims = json.dumps({"iat": issued, "exp": expires, "name": name}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.sig"


def refuse(base: int = 0, attempted: bool | None = True) -> Frame:
    frame = {"type": "AuthError", "error": "refused", "baseVersion": base}
    return frame if attempted is None else frame | {"authUpdateAttempted": attempted}


def test_the_table_has_no_holes() -> None:
    """The user may do anything anywhere; a fetch may end in any way; a server may say
    anything where it can hear us."""
    for state, cells in TRANSITIONS.items():
        assert cells.keys() >= USER_EVENTS, state
        if state in FETCHES:
            assert cells.keys() >= ANSWERS, state
        if state not in (State.EXPECTING, State.REPLACING):
            assert cells.keys() >= SERVER_EVENTS, state
        if FETCHES.get(state):
            assert Event.SAME in cells, state
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("vector", vectors("refresh"))
def test_the_refresh_is_planned_by_the_claims(vector: dict[str, Any]) -> None:
    """The difference of the claims, less the leeway, between 0 and 20 days."""
    auth = Auth(False, 30.0, vector["leeway_s"])
    auth.set_fetcher(0)
    auth.fetched(1, None, 0)
    auth.fetched(2, vector["token"], 0)
    auth.opened()
    auth.message()
    auth.moved(1, None, 100.0)

    delay = vector["delay_ms"]
    assert auth.deadline == (None if delay is None else 100.0 + delay / 1000)


def test_a_life_too_short_is_never_refreshed() -> None:
    """A client would do nothing else."""
    assert refresh_delay_s(0, 2, 10) is None
    assert refresh_delay_s(0, 3, 10) == 0


def test_tokens_are_not_in_any_repr() -> None:
    """A token in a log is a token given away."""
    assert "secret" not in repr(Identity("User", "secret", {"name": "secret"}))


def signed_in(talk: Dialogue, token: str = "A") -> None:
    """A fetcher's first token, confirmed."""
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, token)
    talk.transition(query_set=1, identity=1, ts=1)


def test_nothing_is_said_before_the_first_token(talk: Dialogue) -> None:
    """Then who we are comes before what we want."""
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.subscribe, "m:mine", {})
    talk.tell(talk.session.mutate, "m:send", {})
    assert talk.kinds() == ["fetch 1 cached"]
    assert talk.start() == []
    talk.tell(talk.session.token, 1, "A")

    connect, authenticate, edit, call = talk.frames()

    assert connect["type"] == "Connect"
    assert authenticate == {
        "type": "Authenticate",
        "baseVersion": 0,
        "tokenType": "User",
        "value": "A",
    }
    assert (edit["type"], call["type"]) == ("ModifyQuerySet", "Mutation")
    talk.transition(identity=1, ts=1)
    assert talk.kinds() == ["authenticated"]


def test_a_new_user_on_an_open_connection_pauses_it(talk: Dialogue) -> None:
    """What happens meanwhile goes out after the Authenticate, as net edits."""
    signed_in(talk)
    kept = talk.tell(talk.session.subscribe, "m:old", {})
    talk.frames()
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.unsubscribe, kept)
    brief = talk.tell(talk.session.subscribe, "m:brief", {})
    talk.tell(talk.session.unsubscribe, brief)
    talk.tell(talk.session.subscribe, "m:new", {})
    talk.tell(talk.session.act, "m:act", {})
    assert talk.kinds() == ["fetch 2 cached"]
    talk.tell(talk.session.token, 2, "B")

    authenticate, edit, action = talk.frames()

    assert (authenticate["baseVersion"], authenticate["value"]) == (1, "B")
    assert [each["type"] for each in edit["modifications"]] == ["Remove", "Add"]
    assert (edit["baseVersion"], action["type"]) == (2, "Action")


@pytest.mark.parametrize("ending", ["null", "rejects", "hangs"])
def test_every_end_of_the_fetches_is_an_end(talk: Dialogue, ending: str) -> None:
    """After a cached and a forced fetch without a token the client goes on as nobody."""
    talk.tell(talk.session.set_auth)
    talk.start()
    for number, kind in ((1, "cached"), (2, "forced")):
        assert talk.session.auth.is_blocking, kind
        match ending:
            case "null":
                talk.tell(talk.session.token, number, None)
            case "rejects":
                talk.tell(talk.session.token_failed, number)
            case "hangs":
                talk.hear({"type": "Ping"})
                talk.advance(30)
    words = talk.kinds()

    assert words == ["fetch 2 forced", "nobody", "Connect", "ModifyQuerySet"]
    assert talk.session.auth.state is State.FAILED


def test_a_late_token_is_ignored(talk: Dialogue) -> None:
    """Only the newest fetch counts, and none after the user has signed out."""
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, "late")
    assert talk.frames() == []
    talk.tell(talk.session.clear_auth)
    assert [each["type"] for each in talk.frames()] == ["Connect", "ModifyQuerySet"]
    talk.tell(talk.session.token, 2, "later")

    assert talk.frames() == []


def test_a_token_is_refreshed_before_it_expires(talk: Dialogue) -> None:
    """With force, under the old token, and with no word to the user."""
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, None)
    talk.tell(talk.session.token, 2, jwt(0, 100))
    talk.transition(query_set=1, identity=1, ts=1)
    talk.taken()
    talk.advance(50)
    talk.hear({"type": "Ping"})
    talk.advance(39)
    assert talk.kinds() == []
    talk.advance(1)
    talk.tell(talk.session.mutate, "m:send", {})
    assert talk.kinds() == ["fetch 3 forced", "Mutation"]
    talk.tell(talk.session.token, 3, jwt(100, 200))
    (authenticate,) = talk.frames()
    talk.transition(identity=2)

    assert authenticate["baseVersion"] == 1
    assert talk.kinds() == []
    assert talk.session.auth.deadline == talk.now + 90


def test_a_cached_token_is_refreshed_by_the_servers_clock(talk: Dialogue) -> None:
    """Its life began before we had it; our own clock may be wrong by an hour."""
    talk.now = 3600 + 1000
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, jwt(900, 1100))
    talk.transition(query_set=1, identity=1, ts=1, skew_ms=3_600_000)

    assert talk.session.auth.deadline == talk.now + 90


def test_the_same_token_again_is_not_sent_again(talk: Dialogue) -> None:
    """The fetcher has nothing newer, so the clock does not ask a third time."""
    token = jwt(0, 100)
    signed_in(talk, token)
    talk.taken()
    talk.advance(59)
    talk.hear({"type": "Ping"})
    talk.advance(31)
    assert talk.kinds() == ["fetch 2 forced"]
    talk.tell(talk.session.token, 2, token)

    assert talk.kinds() == []
    assert talk.session.auth.state is State.VALID
    assert talk.session.auth.deadline is None


def test_a_refresh_that_finds_nothing_signs_out(talk: Dialogue) -> None:
    """The server is told, for else it would go on answering as the user who has left."""
    signed_in(talk, jwt(0, 50))
    talk.advance(40)
    talk.taken()
    talk.tell(talk.session.token, 2, None)

    frames = [each for each in talk.effects if isinstance(each, Send) and "None" in each.text]

    assert talk.kinds() == ["nobody", "Authenticate"]
    assert len(frames) == 1
    assert talk.session.auth.state is State.FAILED


def test_a_refused_token_is_replaced_on_a_new_connection(talk: Dialogue) -> None:
    """Closed, fetched with force, opened again without delay; calls wait meanwhile."""
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, "A")
    talk.taken()
    talk.hear(refuse())
    assert talk.kinds() == ["close", "fetch 2 forced"]
    assert talk.session.state.kind == "authenticating"
    talk.tell(talk.session.mutate, "m:send", {})
    talk.tell(talk.session.token, 2, "B")
    assert talk.kinds() == ["open"]

    connect, authenticate, _, call = talk.open()

    assert connect["lastCloseReason"] is None
    assert (authenticate["baseVersion"], authenticate["value"]) == (0, "B")
    assert call["type"] == "Mutation"


def test_four_tokens_are_tried_and_no_fifth(talk: Dialogue) -> None:
    """Cached, and three with force; then nobody, said once, and a backoff like any other."""
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, "token 1")
    sent = [talk.frames()[1]["value"]]
    for number in (2, 3, 4):
        talk.hear(refuse())
        talk.tell(talk.session.token, number, f"token {number}")
        sent.append(talk.open()[1]["value"])
    talk.hear(refuse())

    assert sent == ["token 1", "token 2", "token 3", "token 4"]
    assert talk.kinds() == ["nobody"]
    talk.lose(1005)
    talk.advance(0.5)
    assert talk.kinds() == []
    talk.advance(1)
    assert [each["type"] for each in talk.open()] == ["Connect", "ModifyQuerySet"]


@pytest.mark.parametrize("answer", [None, "A"])
def test_a_refused_token_without_a_successor_fails(talk: Dialogue, answer: str | None) -> None:
    """Nothing, or the very token that was refused: the same."""
    signed_in(talk)
    talk.taken()
    talk.hear(refuse(base=1, attempted=False))
    talk.tell(talk.session.token, 2, answer)

    assert talk.kinds() == ["close", "fetch 2 forced", "nobody", "open"]
    assert [each["type"] for each in talk.open()] == ["Connect", "ModifyQuerySet"]


def test_a_fetch_that_hangs_after_a_refusal_ends(talk: Dialogue) -> None:
    """The connection does not stay closed for ever."""
    signed_in(talk)
    talk.hear(refuse(base=1, attempted=None))
    talk.taken()
    talk.advance(30)

    assert talk.kinds() == ["nobody", "open"]


def test_an_error_about_an_older_token_is_left_alone(talk: Dialogue) -> None:
    """The server closes anyway, and the next opening brings the newest."""
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, "A")
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.token, 2, "B")
    talk.taken()
    talk.hear(refuse(base=0))
    assert talk.kinds() == []
    talk.lose(1005)
    talk.advance(2)

    authenticate = talk.open()[1]

    assert (authenticate["baseVersion"], authenticate["value"]) == (0, "B")


def test_an_expiry_while_a_fresh_token_is_on_its_way_is_left_alone(talk: Dialogue) -> None:
    """It speaks of the token before."""
    signed_in(talk)
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.token, 2, "B")
    talk.taken()
    talk.hear(refuse(base=1, attempted=False))

    assert talk.kinds() == []


def test_an_expiry_that_is_said_twice_of_the_only_token_is_believed(talk: Dialogue) -> None:
    """A server that never says `attempted` cannot keep a client in a loop."""
    talk.tell(talk.session.set_auth)
    talk.start()
    talk.tell(talk.session.token, 1, "A")
    talk.taken()
    talk.hear(refuse(base=0, attempted=False))
    assert talk.kinds() == []
    talk.lose(1005)
    talk.advance(2)
    talk.open()
    talk.hear(refuse(base=0, attempted=False))

    assert talk.kinds() == ["close", "fetch 2 forced"]


def test_a_refusal_during_a_refresh_waits_for_that_refresh(talk: Dialogue) -> None:
    """One fetch with force is enough."""
    signed_in(talk, jwt(0, 50))
    talk.advance(40)
    talk.taken()
    talk.hear(refuse(base=1, attempted=False))
    assert talk.kinds() == ["close"]
    talk.tell(talk.session.token, 2, "B")

    assert talk.kinds() == ["open"]


def test_signing_out_tells_the_server(talk: Dialogue) -> None:
    """On the open connection, with the next base version; nothing comes back by itself."""
    signed_in(talk, jwt(0, 100))
    talk.taken()
    talk.tell(talk.session.clear_auth)

    words = talk.kinds()

    assert words == ["nobody", "Authenticate"]
    assert talk.session.auth.deadline is None
    assert talk.session.auth.state is State.NOBODY


def test_signing_out_while_paused_tells_the_server(talk: Dialogue) -> None:
    """A fetch that finds nobody after somebody was signed in ends in None on the wire."""
    signed_in(talk)
    talk.tell(talk.session.set_auth)
    talk.taken()
    talk.tell(talk.session.token, 2, None)
    talk.tell(talk.session.token, 3, None)

    assert talk.kinds() == ["fetch 3 forced", "nobody", "Authenticate"]


def test_a_static_token_is_not_fetched_again(talk: Dialogue) -> None:
    """Refused once, it is refused for good."""
    talk.tell(talk.session.set_auth, token="A")
    frames = talk.start()
    talk.hear(refuse())

    assert frames[1]["value"] == "A"
    assert talk.kinds() == ["nobody"]


def test_an_administrator_is_neither_fetched_nor_refreshed(talk: Dialogue) -> None:
    """The key goes out at once, with whom to act as."""
    talk.start()
    talk.tell(talk.session.set_admin, "key", {"issuer": "i", "subject": "s"})
    (frame,) = talk.frames()
    talk.transition(query_set=1, identity=1, ts=1)

    assert (frame["tokenType"], frame["value"]) == ("Admin", "key")
    assert frame["impersonating"] == {"issuer": "i", "subject": "s"}
    assert talk.kinds() == ["authenticated"]
    assert talk.session.auth.deadline is None


def test_the_token_is_sent_again_on_each_connection() -> None:
    """With base version 0; the failures count until it is confirmed."""
    talk = Dialogue(Options(expect_auth=True))
    assert talk.start() == []
    talk.tell(talk.session.set_auth, token="A")
    assert [each["type"] for each in talk.frames()] == ["Connect", "Authenticate", "ModifyQuerySet"]
    talk.transition(query_set=1, identity=1, ts=1)
    talk.lose()
    talk.advance(2)
    authenticate = talk.open()[1]
    talk.transition(query_set=1, ts=1)
    assert talk.session.state.failures == 1
    talk.transition(identity=1)

    assert (authenticate["baseVersion"], authenticate["value"]) == (0, "A")
    assert talk.session.state.failures == 0


def test_a_resumed_client_waits_for_its_token(talk: Dialogue) -> None:
    """Each of the two pauses holds for itself."""
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.pause)
    talk.start()
    talk.tell(talk.session.resume)
    assert talk.frames() == []
    talk.tell(talk.session.pause)
    talk.tell(talk.session.token, 1, "A")
    assert talk.frames() == []
    talk.tell(talk.session.resume)

    assert talk.frames()[1]["value"] == "A"
