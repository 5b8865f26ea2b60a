"""Whatever sockets, servers, clocks and users do, in any state of the Python connection.

The grid is the product of every state and everything that can happen; what it leads to is read
from the chapter's table, step by step where one thing is two events. Where the table calls an event
impossible, no input of a peer, a clock or a user can be it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from unisono.core import connection
from unisono.core.session import Options, Session
from unisono_protocol.tables import IMPOSSIBLE, tables

TABLE = tables()["connection (client)"]
SESSION_ID = "123e4567-e89b-42d3-a456-426614174000"
REFUSAL = {"type": "AuthError", "error": "no", "baseVersion": 0, "authUpdateAttempted": True}


class Life:
    """A session of the Python core whose connection was brought to a state."""

    def __init__(self, state: str) -> None:
        self.now = 1000.0
        self.session = Session(SESSION_ID, Options())
        REACHED_BY[state](self)

    @property
    def state(self) -> str:
        return self.session._connection.state.name.lower()

    def start(self) -> None:
        self.session.start(self.now)

    def opens(self) -> None:
        self.session.opened(self.now)

    def breaks(self) -> None:
        self.session.lost(self.now, 0.5, 1006, "")

    def says(self, text: str) -> None:
        self.session.received(text, self.now, 0.5)

    def waits(self) -> None:
        """Nothing happens until the clock has something to say, in whatever state that is."""
        due = self.session._connection.deadline or self.session.auth.deadline
        if due is not None:
            self.now = due
            self.session.tick(self.now, 0.5)

    def is_refused(self) -> None:
        self.says(json.dumps(REFUSAL))

    def signs_in(self) -> None:
        """With a token that the server is told of."""
        self.session.set_auth(self.now)
        self.session.token(1, "token", self.now)


def live(life: Life) -> None:
    life.start()
    life.signs_in()
    life.opens()


def waiting(life: Life) -> None:
    live(life)
    life.breaks()


def held(life: Life) -> None:
    live(life)
    life.is_refused()


REACHED_BY: dict[str, Callable[[Life], object]] = {
    "new": lambda life: None,
    "opening": Life.start,
    "live": live,
    "waiting": waiting,
    "held": held,
    "closed": lambda life: life.session.close(life.now),
}
HAS_SOCKET = ("opening", "live")

# What happens, and the events that it is in each state; none where nothing is said.
Happening = tuple[Callable[[Life], object], dict[str, tuple[str, ...]]]
HAPPENINGS: dict[str, Happening] = {
    "the line breaks": (Life.breaks, dict.fromkeys(HAS_SOCKET, ("lost",))),
    "the server is silent": (
        Life.waits,
        # A fetch that never returns is nothing, and the next connection is opened.
        {
            "opening": ("give up",),
            "live": ("give up",),
            "waiting": ("retry",),
            "held": ("release",),
        },
    ),
    "what is no message comes": (lambda life: life.says("{"), {"live": ("give up",)}),
    "a binary zero comes": (lambda life: life.says("\0"), {"live": ("give up",)}),
    "an unknown message comes": (lambda life: life.says('{"type": "Later"}'), {}),
    "a Ping comes": (lambda life: life.says('{"type": "Ping"}'), {}),
    "the token is refused": (Life.is_refused, {"live": ("hold",)}),
    "a FatalError comes": (
        lambda life: life.says('{"type": "FatalError", "error": "no"}'),
        {"live": ("close",)},
    ),
    "the fetcher returns another token": (
        lambda life: life.session.token(2, "another", life.now),
        {"held": ("release",)},
    ),
    "the user wants a new connection": (
        lambda life: life.session.reconnect_now(life.now),
        {"live": ("hold", "release"), "waiting": ("retry",)},
    ),
    "the user signs out": (
        lambda life: life.session.clear_auth(life.now),
        {"held": ("release",)},
    ),
    "the user pauses": (lambda life: life.session.pause(life.now), {}),
    "the user resumes": (lambda life: life.session.resume(life.now), {}),
    "the user closes": (
        lambda life: life.session.close(life.now),
        dict.fromkeys(REACHED_BY, ("close",)),
    ),
}


@pytest.mark.parametrize("name", HAPPENINGS)
@pytest.mark.parametrize("state", TABLE.states)
def test_python_goes_where_the_chapter_says(state: str, name: str) -> None:
    """Each thing that can happen leads from each state along cells of the table."""
    life = Life(state)
    assert life.state == state
    happens, events = HAPPENINGS[name]
    happens(life)
    following = state
    for event in events.get(state, ()):
        following = TABLE.cells[following, event].next

    assert life.state == following != IMPOSSIBLE


def test_every_possible_cell_is_met() -> None:
    """The grid, and the steps `start` and `opened` of our own, go through the whole table."""
    met = {("new", "start"), ("opening", "opened")}
    for _, events in HAPPENINGS.values():
        for state, sequence in events.items():
            for event in sequence:
                met.add((state, event))
                state = TABLE.cells[state, event].next

    assert met == TABLE.possible().keys()


IMPOSSIBLE_CELLS = [key for key, cell in TABLE.cells.items() if cell.next == IMPOSSIBLE]


@pytest.mark.parametrize(("state", "event"), IMPOSSIBLE_CELLS)
def test_what_is_impossible_is_an_error(state: str, event: str) -> None:
    """An event without a cell is a mistake of our own, and is not shrugged off."""
    life = Life(state)
    with pytest.raises(KeyError):
        life.session._connection._step(connection.Event[event.upper().replace(" ", "_")])

    assert life.state == state
