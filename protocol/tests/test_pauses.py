"""Every state in which a client holds something back ends by itself, or is its user's own wish."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from unisono.core import auth, connection
from unisono.core.session import Options, Session
from unisono_protocol.data import V1
from unisono_protocol.tables import tables

MACHINES = {"04-connection.md": "connection (client)", "09-auth.md": "auth (client)"}
ENDS = "| state | meaning | ends by itself |"
PAUSES = "| pause | entered by | ends at the latest |"
# What the chapters call each bound, in seconds, for a jitter of 0.999.
BOUNDS = {
    "inactivity time": 60.0,
    "backoff delay": 24.0,
    "fetch deadline": 30.0,
}
# The states that each pause of the session's table consists of.
STATES_OF = {
    "fetching the first token": {"fetching", "fetching forced"},
    "fetching after a refusal, socket closed": {"replacing", "held"},
    "waiting to reconnect": {"waiting"},
    "opening a socket": {"opening"},
    "an identity is expected, or paused by the user": {"expecting"},
}


def rows(chapter: str, head: str) -> Iterator[list[str]]:
    """The rows of the table under a head."""
    _, _, rest = (V1 / chapter).read_text(encoding="utf-8").partition(head + "\n")
    for line in rest.splitlines()[1:]:
        if not line.startswith("|"):
            return
        yield [part.strip() for part in line.strip("|").split("|")]


def ends(chapter: str) -> dict[str, str]:
    """What ends each state of the machine of a chapter."""
    return {state: by for state, _, by in rows(chapter, ENDS)}


def paused() -> set[str]:
    """The states of the Python core in which it does not say what it is asked to."""
    silent = connection.State.OPENING, connection.State.WAITING, connection.State.HELD
    return {state.name.lower().replace("_", " ") for state in (*auth.BLOCKING, *silent)}


@pytest.mark.parametrize(("chapter", "machine"), MACHINES.items())
def test_every_state_says_what_ends_it(chapter: str, machine: str) -> None:
    """The states of a machine are described, and each says how it ends, or why it does not."""
    described = ends(chapter)

    assert list(described) == tables()[machine].states
    assert [by for by in described.values() if by.rstrip(":") in ("", "no")] == []


def test_every_pause_is_told_of() -> None:
    """The session's table of pauses has exactly the states in which a client is silent."""
    told = {pause: STATES_OF[pause] for pause, _, _ in rows("10-session.md", PAUSES)}

    assert told == STATES_OF
    assert set().union(*told.values()) == paused()


def test_what_does_not_end_by_itself_holds_nothing_back() -> None:
    """A state of silence without a bound is one that the user wanted."""
    unbounded = {
        state: by for chapter in MACHINES for state, by in ends(chapter).items() if by[:2] == "no"
    }

    assert {state: by for state, by in unbounded.items() if state in paused()} == {
        "expecting": "no: its user ends it"
    }


class Pause:
    """A session of the Python core that was brought into a pause, and then left alone."""

    def __init__(self, state: str) -> None:
        self.now = 1000.0
        self.session = Session("123e4567-e89b-42d3-a456-426614174000", Options())
        self.session.start(self.now)
        if state != "opening":
            self.session.opened(self.now)
        REACHED_BY[state](self)

    @property
    def states(self) -> set[str]:
        both = self.session._connection.state, self.session.auth.state
        return {state.name.lower().replace("_", " ") for state in both}

    def token(self, number: int, token: str | None) -> None:
        self.session.token(number, token, self.now)

    def fetches(self) -> None:
        self.session.set_auth(self.now)

    def fetches_with_force(self) -> None:
        self.fetches()
        self.token(1, None)

    def is_refused(self) -> None:
        self.fetches()
        self.token(1, "token")
        text = {"type": "AuthError", "error": "no", "baseVersion": 0}
        self.session.received(json.dumps(text), self.now, 0.5)

    def fails_often(self) -> None:
        for _ in range(9):
            self.session.lost(self.now, 0.999, 1006, "")
            self.session.reconnect_now(self.now)
        self.session.lost(self.now, 0.999, 1006, "")


REACHED_BY: dict[str, Callable[[Pause], object]] = {
    "opening": lambda pause: None,
    "waiting": Pause.fails_often,
    "held": Pause.is_refused,
    "replacing": Pause.is_refused,
    "fetching": Pause.fetches,
    "fetching forced": Pause.fetches_with_force,
}


@pytest.mark.parametrize("state", sorted(paused() - {"expecting"}))
def test_a_pause_ends_at_its_bound(state: str) -> None:
    """[session.pause-bounded] When nobody does anything, the clock ends it, in the time named."""
    described = {**ends("04-connection.md"), **ends("09-auth.md")}[state]
    (bound,) = [seconds for name, seconds in BOUNDS.items() if name in described]
    pause = Pause(state)
    assert state in pause.states
    until = pause.now + bound
    while state in pause.states:
        due = pause.session.next_deadline()
        assert due is not None
        assert due <= until
        pause.now = due
        pause.session.tick(due, 0.999)
