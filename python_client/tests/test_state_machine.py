"""The core as a whole, under random users, servers, losses and clocks, against a model.

The model is a server with a history: a list of numbers per query, headed by the name of the
reader, and a commit for each mutation. Whatever happens, the snapshot is one that the server
had, for one reader, every call settles exactly once, and no layer outlives its mutation.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from unisono import LocalStore
from unisono.core.auth import FetchToken
from unisono.core.connection import Close, Open, Send
from unisono.core.messages import Failure, Success, encode_ts
from unisono.core.mutations import Settle
from unisono.core.optimistic import Publish
from unisono.core.session import Session
from unisono.testing import Frame, Voice

KEYS = ("x", "y", "z")
GUESS = -1
NOBODY, STRANGER = "nobody", "stranger"


def token_of(name: str, now: float) -> str:
    """A token that is good for an hour; the server accepts it from all but strangers."""
    claims = {"sub": name, "iat": int(now), "exp": int(now) + 3600}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.x"


def name_in(token: str) -> str:
    """Whom the server takes the bearer for."""
    name: str = json.loads(base64.urlsafe_b64decode(token.split(".")[1]))["sub"]
    return name


class Server:
    """All that was ever committed: `history[ts]` is the state at that moment."""

    def __init__(self) -> None:
        self.history: list[dict[str, tuple[int, ...]]] = [dict.fromkeys(KEYS, ())]
        self.committed: dict[int, int] = {}

    @property
    def ts(self) -> int:
        return len(self.history) - 1

    def commit(self, key: str, number: int) -> int:
        self.history.append({**self.history[-1], key: (*self.history[-1][key], number)})
        return self.ts

    def run(self, frame: Frame) -> int:
        """Run a mutation, or remember that it has run."""
        request_id = frame["requestId"]
        if request_id not in self.committed:
            key = frame["args"][0]["key"]
            self.committed[request_id] = self.commit(key, request_id)
        return self.committed[request_id]


class ClientMachine(RuleBasedStateMachine):
    """Random steps; the invariants are checked after each."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session("123e4567-e89b-42d3-a456-426614174000")
        self.server = Server()
        self.now = 1000.0
        self.wants_socket = False
        self.is_open = False
        self.inbox: list[Frame] = []
        self.outbox: list[str] = []
        self.voice = Voice()
        self.known: dict[int, str] = {}
        self.sent: dict[int, Any] = {}
        self.fetches: list[int] = []
        self.hears = True
        self.fails: set[int] = set()
        self.tokens: dict[str, list[str]] = {}
        self.calls: dict[int, str] = {}
        self.settled: dict[int, Any] = {}
        self.actions_sent: set[int] = set()
        self.last_ts = 0
        self.shown: set[str] = set()

    # What the client does

    def tell(self, step: Any, *args: Any, **kwargs: Any) -> Any:
        result = step(*args, **kwargs, now=self.now)
        for effect in self.session.take_effects():
            self.carry_out(effect)
        return result

    def carry_out(self, effect: Any) -> None:
        match effect:
            case Open():
                assert not self.wants_socket
                assert not self.is_open
                self.wants_socket = True
            case Close():
                assert self.wants_socket or self.is_open
                self.hang_up()
            case Send(text):
                assert self.is_open
                self.take(json.loads(text))
            case Publish(changed, snapshot):
                assert changed
                assert snapshot.ts >= self.last_ts
                self.last_ts = snapshot.ts
            case FetchToken(number):
                self.fetches.append(number)
            case Settle(call_id, _, outcome):
                assert call_id in self.calls
                assert call_id not in self.settled
                self.settled[call_id] = outcome
            case _:
                pass

    def take(self, frame: Frame) -> None:
        if not self.hears:
            return
        if frame["type"] == "Action":
            assert frame["requestId"] not in self.actions_sent, "an action was sent twice"
            self.actions_sent.add(frame["requestId"])
        if frame["type"] == "Connect":
            assert not self.inbox, "Connect comes first"
        self.inbox.append(frame)

    def hang_up(self) -> None:
        self.wants_socket = self.is_open = False
        self.inbox, self.outbox = [], []

    # The user

    @initialize(is_live=st.booleans())
    def start(self, is_live: bool) -> None:
        self.tell(self.session.start)
        if is_live:
            self.subscribe("x")
            self.subscribe("y")
            self.answer_the_attempt(True)
            self.serve(True, True, True)

    @rule(key=st.sampled_from(KEYS))
    def subscribe(self, key: str) -> None:
        token = self.tell(self.session.subscribe, "m:get", {"key": key})
        self.tokens.setdefault(key, []).append(token)

    @precondition(lambda self: any(self.tokens.values()))
    @rule(data=st.data())
    def unsubscribe(self, data: Any) -> None:
        key = data.draw(st.sampled_from([key for key, held in self.tokens.items() if held]))
        self.tell(self.session.unsubscribe, self.tokens[key].pop())

    @rule(key=st.sampled_from(KEYS), fails=st.booleans(), guesses=st.sampled_from(["", "+", "!"]))
    def mutate(self, key: str, fails: bool, guesses: str) -> None:
        runs = []

        def update(store: LocalStore) -> None:
            runs.append(1)
            if guesses == "!" and len(runs) > 1:
                raise RuntimeError("it raises when it is run again")
            old = store.get("m:get", {"key": key})
            if old is not None:
                store.set("m:get", {"key": key}, [*old, GUESS])

        optimistic = update if guesses else None
        call_id = self.session.calls.next_id
        self.calls[call_id] = key
        if fails:
            self.fails.add(call_id)
        self.tell(self.session.mutate, "m:add", {"key": key}, optimistic=optimistic)

    @rule()
    def act(self) -> None:
        self.calls[self.session.calls.next_id] = "action"
        self.tell(self.session.act, "m:act", {})

    @rule(name=st.sampled_from(["ann", "bob", STRANGER, NOBODY, "fetched"]))
    def become(self, name: str) -> None:
        """Sign in with a token or with a fetcher, or sign out."""
        if name == NOBODY:
            self.tell(self.session.clear_auth)
        elif name == "fetched":
            self.tell(self.session.set_auth)
        else:
            self.tell(self.session.set_auth, token=token_of(name, self.now))

    @precondition(lambda self: self.fetches)
    @rule(name=st.sampled_from(["ann", "bob", STRANGER, None]))
    def fetch(self, name: str | None) -> None:
        """The fetcher returns, perhaps long after it was of interest."""
        token = name and token_of(name, self.now)
        self.tell(self.session.token, self.fetches.pop(0), token)

    # The server

    @precondition(lambda self: self.wants_socket)
    @rule(opens=st.sampled_from([True, True, True, False]))
    def answer_the_attempt(self, opens: bool) -> None:
        self.wants_socket = False
        if not opens:
            self.tell(self.session.lost, code=None, reason="", jitter=0.5)
            return
        self.is_open = True
        self.voice, self.known, self.sent, self.query_set = Voice(), {}, {}, 0
        self.identity, self.reader, self.hears = 0, NOBODY, True
        self.tell(self.session.opened)

    @precondition(lambda self: self.is_open and self.inbox)
    @rule()
    def hear(self) -> None:
        """Work off one frame of the client."""
        frame = self.inbox.pop(0)
        match frame["type"]:
            case "Connect":
                observed = frame.get("maxObservedTimestamp", encode_ts(0))
                assert observed in {encode_ts(ts) for ts in range(self.server.ts + 1)}
            case "ModifyQuerySet":
                assert frame["baseVersion"] == self.query_set
                self.query_set = frame["newVersion"]
                for each in frame["modifications"]:
                    if each["type"] == "Add":
                        assert each["queryId"] not in self.known
                        self.known[each["queryId"]] = each["args"][0]["key"]
                    else:
                        del self.known[each["queryId"]]
                        self.sent.pop(each["queryId"], None)
            case "Authenticate":
                self.authenticate(frame)
            case "Mutation" if frame["requestId"] in self.fails:
                self.outbox.append(json.dumps(self.voice.failed(frame["requestId"], "no")))
            case "Mutation":
                ts = self.server.run(frame)
                self.outbox.append(json.dumps(self.voice.mutated(frame["requestId"], ts=ts)))
            case "Action":
                self.outbox.append(json.dumps(self.voice.acted(frame["requestId"])))

    def authenticate(self, frame: Frame) -> None:
        assert frame["baseVersion"] == self.identity
        self.identity += 1
        self.reader = name_in(frame["value"]) if frame["tokenType"] == "User" else NOBODY
        if self.reader == STRANGER:
            # The last word on this connection: nothing that follows is heard.
            refusal = self.voice.refused(self.identity - 1)
            self.inbox, self.outbox = [], [*self.outbox, json.dumps(refusal)]
            self.hears = False

    @rule(key=st.sampled_from(KEYS))
    def somebody_else_writes(self, key: str) -> None:
        self.server.commit(key, 1000 + self.server.ts)

    @precondition(lambda self: self.is_open)
    @rule()
    def step(self) -> None:
        """Make a Transition to the newest moment."""
        state = self.server.history[-1]
        updates = {}
        for query_id, key in self.known.items():
            result = [self.reader, *state[key]]
            if self.sent.get(query_id) != result:
                updates[query_id] = self.sent[query_id] = result
        frame = self.voice.transition(
            query_set=self.query_set, identity=self.identity, ts=self.server.ts, updates=updates
        )
        self.outbox.append(json.dumps(frame))

    @precondition(lambda self: self.is_open and self.outbox)
    @rule()
    def deliver(self) -> None:
        text = self.outbox.pop(0)
        self.tell(self.session.received, text, jitter=0.5)
        if "AuthError" in text and self.is_open:
            self.disturb("lose")

    @precondition(lambda self: self.is_open)
    @rule(hears=st.booleans(), steps=st.booleans(), delivers=st.booleans())
    def serve(self, hears: bool, steps: bool, delivers: bool) -> None:
        """What a server does all day, as far as it comes this time."""
        while hears and self.inbox:
            self.hear()
        if steps:
            self.step()
        while delivers and self.outbox:
            self.deliver()

    @precondition(lambda self: self.is_open and self.known and not self.outbox)
    @rule(data=st.data())
    def swallow(self, data: Any) -> None:
        """A Transition with news gets lost; the next one, with other news, arrives."""
        self.somebody_else_writes(data.draw(st.sampled_from(sorted(set(self.known.values())))))
        self.step()
        self.outbox.pop()
        self.somebody_else_writes(data.draw(st.sampled_from(KEYS)))
        self.step()
        self.deliver()

    @rule(what=st.sampled_from(["lose", "lose", "nonsense", "news", "pause", "reconnect", "time"]))
    def disturb(self, what: str) -> None:
        """Everything that makes life hard."""
        match what:
            case "lose" if self.is_open:
                self.hang_up()
                self.tell(self.session.lost, code=1006, reason="", jitter=0.5)
            case "nonsense" if self.is_open:
                self.tell(self.session.received, "{", jitter=0.5)
            case "news" if self.is_open:
                self.tell(self.session.received, '{"type":"News"}', jitter=0.5)
            case "pause":
                self.tell(self.session.pause)
            case "reconnect":
                self.tell(self.session.reconnect_now)
            case "time":
                self.now += 70
                self.tell(self.session.tick, jitter=0.5)
            case _:
                pass

    @rule()
    def go_on(self) -> None:
        """The end of a pause, and of a wait."""
        self.tell(self.session.resume)
        self.now += 10
        self.tell(self.session.tick, jitter=0.5)

    # What always holds

    @invariant()
    def the_snapshot_is_one_that_the_server_had(self) -> None:
        """Without the guesses, all results are those of the moment that the snapshot names."""
        snapshot = self.session.snapshot()
        visible = {
            json.loads(token)["args"]["key"]: outcome.value
            for token, outcome in snapshot.results.items()
            if isinstance(outcome, Success)
        }
        plain = {
            key: tuple(number for number in value[1:] if number != GUESS)
            for key, value in visible.items()
        }
        assert len({value[0] for value in visible.values()}) <= 1, "results of two readers"
        state = self.server.history[snapshot.ts]
        assert plain == {key: state[key] for key in plain}

    @invariant()
    def what_was_shown_stays_shown(self) -> None:
        """A query that has a result and a subscriber never goes back to loading."""
        results = self.session.snapshot().results
        held = {token for tokens in self.tokens.values() for token in tokens}
        assert self.shown & held <= results.keys()
        self.shown = held & results.keys()

    @invariant()
    def guesses_are_those_of_pending_mutations(self) -> None:
        """No layer outlives its mutation."""
        pending = [key for call, key in self.calls.items() if call not in self.settled]
        for token, outcome in self.session.snapshot().results.items():
            key = json.loads(token)["args"]["key"]
            assert isinstance(outcome, Success)
            assert outcome.value.count(GUESS) <= pending.count(key)

    @invariant()
    def what_has_settled_well_is_visible(self) -> None:
        """Read your writes."""
        for call_id, outcome in self.settled.items():
            if isinstance(outcome, Success) and call_id in self.server.committed:
                assert self.session.snapshot().ts >= self.server.committed[call_id]

    def live_in_peace(self) -> None:
        for _ in range(8):
            self.go_on()
            while self.fetches:
                self.fetch("ann")
            if self.wants_socket:
                self.answer_the_attempt(True)
            if self.is_open:
                self.serve(True, True, True)
        assert self.settled.keys() == self.calls.keys()
        is_known = self.session.auth.is_authenticated
        assert is_known == (self.reader not in (NOBODY, STRANGER)), "the client is mistaken"

    def teardown(self) -> None:
        """Left in peace, everything settles; after the end nothing is planned."""
        self.live_in_peace()
        self.disturb("lose")
        self.live_in_peace()
        self.tell(self.session.close)
        assert self.session.next_deadline() is None
        for call_id, outcome in self.settled.items():
            if isinstance(outcome, Failure):
                assert call_id in self.fails
            if isinstance(outcome, Success) and self.calls[call_id] != "action":
                assert call_id in self.server.committed


TestClientMachine = ClientMachine.TestCase
TestClientMachine.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)


@pytest.mark.soak
@pytest.mark.timeout(900)
class TestClientMachineAtLength(ClientMachine.TestCase):  # type: ignore[misc, valid-type]
    """The same, long enough to meet what is rare."""

    settings = settings(max_examples=4000, stateful_step_count=60, deadline=None)
