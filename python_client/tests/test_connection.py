"""The connection: delays, deadlines, addresses, and a table without holes."""

from typing import Any

import pytest

from unisono import InvalidUrlError
from unisono.core.connection import TRANSITIONS, Event, State, backoff_s, http_url, sync_url
from unisono.core.session import Options

from .conftest import Dialogue, vectors


@pytest.mark.parametrize("vector", vectors("backoff"))
def test_the_delay_is_that_of_the_table(vector: dict[str, Any]) -> None:
    """Class of the reason, doubled per failure, capped, times chance."""
    delay = backoff_s(vector["reason"] or "", vector["failures"], vector["jitter"])

    assert delay * 1000 == pytest.approx(vector["delay_ms"])


def test_a_thousand_failures_are_no_overflow() -> None:
    """The exponent is bounded as well as the delay."""
    assert backoff_s("", 5000, 0.5) == 16


def test_every_state_can_be_closed() -> None:
    """And from the end nothing leads away."""
    assert set(TRANSITIONS) == set(State)
    assert {cells[Event.CLOSE] for cells in TRANSITIONS.values()} == {State.CLOSED}
    assert set(TRANSITIONS[State.CLOSED].values()) == {State.CLOSED}


@pytest.mark.parametrize(
    ("address", "socket"),
    [
        ("http://127.0.0.1:3210", "ws://127.0.0.1:3210/api/sync"),
        ("http://127.0.0.1:3210///", "ws://127.0.0.1:3210/api/sync"),
        ("https://name.example.com", "wss://name.example.com/api/sync"),
        ("https://example.com/base/", "wss://example.com/base/api/sync"),
        ("ws://h", "ws://h/api/sync"),
        ("http://[::1]:80", "ws://[::1]:80/api/sync"),
    ],
)
def test_the_socket_stands_below_the_address(address: str, socket: str) -> None:
    """Slashes at the end do not double."""
    assert sync_url(address) == socket
    assert http_url(address) == socket.replace("ws", "http", 1).removesuffix("/api/sync")


@pytest.mark.parametrize("address", ["", "h", "ftp://h", "http://", "http://a b", 5, None])
def test_an_address_that_cannot_be_is_refused(address: object) -> None:
    """The error shows how one is written."""
    with pytest.raises(InvalidUrlError, match="Give it as"):
        sync_url(address)


def test_the_host_of_http_actions_is_recognised() -> None:
    """A classic mistake gets its own sentence."""
    with pytest.raises(InvalidUrlError, match=r"\.convex\.cloud"):
        sync_url("https://name.convex.site")


def test_a_silent_server_is_given_up() -> None:
    """After the inactivity time, with a reason of our own and a short delay."""
    talk = Dialogue(Options(inactivity_s=60))
    talk.start()
    talk.advance(59)
    talk.hear({"type": "Ping"})
    talk.advance(59.9)
    assert "close" not in talk.kinds()
    talk.advance(0.15)
    assert talk.kinds() == ["close"]
    talk.advance(0.1)
    assert talk.kinds() == ["open"]

    assert talk.open()[0]["lastCloseReason"] == "InactiveServer"


def test_a_handshake_that_hangs_is_given_up(talk: Dialogue) -> None:
    """The deadline runs from the attempt on."""
    talk.tell(talk.session.start)
    talk.advance(60)

    assert talk.kinds() == ["open", "close"]


def test_failed_attempts_are_no_connections(talk: Dialogue) -> None:
    """The first connection that opens is still the first."""
    talk.tell(talk.session.start)
    for _ in range(3):
        talk.lose(None)
        talk.advance(24)

    connect = talk.open()[0]

    assert (connect["connectionCount"], connect["lastCloseReason"]) == (0, "InitialConnect")


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (1011, "InternalServerError", "InternalServerError"),
        (1005, "", "closed with code 1005"),
        (None, "", "closed with code 1006"),
    ],
)
def test_the_next_connection_says_why_the_last_one_ended(
    talk: Dialogue, code: int | None, reason: str, said: str
) -> None:
    """The words of the close frame, or its number."""
    talk.start()
    talk.lose(code, reason)
    talk.advance(24)

    connect = talk.open()[0]

    assert (connect["connectionCount"], connect["lastCloseReason"]) == (1, said)


def test_an_open_socket_does_not_prove_that_all_is_well(talk: Dialogue) -> None:
    """Failures count on until every query of the opening has its answer."""
    talk.tell(talk.session.subscribe, "m:list", {})
    talk.start()
    for failures in (1, 2, 3):
        talk.lose()
        assert talk.session.state.failures == failures
        talk.advance(24)
        talk.open()
        talk.transition(identity=0)
        talk.hear({"type": "Ping"})
    talk.transition(query_set=1, ts=1, updates={0: 1})

    assert talk.session.state.failures == 0


def test_a_pending_mutation_holds_the_count_of_failures(talk: Dialogue) -> None:
    """It is back at zero when the older calls have settled."""
    talk.start()
    talk.tell(talk.session.mutate, "m:send", {})
    talk.lose()
    talk.advance(2)
    talk.open()
    talk.transition(query_set=1, ts=1)
    assert talk.session.state.failures == 1
    talk.hear(talk.voice.mutated(0, ts=2))
    talk.transition(ts=2)

    assert talk.session.state.failures == 0


def test_a_paused_client_sends_nothing_and_shows_everything(talk: Dialogue) -> None:
    """The socket stays; what has gathered goes out in one order."""
    token = talk.tell(talk.session.subscribe, "m:a", {})
    talk.start()
    talk.tell(talk.session.pause)
    talk.tell(talk.session.subscribe, "m:b", {})
    talk.tell(talk.session.mutate, "m:send", {})
    talk.transition(query_set=1, ts=1, updates={0: "shown"})
    assert talk.kinds() == ["publish"]
    assert talk.value(token) == "shown"
    assert talk.session.state.kind == "paused"
    talk.tell(talk.session.resume)

    assert talk.kinds() == ["ModifyQuerySet", "Mutation"]
    assert talk.session.state.kind == "live"


def test_a_socket_that_opens_during_a_pause_is_greeted_after_it(talk: Dialogue) -> None:
    """The resumption is the opening."""
    talk.tell(talk.session.pause)
    assert talk.start() == []
    talk.tell(talk.session.resume)

    assert talk.kinds() == ["Connect", "ModifyQuerySet"]


def test_reconnect_now_does_not_wait(talk: Dialogue) -> None:
    """Neither for the backoff nor for the present connection."""
    talk.start()
    talk.lose()
    talk.tell(talk.session.reconnect_now)
    assert talk.kinds() == ["open"]
    talk.open()
    talk.tell(talk.session.reconnect_now)

    assert talk.kinds() == ["close", "open"]


def test_a_socket_that_was_closed_is_not_heard_any_more(talk: Dialogue) -> None:
    """Late messages and a late loss mean nothing."""
    talk.start()
    talk.hear("{")
    talk.hear({"type": "FatalError", "error": "too late"})
    talk.lose()

    assert talk.session.state.kind == "waiting"
    assert talk.session.state.failures == 1


def test_pings_are_sent_at_an_interval_if_wanted(talk: Dialogue) -> None:
    """By default none is; a pong lets the next one go out, and silence counts all the same."""
    talk.start()
    talk.advance(59)
    assert talk.kinds() == []

    asking = Dialogue(Options(inactivity_s=60, ping_s=20))
    asking.start()
    for _ in range(2):
        asking.advance(20)
        assert asking.kinds() == ["SendPing"]
        asking.tell(asking.session.ponged)
    asking.advance(20)
    assert asking.kinds() == ["close"]
    assert asking.session.state.why == "the server is silent"


def test_a_ping_without_an_answer_ends_the_connection() -> None:
    """Long before the inactivity time; a message is an answer too."""
    talk = Dialogue(Options(inactivity_s=60, ping_s=10))
    talk.start()
    talk.advance(10)
    talk.hear({"type": "Ping"})
    talk.advance(10)
    assert talk.kinds() == ["SendPing", "SendPing"]

    talk.advance(10)

    assert talk.kinds() == ["close"]
    talk.advance(0.2)
    assert talk.open()[0]["lastCloseReason"] == "InactiveServer"
