"""One peer on one socket: where the parts meet.

Inputs are what happened (`received`, `tick`, `mutation_finished`), outputs are effects.
The parts have the policy; this module only carries facts from one to the other.

Spec: session
Not here: sockets (see runtime), functions (see backend).
"""

import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .auth import Authentication, Identity, acting_as, as_refusal
from .connection import UNKNOWN_CLIENT, Beat, ClientVersion, Heartbeat
from .effects import (
    Close,
    Effect,
    Reading,
    Request,
    Round,
    RunAction,
    RunMutation,
    Send,
    SendWebSocketPing,
    Verify,
)
from .errors import ConnectionFailure, FailureKind, LastMessage, internal_failure
from .messages import (
    PING,
    Authenticate,
    Call,
    ClientMessage,
    Connect,
    ModifyQuerySet,
    StateVersion,
    auth_error,
    fatal_error,
    parse,
    query_removed,
    transition,
)
from .mutations import Calls, Outcome, answer, request_text_id
from .queries import QuerySet, Watch
from .transitions import CHUNK_BYTES, Result, Transitions, in_chunks

MAX_INBOX = 1000


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session knows of its server and its client."""

    client: ClientVersion = UNKNOWN_CLIENT
    redact: bool = False


class Surroundings(Protocol):
    """What a session asks of the backend around it."""

    def latest_ts(self) -> int:
        """The timestamp of the last commit."""

    def known(self, round_: Round) -> tuple[int, Mapping[int, tuple[Result, Watch]]] | None:
        """The results of a round, with their timestamp, if nothing has to run for them."""

    def new_request_id(self) -> str:
        """Sixteen hex digits for an error text that belongs to no call."""

    def wants_turn(self, session: "Session") -> None:
        """This session has something to do when the commit at hand is done."""


class Session:
    """The server's side of one socket."""

    def __init__(self, options: SessionOptions, backend: Surroundings, now: float) -> None:
        self.options = options
        self.session_id: uuid.UUID | None = None
        self.skew_ms: int | None = None
        self.closed = False
        self.queries = QuerySet(self.invalidated)
        self.transitions = Transitions()
        self.calls: Calls[Request] = Calls()
        self.authentication = Authentication()
        self._backend = backend
        self._heartbeat = Heartbeat(now)
        self._inbox: deque[ClientMessage] = deque()
        self._verifying: Authenticate | None = None
        self._effects: list[Effect] = []

    # The wire

    def received(self, text: str, now: float) -> None:
        """A text frame came."""
        if self.closed:
            return
        self._heartbeat.heard(now)
        try:
            message = parse(text)
        except ConnectionFailure as failure:
            self._fail(failure, now)
            return
        self._inbox.append(message)
        if len(self._inbox) == MAX_INBOX:
            # Who floods a server that waits for an issuer has to wait as well.
            self._effects.append(Reading(False))
        self._work(now)

    def received_binary(self, now: float) -> None:
        """A binary frame came; the protocol has none."""
        # [connection.binary-frame] The peer speaks something else.
        self.fail(internal_failure("binary frames are not part of the protocol"), now)

    def heard(self, now: float) -> None:
        """A ping or pong came."""
        self._heartbeat.heard(now)

    def flushed(self, now: float) -> None:
        """Everything sent so far has left this process."""
        self.transitions.unsent = 0
        self.turn(now)

    def fail(self, failure: ConnectionFailure, now: float) -> None:
        """Something outside of this session makes it end."""
        if not self.closed:
            self._fail(failure, now)

    def lost(self) -> None:
        """The socket is gone."""
        self._end()

    # The clock

    def tick(self, now: float) -> None:
        """A deadline has passed."""
        if self.closed:
            return
        for beat in self._heartbeat.due(now):
            if beat is Beat.WEBSOCKET_PING:
                self._effects.append(SendWebSocketPing())
            elif beat is Beat.PING:
                self._send(PING, now)
            else:
                self._fail(
                    ConnectionFailure(
                        FailureKind.CLIENT_DISCONNECT, "ClientDisconnected", "the client is silent"
                    ),
                    now,
                )

    def next_deadline(self) -> float | None:
        """When `tick` is due."""
        return None if self.closed else self._heartbeat.next_deadline()

    # The functions

    def verified(self, identity: Identity, now: float) -> None:
        """The token of the last Verify is good."""
        message, self._verifying = self._verifying, None
        if self.closed or message is None:
            return
        try:
            self.authentication.accept(message, identity, now)
        except ConnectionFailure as failure:
            self._fail(failure, now)
            return
        if self.authentication.version > self.transitions.current.identity:
            self.transitions.wanted = True
        self.turn(now)
        self._work(now)

    def rejected(self, failure: ConnectionFailure, now: float) -> None:
        """The token of the last Verify is not good."""
        self._verifying = None
        self.fail(as_refusal(failure), now)

    def mutation_finished(self, request: Request, outcome: Outcome, now: float) -> None:
        """A mutation has committed or failed."""
        if self.closed:
            return
        self.calls.running = None
        # [mutations.response-then-transition] The response first, then a
        # transition in any case: the client's promise waits for it.
        self._respond(request, outcome, now)

    def action_finished(self, request: Request, outcome: Outcome, now: float) -> None:
        """An action has returned or failed."""
        if self.closed:
            return
        self.calls.actions -= 1
        # [mutations.action-at-once] In order of completion.
        self._respond(request, outcome, now)

    def renewed(self, round_: Round) -> Round:
        """The round as it has to be run now, which may be later than it was started."""
        # [transitions.snapshot] A commit in between made more results stale; a
        # Transition to its timestamp has to have all of them.
        queries = {**dict(round_.queries), **dict(self.queries.take_outdated())}
        return round_._replace(queries=tuple(queries.items()))

    def round_finished(
        self, round_: Round, ts: int, results: Mapping[int, tuple[Result, Watch]], now: float
    ) -> None:
        """Every query of a round was evaluated at `ts`."""
        if not self.closed:
            self._finish(round_, ts, results, now)
            self.turn(now)

    def invalidated(self) -> None:
        """A result that this socket shows is stale."""
        self.transitions.wanted = True
        self._backend.wants_turn(self)

    def outdate(self) -> None:
        """No result that this socket shows is known to hold."""
        self.queries.outdate_all()
        self.invalidated()

    # Out

    def take_effects(self) -> list[Effect]:
        """What is to be done, in order."""
        effects, self._effects = self._effects, []
        return effects

    def turn(self, now: float) -> None:
        """Start the next transition if one is wanted and may start."""
        transitions = self.transitions
        while transitions.wanted and not self.closed and self._verifying is None:
            if not transitions.ready:
                return
            if self.authentication.identity.is_admin and self._rechecks(now):
                return
            transitions.start()
            try:
                round_ = self._start_round(now)
            except ConnectionFailure as failure:
                self._fail(failure, now)
                return
            known = self._backend.known(round_)
            if known is None:
                self._effects.append(round_)
                return
            self._finish(round_, known[0], known[1], now)

    def _work(self, now: float) -> None:
        while self._inbox and self._verifying is None and not self.closed:
            if isinstance(self._inbox[0], Call) and self._rechecks(now):
                return
            if len(self._inbox) == MAX_INBOX:
                self._effects.append(Reading(True))
            try:
                self._handle(self._inbox.popleft(), now)
            except ConnectionFailure as failure:
                self._fail(failure, now)
                return
            # A transition starts before the next message is looked at.
            self.turn(now)

    def _handle(self, message: ClientMessage, now: float) -> None:
        match message:
            case Connect():
                self._connect(message, now)
            case ModifyQuerySet():
                self.queries.modify(message)
                self.transitions.wanted = True
            case Call():
                self._call(message, now)
            case Authenticate():
                if message.acting_as is not None:
                    acting_as(message.acting_as)
                self._verify(message)
            case _:
                pass

    def _rechecks(self, now: float) -> bool:
        """Whether the identity must be verified again before it is used."""
        message = self.authentication.recheck(now)
        if message is not None:
            self._verify(message)
        return message is not None

    def _verify(self, message: Authenticate) -> None:
        self._verifying = message
        self._effects.append(Verify(message))

    def _connect(self, message: Connect, now: float) -> None:
        self.session_id = message.session_id
        if message.client_ts_ms is not None:
            # [connection.clock-skew] Positive when the client's clock is ahead.
            self.skew_ms = message.client_ts_ms - round(now * 1000)
        # [connection.max-observed-check] The client has seen the future of this
        # server: it must come back when we have caught up.
        if (message.max_observed_ts or 0) > self._backend.latest_ts():
            raise internal_failure("the client has observed a later timestamp than the latest")

    def _call(self, call: Call, now: float) -> None:
        # [mutations.identity-at-receipt] As whom a call runs is settled now.
        identity = self.authentication.use(now)
        request = Request(call, identity, self.session_id)
        if call.is_action:
            self.calls.add_action()
            self._effects.append(RunAction(request))
            return
        self.calls.add_mutation(request)
        self._next_mutation()

    def _next_mutation(self) -> None:
        request = self.calls.next_mutation()
        if request is not None:
            self._effects.append(RunMutation(request))

    def _respond(self, request: Request, outcome: Outcome, now: float) -> None:
        text = answer(
            request.call, lambda: self._text_id(request), outcome, redact=self.options.redact
        )
        self._send(text, now)
        self.transitions.wanted = True
        self._next_mutation()
        self.turn(now)

    def _text_id(self, request: Request) -> str:
        if request.session_id is None:
            return self._backend.new_request_id()
        return request_text_id(request.session_id, request.call.request_id)

    def _start_round(self, now: float) -> Round:
        identity = self.authentication.use(now)
        if self.authentication.version > self.transitions.current.identity:
            # [auth.rerun] Another identity: every query runs again.
            self.queries.outdate_all()
        removed = self.queries.take_edits()
        return Round(
            self.queries.version,
            self.authentication.version,
            identity,
            self.queries.take_outdated(),
            removed,
        )

    def _finish(
        self, round_: Round, ts: int, results: Mapping[int, tuple[Result, Watch]], now: float
    ) -> None:
        modifications: dict[int, bytes] = {}
        for query_id in round_.removed:
            modifications[query_id] = query_removed(query_id)
        for query_id, query in round_.queries:
            result, watch = results[query_id]
            query.journal = result.journal
            query.show(watch)
            # [transitions.only-changed] The socket hears what is new to it.
            if query.digest != result.digest:
                query.digest = result.digest
                modifications[query_id] = result.modification(
                    query_id, self._backend.new_request_id, redact=self.options.redact
                )
        end = StateVersion(round_.query_set, round_.identity_version, ts)
        start = self.transitions.finish(end)
        # [transitions.sorted] By query id, each at most once.
        ordered = [modifications[key] for key in sorted(modifications)]
        text = transition(start, end, ordered, self.skew_ms, int(now * 1e9))
        if len(text) > CHUNK_BYTES and self.options.client.takes_chunks:
            # [transitions.chunk-order] Back to back, nothing in between.
            for chunk in in_chunks(text):
                self._send(chunk, now)
            return
        self._send(text, now)

    def _send(self, text: bytes, now: float) -> None:
        self._heartbeat.queued(now)
        self._effects.append(Send(text))

    def _fail(self, failure: ConnectionFailure, now: float) -> None:
        match failure.ending.last_message:
            case LastMessage.FATAL:
                # [errors.fatal] The client is at fault; it shall not come back.
                self._send(fatal_error(failure.message), now)
            case LastMessage.AUTH:
                attempted = failure.kind is FailureKind.AUTH_UPDATE_FAILED
                # [auth.rejected] The version is that of the last transition sent.
                version = self.transitions.current.identity
                self._send(auth_error(failure.message, version, attempted), now)
            case LastMessage.NONE:
                pass
        self._effects.append(Close(failure.ending.code, failure.close_reason))
        self._end()

    def _end(self) -> None:
        self.closed = True
        self._inbox.clear()
        self.calls.drop()
        self.queries.clear()
