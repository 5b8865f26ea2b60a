"""A backend in this process: functions, documents and everyone who is connected.

One commit tells the reactor, the reactor names the sockets that show something stale, and
each of them starts its next transition. Equal queries share one run and one encoded result.

Spec: session
Not here: sockets (see server), what a socket says (see core.session).
"""

import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from .app import App, Kind
from .armed import Armed
from .clocks import Clock, VirtualClock
from .computing import Limit, finish_now, no_limit
from .core.auth import ANONYMOUS, Identity
from .core.connection import UNKNOWN_CLIENT, ClientVersion
from .core.effects import Effect, Request, Round, RunAction, RunMutation, Send, Verify
from .core.errors import ConnectionFailure, FunctionError, internal_failure
from .core.messages import Authenticate, canonical_path
from .core.mutations import Outcome
from .core.queries import Watch
from .core.session import Session, SessionOptions
from .core.store import Commit, Store
from .core.transitions import Result
from .core.values import Value, decode, encode, normalize, parse_json
from .execution import Failed
from .faults import Trigger
from .peer import Peer, Sink
from .runtime.keysets import Fetch, KeySets, no_network
from .script import Faults, Script
from .sharing import Holder, Shared, SharedResults
from .transactions import Durable, Transactions
from .verification import AdminKeys, Verifier

T = TypeVar("T")

logger = logging.getLogger("unisono_mock")


class Data(Durable, Protocol):
    """What a backend keeps through restarts."""

    def fill(self, store: Store) -> None:
        """Put what was kept into an empty store."""


class Backend:
    """Functions over a store, for tests in this process and for the server."""

    def __init__(
        self,
        app: App,
        *,
        clock: Clock | None = None,
        draw: Callable[[int], bytes] | None = None,
        redact: bool = False,
        fetch: Fetch = no_network,
        data: Data | None = None,
        limit: Limit = no_limit,
    ) -> None:
        self.app = app
        self.clock = clock or VirtualClock()
        self.redact = redact
        key_sets = KeySets(fetch, self.clock.now)
        self.verifier = Verifier(app.auth, AdminKeys(app.admin_keys), key_sets, redact)
        self.peers: dict[Session, Peer] = {}
        self.script = Script()
        self.store = Store()
        self.store.latest = int(self.clock.now() * 1e9)
        if data is not None:
            data.fill(self.store)
        app.schema.prepare(self.store)
        self._draw = draw or random.Random(0).randbytes
        self.transactions = Transactions(
            app, self.store, self.clock, self._draw, self._committed, self.pump, data, limit
        )
        self.results = SharedResults(self.transactions, self._start_query)
        self._ready: dict[Session, None] = {}
        self._pumping = False
        self._carrying: Session | None = None
        self.transactions.jobs.resume()

    # Calls from this process

    def query(self, path: str, args: Mapping[str, Any] | None = None, **more: Any) -> Value:
        """Run a query and give its value."""
        return self._now(Kind.QUERY, path, {**(args or {}), **more})

    def mutation(self, path: str, args: Mapping[str, Any] | None = None, **more: Any) -> Value:
        """Run a mutation, commit it and give its value."""
        return self._now(Kind.MUTATION, path, {**(args or {}), **more})

    def action(self, path: str, args: Mapping[str, Any] | None = None, **more: Any) -> Value:
        """Run an action and give its value."""
        return self._now(Kind.ACTION, path, {**(args or {}), **more})

    def run(self, function: str | Callable[..., Any], /, **args: Any) -> Value:
        """Run any function, given by path or as itself, and give its value."""
        name = self.transactions.runner.name_of(function)
        return self._now(self.app.functions[name].kind, name, args, internal=True)

    def replace_app(self, app: App) -> None:
        """Put other functions over the same documents; everybody gets the new results."""
        self.app = self.transactions.app = self.transactions.runner.app = app
        app.schema.prepare(self.store)
        for session in list(self.peers):
            session.outdate()
        self.pump()

    @property
    def sessions(self) -> list[Peer]:
        """Everyone who is connected, in order of arrival."""
        return list(self.peers.values())

    def advance(self, seconds: float = 0, *, hours: float = 0) -> None:
        """Move the virtual clock; what is due on the way happens in order."""
        self._virtual().advance(seconds + hours * 3600)
        self.pump()

    def _virtual(self) -> VirtualClock:
        if not isinstance(self.clock, VirtualClock):
            raise TypeError("this backend runs on the clock of the machine; await `call` instead")
        return self.clock

    def _now(
        self, kind: Kind, path: str, args: Mapping[str, Any], *, internal: bool = False
    ) -> Value:
        """Run to the end; where the function sleeps, the virtual clock moves on."""
        outcomes: list[Value] = []

        async def run() -> None:
            identity = Identity(is_admin=True) if internal else ANONYMOUS
            outcomes.append(await self.call(kind, path, args, identity))

        clock = self._virtual()
        clock.spawn(run())
        while not outcomes and clock.run_next():
            pass
        self.pump()
        if not outcomes:
            raise FunctionError(f"{path} waits for something that never happens")
        return outcomes[0]

    async def call(
        self, kind: Kind | None, path: str, args: Mapping[str, Any], identity: Identity = ANONYMOUS
    ) -> Value:
        """Run any function and give its value; raises Failed."""
        outcome = await self.transactions.perform(
            kind, canonical_path(path), [encode(normalize(args))], identity
        )
        if outcome.value is None:
            raise Failed(outcome.message, outcome.frames, outcome.data)
        return decode(parse_json(outcome.value))

    # Peers

    def connect(self, sink: Sink, client: ClientVersion = UNKNOWN_CLIENT) -> "Peer":
        """A new socket, whose frames go to `sink`."""
        options = SessionOptions(client, self.redact)
        session = Session(options, self, self.clock.now())
        peer = self.peers[session] = Peer(self, session, sink)
        self.script.attach(peer)
        return peer

    def misbehave(self, do: Faults, *, when: Trigger | None = None, times: int | None = 1) -> Armed:
        """Do wrong when an event comes, `times` times; without an event, at once."""
        for peer in self.peers.values():
            self.script.wire(peer)
        return self.script.misbehave(do, when, times)

    def latest_ts(self) -> int:
        """The timestamp of the last commit."""
        return self.store.latest

    def new_request_id(self) -> str:
        """Sixteen hex digits."""
        return self._draw(8).hex()

    def forget(self, session: Session) -> None:
        """A session is over."""
        self.peers.pop(session, None)

    def wants_turn(self, session: Session) -> None:
        """A session has something to do once the commit at hand is done."""
        self._ready[session] = None

    def pump(self) -> None:
        """Carry out effects until nobody has any left."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._ready:
                ready, self._ready = self._ready, {}
                now = self.clock.now()
                for session in ready:
                    try:
                        session.turn(now)
                        self._carry_out(session)
                    except Exception:
                        self._give_up(session)
        finally:
            self._pumping = False

    def _give_up(self, session: Session) -> None:
        """A fault of ours costs the socket that met it, and nobody else."""
        logger.exception("a connection is given up")
        session.fail(internal_failure("a fault of the server"), self.clock.now())
        self._carry_out(session)

    def _carry_out(self, session: Session) -> None:
        peer = self.peers.get(session)
        self._carrying = session
        while peer is not None and (effects := session.take_effects()):
            for effect in effects:
                if type(effect) is Send:
                    peer.emit(effect)
                else:
                    self._carry_out_one(session, peer, effect)
            # What was held back by two unsent transitions may go on now.
            if session.transitions.wanted:
                session.turn(self.clock.now())
        self._carrying = None
        if session.closed:
            self.peers.pop(session, None)

    def _carry_out_one(self, session: Session, peer: Peer, effect: Effect) -> None:
        if isinstance(effect, RunMutation):
            self._run_mutation(session, effect.request)
        elif isinstance(effect, RunAction):
            self._run_action(session, effect.request)
        elif isinstance(effect, Round):
            self._run_round(session, effect)
        elif isinstance(effect, Verify):
            self._verify(session, effect.message)
        else:
            peer.emit(effect)

    def _start(
        self,
        call: Coroutine[Any, Any, T],
        may_wait: bool,
        done: Callable[[T], None],
        failed: Callable[[ConnectionFailure], None],
    ) -> None:
        """Run now what waits for nothing; what may wait, in a task of its own."""
        if may_wait:
            self.clock.spawn(self._later(call, done, failed))
            return
        try:
            result = finish_now(call)
        except Exception as error:
            failed(_as_failure(error))
        else:
            done(result)

    async def _later(
        self,
        call: Coroutine[Any, Any, T],
        done: Callable[[T], None],
        failed: Callable[[ConnectionFailure], None],
    ) -> None:
        try:
            result = await call
        except Exception as error:
            failed(_as_failure(error))
        else:
            done(result)
        self.pump()

    def _lose(self, session: Session, failure: ConnectionFailure) -> None:
        """What this socket has asked for cannot be answered."""
        session.fail(failure, self.clock.now())
        self.wants_turn(session)

    def _start_query(
        self,
        path: str,
        call: Coroutine[Any, Any, T],
        done: Callable[[T], None],
        failed: Callable[[ConnectionFailure], None],
    ) -> None:
        self._start(call, self.transactions.runner.is_async(path), done, failed)

    def _committed(self, commit: Commit) -> None:
        self.results.committed(commit)

    # Queries

    def known(self, round_: Round) -> tuple[int, dict[int, tuple[Result, Watch]]] | None:
        """The results of a round, with their timestamp, if somebody shows them all."""
        results: dict[int, tuple[Result, Watch]] = {}
        for query_id, query in round_.queries:
            shared = self.results.find(query, round_.identity)
            if shared is None:
                return None
            results[query_id] = (shared.result, shared)
        # [transitions.one-timestamp] What is shown holds at the latest timestamp.
        return self.store.latest, results

    def _run_round(self, session: Session, round_: Round) -> None:
        # [transitions.one-timestamp] Every query of a round is evaluated at this one.
        ts = self.store.latest
        round_ = session.renewed(round_)
        results: dict[int, tuple[Result, Watch]] = {}
        holder = Holder()

        def arrived(query_id: int, shared: Shared) -> None:
            shared.listen(holder)
            results[query_id] = (shared.result, shared)
            if len(results) < len(round_.queries) and not session.closed:
                return
            session.round_finished(round_, ts, results, self.clock.now())
            let_go()
            if self._carrying is not session:
                self.wants_turn(session)

        def let_go() -> None:
            for _, each in results.values():
                each.leave(holder)

        def failed(failure: ConnectionFailure) -> None:
            self._lose(session, failure)
            let_go()

        for query_id, query in round_.queries:
            self.results.evaluate(query, round_.identity, ts, partial(arrived, query_id), failed)

    # Mutations and actions

    def _run_mutation(self, session: Session, request: Request) -> None:
        def finished(outcome: Outcome) -> None:
            session.mutation_finished(request, outcome, self.clock.now())
            self.wants_turn(session)

        transactions, path = self.transactions, canonical_path(request.call.path)
        call = transactions.mutation(path, request.call.args, request.identity, request)
        may_wait = self.transactions.runner.is_async(path) or transactions.turns.taken
        self._start(call, may_wait, finished, partial(self._lose, session))

    def _run_action(self, session: Session, request: Request) -> None:
        def finished(outcome: Outcome) -> None:
            session.action_finished(request, outcome, self.clock.now())
            self.wants_turn(session)

        path = canonical_path(request.call.path)
        call = self.transactions.action(path, request.call.args, request.identity)
        self._start(
            call, self.transactions.runner.is_async(path), finished, partial(self._lose, session)
        )

    # Identities

    def _verify(self, session: Session, message: Authenticate) -> None:
        def finished(answer: Identity | ConnectionFailure) -> None:
            now = self.clock.now()
            if isinstance(answer, ConnectionFailure):
                session.rejected(answer, now)
            else:
                session.verified(answer, now)
            self.wants_turn(session)

        call = self.verifier.answer(message, self.clock.now())
        lost = partial(self._lose, session)
        self._start(call, self.verifier.may_wait(message), finished, lost)


def _as_failure(error: Exception) -> ConnectionFailure:
    """How a fault of ours, or of what we depend on, reaches a socket."""
    if isinstance(error, ConnectionFailure):
        return error
    logger.error("a fault of the server", exc_info=error)
    return internal_failure("a fault of the server")
