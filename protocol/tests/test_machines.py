"""The machines of the Python core and of the server go where the chapters' tables say.

The life of a query and the identity of a connection at the server have no table in the code: they
follow from what is kept of them. So every cell of their tables is driven from outside, also those
that the chapter calls impossible, which turn out to be another event, or a mistake of the caller.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from unisono.core import messages, mutations
from unisono.core.errors import ClientClosedError
from unisono.core.session import Options
from unisono.core.session import Session as ClientSession
from unisono_mock.core.auth import ANONYMOUS, Identity
from unisono_mock.core.effects import Verify
from unisono_mock.core.errors import ConnectionFailure, FailureKind
from unisono_mock.core.session import Session as ServerSession
from unisono_mock.core.session import SessionOptions
from unisono_protocol.reference import encode_timestamp
from unisono_protocol.tables import IMPOSSIBLE, tables

SESSION_ID = "123e4567-e89b-42d3-a456-426614174000"


def call_in(state: str, kind: str) -> mutations.Calls:
    """The calls of a client with one call of a kind, brought to a state."""
    calls = mutations.Calls()
    calls.add(kind, "m:f", {}, 0.0)
    if state != "unsent":
        calls.unsent()
    if state == "completed":
        answer(calls, is_success=True)
    if state == "settled":
        calls.reject_all(ClientClosedError())
    return calls


def answer(calls: mutations.Calls, *, is_success: bool) -> None:
    """A response arrives for the only call."""
    body = {"type": "MutationResponse", "requestId": 0, "success": is_success, "logLines": []}
    text = json.dumps({**body, "ts": "CgAAAAAAAAA=" if is_success else None, "result": "x"})
    response = messages.read(text)
    assert isinstance(response, messages.MutationResponse)
    call = calls.awaiting(response)
    if call is not None:
        calls.responded(call, response)


CALL_EVENTS: dict[str, Callable[[mutations.Calls], object]] = {
    "flush": lambda calls: calls.unsent(),
    "opened": lambda calls: calls.opening(),
    "success of a mutation": lambda calls: answer(calls, is_success=True),
    "failure or answer of an action": lambda calls: answer(calls, is_success=False),
    "covering transition": lambda calls: calls.reached(10),
    "lost, a mutation": lambda calls: list(calls.lost()),
    "lost, an action": lambda calls: list(calls.lost()),
    "end": lambda calls: calls.reject_all(ClientClosedError()),
}


@pytest.mark.parametrize(("state", "event"), tables()["call (client)"].possible())
def test_calls_follow_the_chapter(state: str, event: str) -> None:
    """Each event leads a call of the Python core where the chapter says."""
    calls = call_in(state, "Action" if event == "lost, an action" else "Mutation")
    CALL_EVENTS[event](calls)
    (left,) = [call.state.value for call in calls._pending.values()] or ["settled"]

    assert left == tables()["call (client)"].cells[state, event].next


class OneQuery:
    """A session of the Python core with one query, and the events of its life."""

    def __init__(self, state: str, *, is_open: bool) -> None:
        self.session = ClientSession(SESSION_ID, Options())
        self.session.start(0.0)
        self.token = ""
        self.version = (0, 0)
        if is_open:
            self.opened()
            self._receive([])
        if state == "wanted" and is_open:
            self.session.pause(0.0)
        if state != "absent":
            self.first_subscriber()
        if state == "answered":
            self.result()

    def opened(self) -> None:
        self.session.opened(0.0)

    def first_subscriber(self) -> None:
        self.token = self.session.subscribe("m:f", {}, 0.0)

    def last_subscriber_leaves(self) -> None:
        self.session.unsubscribe(self.token, 0.0)

    def flush(self) -> None:
        self.session.resume(0.0)

    def lost(self) -> None:
        self.session.lost(0.0, 0.5, 1006, "")

    def result(self) -> None:
        self._receive([{"type": "QueryUpdated", "value": 1, "logLines": [], "journal": None}])

    def removed(self) -> None:
        self._receive([{"type": "QueryRemoved"}])

    def _receive(self, modifications: list[dict[str, Any]]) -> None:
        start, self.version = self.version, (self.version[0] + 1, self.version[1] + 1)
        ends = [
            {"querySet": query_set, "identity": 0, "ts": encode_timestamp(ts)}
            for query_set, ts in (start, self.version)
        ]
        text = {
            "type": "Transition",
            "startVersion": ends[0],
            "endVersion": ends[1],
            "modifications": [{**each, "queryId": 0} for each in modifications],
            "clientClockSkew": None,
            "serverTs": None,
        }
        self.session.received(json.dumps(text), 0.0, 0.5)

    @property
    def state(self) -> str:
        queries = self.session.queries
        if not queries.by_token({0: None}):
            return "absent"
        if not self.session.state.is_connected or 0 not in queries._known:
            return "wanted"
        return "answered" if self.session.snapshot().results.get(self.token) else "asked"


@pytest.mark.parametrize(("state", "event"), tables()["query (client)"].possible())
def test_queries_follow_the_chapter(state: str, event: str) -> None:
    """Each event leads a query of the Python core where the chapter says."""
    query = OneQuery(state, is_open=event != "opened")
    assert query.state == state
    if event == "first subscriber":
        query.session.pause(0.0)  # the flush is an event of its own
    name = "first_subscriber" if event == "another subscriber" else event.replace(" ", "_")
    getattr(query, name)()

    assert query.state == tables()["query (client)"].cells[state, event].next


SUBSCRIBERS = {"first subscriber", "another subscriber"}


def impossible(machine: str) -> list[tuple[str, str]]:
    """The cells of a machine that cannot happen."""
    cells = tables()[machine].cells
    return [key for key, cell in cells.items() if cell.next == IMPOSSIBLE]


@pytest.mark.parametrize(("state", "event"), impossible("query (client)"))
def test_what_cannot_happen_to_a_query_does_not(state: str, event: str) -> None:
    """A subscriber is the first or another one; nothing else that is impossible can be said."""
    query = OneQuery(state, is_open=True)
    if event in SUBSCRIBERS:
        (other,) = SUBSCRIBERS - {event}
        query.session.pause(0.0)
        query.first_subscriber()
        assert query.state == tables()["query (client)"].cells[state, other].next
    else:
        with pytest.raises(KeyError):
            getattr(query, event.replace(" ", "_"))()
        assert query.state == state


def test_an_action_is_never_completed() -> None:
    """What is impossible for calls: a sent action that succeeds has settled."""
    assert impossible("call (client)") == [("completed", "lost, an action")]
    calls = call_in("sent", "Action")
    text = {"type": "ActionResponse", "requestId": 0, "success": True, "logLines": []}
    response = messages.read(json.dumps({**text, "result": "x"}))
    assert isinstance(response, messages.ActionResponse)
    call = calls.awaiting(response)
    assert call is not None

    assert calls.responded(call, response) is not None
    assert not calls._pending


class Surroundings:
    """A backend in which nothing is there to run."""

    def latest_ts(self) -> int:
        return 0

    def known(self, round_: object) -> None:
        return None

    def new_request_id(self) -> str:
        return "0" * 16

    def wants_turn(self, session: object) -> None:
        return None


class OneIdentity:
    """A session of the server, and what can happen to whom it speaks for."""

    USER = Identity({"tokenIdentifier": "i|u"}, expires_at=100.0)
    REFUSAL = ConnectionFailure(FailureKind.UNAUTHENTICATED, "InvalidAuthHeader", "no")
    TROUBLE = ConnectionFailure(FailureKind.OVERLOADED, "AuthProviderUnavailable", "503")

    def __init__(self, state: str) -> None:
        self.session = ServerSession(SessionOptions(), Surroundings(), 0.0)
        if state == "identified":
            self.good_token()
        if state == "ended":
            self.lost()
        self.session.take_effects()

    def good_token(self, base: int = 0) -> None:
        self._authenticate("User", "t", base, self.USER)

    def nobody(self) -> None:
        self._authenticate("None", None, 0, ANONYMOUS)

    def bad_token(self) -> None:
        self._authenticate("User", "t", 0, self.REFUSAL)

    def good_token__wrong_base(self) -> None:
        self.good_token(base=1)

    def provider_in_trouble(self) -> None:
        self._authenticate("User", "t", 0, self.TROUBLE)

    def use(self, now: float = 1.0) -> None:
        call = {"type": "Mutation", "requestId": 0, "udfPath": "m:f", "args": [{}]}
        self.session.received(json.dumps(call), now)

    def use_after_expiry(self) -> None:
        self.use(now=200.0)

    def lost(self) -> None:
        self.session.lost()

    def _authenticate(
        self, kind: str, value: str | None, base: int, verdict: Identity | ConnectionFailure
    ) -> None:
        base += self.session.authentication.version
        message = {"type": "Authenticate", "tokenType": kind, "baseVersion": base, "value": value}
        self.session.received(json.dumps({k: v for k, v in message.items() if v is not None}), 0.0)
        if not any(isinstance(effect, Verify) for effect in self.session.take_effects()):
            return
        if isinstance(verdict, Identity):
            self.session.verified(verdict, 0.0)
        else:
            self.session.rejected(verdict, 0.0)

    @property
    def state(self) -> str:
        if self.session.closed:
            return "ended"
        is_nobody = self.session.authentication.identity is ANONYMOUS
        return "anonymous" if is_nobody else "identified"

    def said(self) -> list[str]:
        """What the server does, in the words of the chapter's effects."""
        out = []
        for effect in self.session.take_effects():
            match type(effect).__name__:
                case "Send":
                    text = json.loads(effect.text)  # type: ignore[union-attr]
                    attempted = text["authUpdateAttempted"]
                    out.append(f"{text['type']}, {'attempted' if attempted else 'not attempted'}")
                case "Close":
                    code = effect.code  # type: ignore[union-attr]
                    out.append("close without code" if code is None else f"close {code}")
        return out


@pytest.mark.parametrize(("state", "event"), tables()["auth (server)"].possible())
def test_the_server_follows_the_chapter(state: str, event: str) -> None:
    """Each event leads the identity of a connection where the chapter says, and is told so."""
    identity = OneIdentity(state)
    assert identity.state == state
    version = identity.session.authentication.version
    getattr(identity, event.replace(", ", "__").replace(" ", "_"))()
    cell = tables()["auth (server)"].cells[state, event]

    assert identity.state == cell.next
    steps = identity.session.authentication.version - version
    assert steps == int("identity version plus one" in cell.effects)
    assert identity.said() == [
        effect for effect in cell.effects.split("; ") if effect.startswith(("AuthError", "close"))
    ]


def test_nobody_does_not_expire() -> None:
    """What is impossible at the server: an identity without a token has no time to pass."""
    assert impossible("auth (server)") == [("anonymous", "use after expiry")]
    identity = OneIdentity("anonymous")
    identity.use_after_expiry()

    assert (identity.state, identity.said()) == ("anonymous", [])
