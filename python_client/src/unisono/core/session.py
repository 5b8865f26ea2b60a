"""The session: where the parts of the client meet. Inputs go in, effects come out.

Spec: session
Not here: any policy of a part (see connection, queries, transitions, mutations,
optimistic, auth), anything that waits (see runtime).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from . import connection, messages
from .auth import Auth, AuthChanged, FetchToken
from .connection import Close, Connection, ConnectionState, Event, Open, Send, State, StateChanged
from .errors import ClientClosedError, RemoteProtocolError, ServerRefusedError, UnisonoError
from .messages import MutationResponse, Response, ServerMessage, Transition
from .mutations import ACTION, MUTATION, Calls, Settle
from .optimistic import Change, Layers, Publish, Snapshot, Update
from .queries import QuerySet, name_of
from .transitions import Log, Results
from .values import Value, encode, encode_args


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen about a session; times in seconds."""

    inactivity_s: float = 60.0
    #: How often to send WebSocket pings; one without an answer until the next is a loss.
    ping_s: float | None = None
    expect_auth: bool = False
    fetch_deadline_s: float = 30.0
    refresh_leeway_s: float = 10.0


Wire: TypeAlias = Open | Send | connection.SendPing | Close
Effect: TypeAlias = Wire | FetchToken | AuthChanged | Publish | Settle | StateChanged | Log


class Session:
    """One client's life, over as many connections as it takes."""

    def __init__(self, session_id: str, options: Options | None = None) -> None:
        options = options or Options()
        # [session.id-kept] A new one per connection would make repeated mutations new.
        self.session_id = session_id
        self._connection = Connection(options.inactivity_s, options.ping_s)
        self.queries = QuerySet()
        self._results = Results()
        self.calls = Calls()
        self._layers = Layers(name_of, self.queries.names)
        self.auth = Auth(options.expect_auth, options.fetch_deadline_s, options.refresh_leeway_s)
        self._is_greeted = False
        self._observed_ts: int | None = None
        self._shown_ts = 0
        self._effects: list[Effect] = []
        self._told: ConnectionState | None = None
        #: What calls are refused with after the end.
        self.ended_by: UnisonoError = ClientClosedError()

    # The user

    def start(self, now: float) -> None:
        """Open the first connection."""
        self._move(Event.START, now)

    def subscribe(self, path: str, args: object, now: float) -> str:
        """Want to be told of a query; return its token. Raises LocalProtocolError."""
        _, canonical, encoded = name_of(path, args)
        self._check_open()
        token = self.queries.add(canonical, encoded)
        self._flush(now)
        return token

    def unsubscribe(self, token: str, now: float) -> None:
        """Want it no more."""
        query = self.queries.remove(token)
        if query is not None:
            self._results.forget(query.query_id)
            self._layers.forget(token)
        self._flush(now)

    def mutate(self, path: str, args: object, now: float, optimistic: Update | None = None) -> int:
        """Call a mutation; return the number under which it settles."""
        return self._call(MUTATION, path, args, now, optimistic)

    def act(self, path: str, args: object, now: float) -> int:
        """Call an action; return the number under which it settles."""
        return self._call(ACTION, path, args, now, None)

    def set_auth(self, now: float, token: str | None = None) -> None:
        """Take tokens from a fetcher, or this one token if it is given."""
        self.auth.set_fetcher(now) if token is None else self.auth.set_token(token, now)
        self._auth_moved(now)

    def set_admin(self, key: str, acting_as: Mapping[str, Value] | None, now: float) -> None:
        """Be an administrator, or the user that one acts as."""
        self.auth.set_admin(key, None if acting_as is None else encode(acting_as), now)
        self._auth_moved(now)

    def clear_auth(self, now: float) -> None:
        """Be nobody from now on."""
        self.auth.clear(now)
        self._auth_moved(now)

    def token(self, number: int, token: str | None, now: float) -> None:
        """The fetcher returned something, or nothing."""
        self.auth.fetched(number, token, now)
        self._auth_moved(now)

    def token_failed(self, number: int, now: float) -> None:
        """The fetcher raised."""
        self.token(number, None, now)

    def pause(self, now: float) -> None:
        """Send nothing until `resume`; what comes is shown all the same."""
        self._connection.paused(True)
        self._tell()

    def resume(self, now: float) -> None:
        """Say what has gathered since `pause`."""
        self._connection.paused(False)
        self._flush(now)
        self._tell()

    def reconnect_now(self, now: float) -> None:
        """Open a new connection at once, whatever the present one is good for."""
        if self._connection.state is State.LIVE:
            self._leave(Event.HOLD, now)
            self._move(Event.RELEASE, now)
        elif self._connection.state is State.WAITING:
            self._move(Event.RETRY, now)

    def close(self, now: float) -> None:
        """End everything."""
        self._end(ClientClosedError(), "closed by the user", now)

    # The wire

    def opened(self, now: float) -> None:
        """The socket is open."""
        self._connection.opened(now)
        self.auth.opened()
        self._flush(now)
        self._tell()

    def received(self, text: str | bytes, now: float, jitter: float) -> None:
        """A text message came."""
        if self._connection.state is not State.LIVE:
            return
        self._connection.heard(now)
        try:
            message = messages.read(text)
            if type(message) is messages.TransitionChunk:
                whole = self._results.add_chunk(message)
                if whole is None:
                    return
                message = messages.read(whole)
                if type(message) is not Transition:
                    raise RemoteProtocolError("transitions.chunk-identity", got=message)
            # [connection.no-reply-to-ping] Nor does it prove that all is well.
            if type(message) is messages.Ping:
                return
            self._results.check_no_chunks()
            self._take(message, now)
            if self._connection.has_failed:
                self._check_well()
        except RemoteProtocolError as error:
            # [transitions.failed-heals] A new connection brings everything anew.
            self._effects.append(Log("warning", f"reconnecting: {error}"))
            self._give_up(connection.PROTOCOL_ERROR, str(error), now, jitter)

    def ponged(self, now: float) -> None:
        """A WebSocket ping was answered."""
        self._connection.ponged()

    def lost(self, now: float, jitter: float, code: int | None, reason: str, why: str = "") -> None:
        """The socket is gone, or could not be opened."""
        if self._connection.state in connection.HAS_SOCKET:
            # [connection.retry-forever] [errors.close-code-retry] Whatever the code.
            reason = connection.close_reason(code, reason)
            self._connection.ended(Event.LOST, now, jitter, reason, why)
            self._disconnected()

    # The clock

    def next_deadline(self) -> float | None:
        """When `tick` has something to do."""
        silent_at, token_at = self._connection.deadline, self.auth.deadline
        if silent_at is None or token_at is None:
            return token_at if silent_at is None else silent_at
        return min(silent_at, token_at)

    def tick(self, now: float, jitter: float) -> None:
        """Time has passed."""
        due = self._connection.deadline
        if due is not None and now >= due:
            if self._connection.state is State.WAITING:
                self._move(Event.RETRY, now)
            elif self._connection.asks_for_sign(now):
                self._effects.append(connection.SendPing())
            else:
                self._give_up(connection.INACTIVE_SERVER, "the server is silent", now, jitter)
        self.auth.tick(now)
        self._auth_moved(now)

    # Out

    def take_effects(self) -> list[Effect]:
        """What the outside has to do, in this order."""
        effects, self._effects = self._effects, []
        return effects

    def snapshot(self) -> Snapshot:
        """Everything that is visible now, all of it of one moment."""
        # [session.one-snapshot]
        return Snapshot(self._layers.visible, self._shown_ts)

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._connection.described()

    # Inside

    def _call(self, kind: str, path: str, args: object, now: float, update: Update | None) -> int:
        path, encoded = messages.check_path(path), encode_args(args)
        self._check_open()
        if update is not None:
            # [optimistic.first-run-raises] It raises here, before a number is used.
            self._publish(self._layers.add(self.calls.next_id, update))
        call_id = self.calls.add(kind, path, encoded, now)
        self._flush(now)
        return call_id

    def _check_open(self) -> None:
        if self._connection.state is State.CLOSED:
            raise self.ended_by

    def _move(self, event: Event, now: float, why: str = "") -> None:
        if self._connection.moved(event, now, why):
            self._effects.append(Open())
        self._tell()

    def _leave(self, event: Event, now: float, why: str = "") -> None:
        """Close the socket, if there is one, because we want to."""
        had_socket = self._connection.state in connection.HAS_SOCKET
        self._move(event, now, why)
        if had_socket:
            self._effects.append(Close())
        self._disconnected()

    def _give_up(self, reason: str, why: str, now: float, jitter: float) -> None:
        self._connection.ended(Event.GIVE_UP, now, jitter, reason, why)
        self._effects.append(Close())
        self._disconnected()

    def _disconnected(self) -> None:
        self._is_greeted = False
        self._effects += self.calls.lost()
        self._tell()

    def _end(self, error: UnisonoError, why: str, now: float) -> None:
        """Stop for good: no call stays open, no layer stays up."""
        # [connection.close-by-user] [errors.fatal-final]
        self.ended_by = error
        self.auth.clear(now)
        # [session.close-settles] [errors.fatal-rejects-calls] Nobody waits for ever.
        self._publish(self._layers.drop_all())
        self._effects += self.calls.reject_all(error)
        self._leave(Event.CLOSE, now, why)

    def _flush(self, now: float) -> None:
        """Say what the server of this connection does not know yet, in the one order."""
        if not self._connection.can_send or self.auth.is_blocking:
            return
        if self._is_greeted:
            # [session.resume-order] [auth.authenticate-first]
            self._send(self.auth.message(), self.queries.edits(), *self.calls.unsent())
        else:
            self._greet(now)

    def _greet(self, now: float) -> None:
        # [connection.opening-order]
        self._is_greeted = True
        self._results.reset()
        connect = messages.connect(
            self.session_id,
            self._connection.connections_before,
            self._connection.last_close_reason,
            # [connection.client-ts]
            round(now * 1000),
            # [connection.max-observed]
            self._observed_ts,
        )
        self._send(connect, self.auth.message(), self.queries.opening(), *self.calls.opening())

    def _send(self, *texts: str | None) -> None:
        self._effects += [Send(text) for text in texts if text]

    def _auth_moved(self, now: float) -> None:
        """Do what a step of the auth machine means for the connection."""
        effects = self.auth.take_effects()
        if self.auth.holds_socket and self._connection.state is State.LIVE:
            # While a token is replaced nothing can be sent, so calls wait for the new one.
            self._leave(Event.HOLD, now, "the token was refused")
        self._effects += effects
        if not self.auth.holds_socket and self._connection.state is State.HELD:
            # [auth.no-backoff]
            self._move(Event.RELEASE, now)
        self._flush(now)
        self._tell()

    def _take(self, message: ServerMessage, now: float) -> None:
        match message:
            case Transition():
                self._take_transition(message, now)
            case MutationResponse() | messages.ActionResponse():
                self._take_response(message)
            case messages.AuthError():
                self._effects.append(Log("warning", f"auth error: {message.message}"))
                self.auth.refused(message, now)
                self._auth_moved(now)
            case messages.FatalError():
                self._effects.append(Log("error", f"fatal error: {message.message}"))
                self._end(ServerRefusedError(message.message), message.message, now)
            case messages.Unknown():
                self._effects.append(Log("debug", f"ignored a {message.type!r} message"))

    def _take_transition(self, transition: Transition, now: float) -> None:
        changed = self._results.apply(transition)
        for each in transition.modifications:
            self._take_modification(each)
        end = transition.end
        # [connection.max-observed-accepted] Only what was applied was observed.
        self._observe(end.ts)
        if end.identity > transition.start.identity:
            self.auth.moved(end.identity, transition.clock_skew_ms, now)
            self._auth_moved(now)
        # [mutations.read-your-writes] While old results are still shown nothing is
        # covered: the call would settle before its effect can be seen.
        settled: list[Settle] = []
        if self._results.is_shown:
            self._shown_ts = end.ts
            settled = self.calls.reached(end.ts)
        # [session.publish-then-settle] [transitions.atomic]
        calls = [each.call_id for each in settled]
        self._publish(self._layers.ingest(self.queries.by_token(changed), calls))
        self._effects += settled

    def _take_modification(self, each: messages.QueryAnswered | messages.QueryRemoved) -> None:
        if isinstance(each, messages.QueryRemoved):
            self.queries.removed(each.query_id)
            return
        path = self.queries.answered(each.query_id, each.journal)
        if path is not None and each.outcome.log_lines:
            self._log_function(path, each.outcome.log_lines)

    def _take_response(self, response: Response) -> None:
        call = self.calls.awaiting(response)
        if call is None:
            return
        self._log_function(call.path, response.outcome.log_lines)
        if isinstance(response, MutationResponse):
            # [mutations.ts-raises-observed]
            self._observe(response.ts)
        settle = self.calls.responded(call, response)
        if settle is not None:
            # [optimistic.drop-at-failure] An action has no layer to drop.
            self._publish(self._layers.ingest({}, [settle.call_id]))
            self._effects.append(settle)

    def _observe(self, ts: int) -> None:
        if ts > (self._observed_ts or 0):
            self._observed_ts = ts

    def _log_function(self, path: str, lines: Iterable[str]) -> None:
        # [transitions.log-lines]
        self._effects += [Log("function", line, path) for line in lines]

    def _publish(self, change: Change) -> None:
        for call_id, error in change.broken:
            text = f"the optimistic update of call {call_id} was dropped: {error!r}"
            self._effects.append(Log("error", text))
        # [session.only-changed-published]
        if change.tokens:
            self._effects.append(Publish(change.tokens, self.snapshot()))

    def _check_well(self) -> None:
        # [connection.backoff-reset]
        is_synced = self.queries.all_answered and self.calls.is_synced and self.auth.is_confirmed
        if self._is_greeted and is_synced:
            self._connection.well()
            self._tell()

    def _tell(self) -> None:
        state = self._connection.described()
        if state != self._told:
            self._told = state
            self._effects.append(StateChanged(state))
