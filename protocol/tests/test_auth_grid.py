"""Whatever fetchers, servers, sockets and users do, in any state of the auth of the Python core.

The grid is the product of every state and everything that can happen; what it leads to is read
from the chapter's table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from unisono.core.auth import FetchToken
from unisono.core.connection import Open
from unisono.core.session import Options, Session
from unisono_protocol.reference import encode_timestamp
from unisono_protocol.tables import tables

TABLE = tables()["auth (client)"]
FETCHES = ("fetching", "fetching forced", "refreshing", "replacing")
WITHOUT_SOCKET = ("replacing",)
# `{"iat": 0, "exp": 60}`: refreshed after 50 seconds.
TIMED = "e30.eyJpYXQiOiAwLCAiZXhwIjogNjB9.c2ln"


class Talk:
    """A session of the Python core that is signed in, signed out, refused and forgotten."""

    def __init__(self, state: str) -> None:
        self.now = 1000.0
        self.session = Session(
            "123e4567-e89b-42d3-a456-426614174000", Options(expect_auth=state == "expecting")
        )
        self.fetch = 0
        self.held: str | None = None
        self.session.start(self.now)
        self.session.opened(self.now)
        self.session.take_effects()
        self.version = [0, 0, 0]
        REACHED_BY[state](self)
        self.look()

    @property
    def state(self) -> str:
        return self.session.auth.state.name.lower().replace("_", " ")

    @property
    def sent(self) -> int:
        return self.session.auth._sent

    def look(self) -> list[object]:
        """The effects since the last look; the number of the latest fetch is kept."""
        effects = self.session.take_effects()
        self.fetch = max([self.fetch, *(e.number for e in effects if isinstance(e, FetchToken))])
        if any(isinstance(effect, Open) for effect in effects):
            self.session.opened(self.now)
            self.version = [0, 0, 0]
        return [*effects, *self.session.take_effects()]

    def set_fetcher(self) -> None:
        self.session.set_auth(self.now)

    def set_token(self) -> None:
        self.held = "given"
        self.session.set_auth(self.now, "given")

    def set_admin(self) -> None:
        self.session.set_admin("key", None, self.now)

    def clear(self) -> None:
        self.session.clear_auth(self.now)

    def returns(self, token: str | None) -> None:
        self.look()
        self.held = token or self.held
        self.session.token(self.fetch, token, self.now)
        self.look()

    def returns_the_same(self) -> None:
        self.returns(self.held or "held")

    def rejects(self) -> None:
        self.look()
        self.session.token_failed(self.fetch, self.now)

    def never_returns(self) -> None:
        self.now += 31.0
        self.session.tick(self.now, 0.5)

    def confirms(self, beyond: int = 0) -> None:
        start, self.version = self.version, [1, self.sent + beyond, self.version[2] + 1]
        parts = [
            {"querySet": q, "identity": i, "ts": encode_timestamp(ts)}
            for q, i, ts in (start, self.version)
        ]
        message = {"startVersion": parts[0], "endVersion": parts[1], "modifications": []}
        rest = {"type": "Transition", "clientClockSkew": None, "serverTs": None}
        self.session.received(json.dumps({**message, **rest}), self.now, 0.5)

    def refuses(self, base: int, attempted: bool | None) -> None:
        message: dict[str, Any] = {"type": "AuthError", "error": "no", "baseVersion": base}
        if attempted is not None:
            message["authUpdateAttempted"] = attempted
        self.session.received(json.dumps(message), self.now, 0.5)

    def passes(self) -> None:
        """So long that a token of TIMED needs its successor, and a fetch has hung."""
        self.now += 50.0
        self.session.tick(self.now, 0.5)

    def loses(self) -> None:
        self.session.lost(self.now, 0.5, 1006, "")

    def is_stopped(self) -> None:
        self.session.reconnect_now(self.now)

    def pauses(self) -> None:
        self.session.pause(self.now)
        self.session.resume(self.now)


def signed_in(talk: Talk) -> None:
    """Twice, so that an error can be about an older token than the newest."""
    talk.set_fetcher()
    talk.returns(TIMED)
    talk.confirms()
    talk.set_fetcher()
    talk.returns(TIMED + "b")
    talk.confirms()


def fetching(talk: Talk) -> None:
    signed_in(talk)
    talk.set_fetcher()


def fetching_forced(talk: Talk) -> None:
    fetching(talk)
    talk.returns(None)


def refreshing(talk: Talk) -> None:
    signed_in(talk)
    talk.now += 50.0
    talk.session.tick(talk.now, 0.5)


def confirming_cached(talk: Talk) -> None:
    signed_in(talk)
    talk.set_fetcher()
    talk.returns("cached")


def confirming_fresh(talk: Talk) -> None:
    refreshing(talk)
    talk.returns("fresh")


def replacing(talk: Talk) -> None:
    signed_in(talk)
    talk.refuses(talk.sent, None)


def failed(talk: Talk) -> None:
    refreshing(talk)
    talk.returns(None)


def admin(talk: Talk) -> None:
    signed_in(talk)
    talk.set_admin()


def nobody(talk: Talk) -> None:
    signed_in(talk)
    talk.clear()


REACHED_BY: dict[str, Callable[[Talk], object]] = {
    "nobody": nobody,
    "expecting": lambda talk: None,
    "fetching": fetching,
    "fetching forced": fetching_forced,
    "confirming cached": confirming_cached,
    "confirming fresh": confirming_fresh,
    "valid": signed_in,
    "refreshing": refreshing,
    "replacing": replacing,
    "admin": admin,
    "failed": failed,
}


def ends(event: str) -> Callable[[Talk], str]:
    """A fetch ends; without a fetch there is none to end, and a late one means nothing."""
    return lambda talk: event if talk.state in FETCHES else ""


def same(talk: Talk) -> str:
    """The token in use counts as the same in forced fetches only."""
    return ends("token" if talk.state == "fetching" else "same")(talk)


def clock(talk: Talk) -> str:
    """The clock ends fetches and refreshes what is confirmed."""
    return "refresh due" if talk.state == "valid" else ends("nothing")(talk)


def confirmation(talk: Talk) -> str:
    """Nothing is confirmed where nothing was said."""
    return "confirmed" if talk.sent else ""


def refusal(*, is_older: bool, attempted: bool | None) -> Callable[[Talk], str]:
    """The event that an AuthError is, by the rows of the chapter."""

    def event(talk: Talk) -> str:
        awaits = not talk.session.auth.is_confirmed
        if is_older or not talk.sent or (attempted is False and awaits):
            return ""
        return "refused" if talk.session.auth._has_fetcher else "refused for good"

    return event


Happening = tuple[Callable[[Talk], object], Callable[[Talk], str]]
HAPPENINGS: dict[str, Happening] = {
    "fetch returns a token": (lambda talk: talk.returns("another"), ends("token")),
    "fetch returns the same token": (Talk.returns_the_same, same),
    "fetch returns null": (lambda talk: talk.returns(None), ends("nothing")),
    "fetch rejects": (Talk.rejects, ends("nothing")),
    "fetch never returns": (Talk.never_returns, ends("nothing")),
    "the clock goes on": (Talk.passes, clock),
    "server confirms": (Talk.confirms, confirmation),
    "server confirms what nobody said": (lambda talk: talk.confirms(beyond=1), confirmation),
    "socket is lost": (Talk.loses, lambda talk: ""),
    "socket is stopped": (Talk.is_stopped, lambda talk: ""),
    "sending is stopped": (Talk.pauses, lambda talk: ""),
    "user sets a fetcher": (Talk.set_fetcher, lambda talk: "set fetcher"),
    "user sets a token": (Talk.set_token, lambda talk: "set token"),
    "user sets an admin key": (Talk.set_admin, lambda talk: "set admin"),
    "user clears": (Talk.clear, lambda talk: "clear"),
}


def said(*, is_older: bool, attempted: bool | None) -> Callable[[Talk], object]:
    """An AuthError about the newest token, or about the one before it."""
    return lambda talk: talk.refuses(max(0, talk.sent - (2 if is_older else 1)), attempted)


ERRORS: dict[str, Happening] = {
    f"AuthError, attempted {attempted}, of {'an older' if is_older else 'the newest'} token": (
        said(is_older=is_older, attempted=attempted),
        refusal(is_older=is_older, attempted=attempted),
    )
    for attempted in (True, False, None)
    for is_older in (True, False)
}
# Without a socket nothing can be said or lost.
BY_SOCKET = (*ERRORS, "socket is lost", "server confirms", "server confirms what nobody said")
GRID = [
    (state, name)
    for state in TABLE.states
    for name in (*HAPPENINGS, *ERRORS)
    if not (state in WITHOUT_SOCKET and name in BY_SOCKET)
]


@pytest.mark.parametrize(("state", "name"), GRID)
def test_python_goes_where_the_chapter_says(state: str, name: str) -> None:
    """Each thing that can happen leads from each state where the table says, and not elsewhere."""
    talk = Talk(state)
    assert talk.state == state
    happens, event_of = {**HAPPENINGS, **ERRORS}[name]
    event = event_of(talk)
    if name == "fetch never returns" and state not in FETCHES:
        return  # There is no fetch, and the clock's other events have rows of their own.
    happens(talk)

    assert talk.state == (TABLE.cells[state, event].next if event else state)


@pytest.mark.parametrize("state", [s for s in TABLE.states if s not in WITHOUT_SOCKET])
def test_the_next_opening_says_who_it_is(state: str) -> None:
    """After a loss in any state, the opening brings the token that is wanted, from base 0."""
    talk = Talk(state)
    talk.loses()
    talk.now += 60.0 if state not in FETCHES else 10.0
    talk.session.tick(talk.now, 0.5)
    sent = [json.loads(e.text) for e in talk.look() if hasattr(e, "text")]
    said = [m["baseVersion"] for m in sent if m["type"] == "Authenticate"]
    has_token = state not in ("nobody", "failed", "expecting", "fetching", "fetching forced")

    assert said == ([0] if has_token else [])


@pytest.mark.parametrize("state", ["confirming cached", "confirming fresh", "admin"])
def test_an_expiry_that_is_told_twice_is_a_refusal(state: str) -> None:
    """Overlooked once, then about the only token that was sent on its connection."""
    talk = Talk(state)
    talk.refuses(talk.sent - 1, attempted=False)
    assert talk.state == state
    talk.loses()
    talk.now += 10.0
    talk.session.tick(talk.now, 0.5)
    talk.look()
    assert talk.sent == 1
    talk.refuses(0, attempted=False)

    assert talk.state == TABLE.cells[state, "refused"].next


@pytest.mark.parametrize("state", ["confirming fresh", "valid"])
def test_a_token_without_a_fetcher_is_refused_for_good(state: str) -> None:
    """Where nobody can be asked for another token, the client goes on as nobody."""
    talk = Talk("nobody")
    talk.set_token()
    if state == "valid":
        talk.confirms()
    assert talk.state == state
    talk.refuses(talk.sent - 1, attempted=True)

    assert talk.state == TABLE.cells[state, "refused for good"].next


# Whether a refusal is for good depends on the state: one who may fetch has a fetcher, with
# attempts to spare until the last forced token was refused; an administrator has none.
NEVER_TOGETHER = {
    *((state, "refused for good") for state in ("fetching", "fetching forced", "refreshing")),
    *((state, "refused for good") for state in ("confirming cached", "failed")),
    *((state, "refused") for state in ("nobody", "admin")),
}
IN_TESTS_OF_THEIR_OWN = {("confirming fresh", "refused for good"), ("valid", "refused for good")}


def test_the_grid_meets_every_cell() -> None:
    """What can happen is every event of the table in every state in which it is possible."""
    met = set()
    for state, name in GRID:
        event = {**HAPPENINGS, **ERRORS}[name][1](Talk(state))
        met |= {(state, event)} if event else set()

    assert TABLE.possible().keys() - met == NEVER_TOGETHER | IN_TESTS_OF_THEIR_OWN
    assert met <= TABLE.possible().keys()
