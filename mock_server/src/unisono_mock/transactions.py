"""Transactions: mutations that commit or leave no trace, actions, and what they schedule.

Spec: mutations
Not here: the queue of a socket (see core.mutations), results under watch (see sharing).
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from .app import App, Kind
from .clocks import Clock
from .computing import Limit, no_limit
from .core.auth import ANONYMOUS, Identity
from .core.effects import Request
from .core.errors import (
    Conflict,
    ConnectionFailure,
    FailureKind,
    FunctionError,
    internal_failure,
)
from .core.messages import NO_LINES
from .core.mutations import Completed, CompletedCalls, Outcome
from .core.pagination import Cursors, Pages
from .core.store import Change, Commit, Document, Store, Transaction
from .core.usage import Usage
from .core.values import Json, Value, json_bytes
from .database import Chance
from .execution import Failed, Runner, Scope
from .scheduling import Jobs, Scheduler
from .storage import ActionStorage, Bytes, Files, MemoryBytes
from .turns import Turns

T = TypeVar("T")

ATTEMPTS = 5
MUTATION_S = 60.0

logger = logging.getLogger("unisono_mock")


class Durable(Bytes, Protocol):
    """Something that keeps commits through crashes."""

    @property
    def secret(self) -> bytes:
        """The key of cursors, which must outlive the process."""

    def completed(self) -> Iterable[Completed]:
        """The calls that were remembered, oldest first."""

    def commit(
        self, ts: int, changes: tuple[Change, ...], store: Store, call: Completed | None
    ) -> None:
        """Write one commit; when this returns, it survives a crash."""


def _leave(transaction: Transaction) -> None:
    """The mutation commits when it is done."""


def _nothing(ts: int) -> Completed | None:
    return None


class Transactions:
    """Runs functions in transactions of one store."""

    def __init__(
        self,
        app: App,
        store: Store,
        clock: Clock,
        draw: Callable[[int], bytes],
        on_commit: Callable[[Commit], None],
        settle: Callable[[], None],
        data: Durable | None = None,
        limit: Limit = no_limit,
    ) -> None:
        self.app = app
        self.store = store
        self.clock = clock
        self.draw = draw
        self.runner = Runner(app, store, self, limit)
        self.jobs = Jobs(self)
        self.turns = Turns(clock)
        self.settle = settle
        self._on_commit = on_commit
        self._data = data
        secret = draw(32) if data is None else data.secret
        self.files = Files(MemoryBytes() if data is None else data, secret)
        self._cursors = Cursors(secret)
        self._completed = CompletedCalls()
        for call in () if data is None else data.completed():
            self._completed.add(call)

    def scope(self, identity: Identity, transaction: Transaction | None = None) -> Scope:
        """The surroundings of one call, whose transaction has limits from now on."""
        if transaction is not None:
            transaction.usage = Usage()
        return Scope(identity, self.clock.now(), self.draw, transaction, Pages(self._cursors))

    async def perform(
        self, kind: Kind | None, path: str, args: Json, identity: Identity, at: int | None = None
    ) -> Outcome:
        """Run a function for a caller without a socket."""
        try:
            definition = self.runner.find(path, kind, internal=identity.is_admin)
        except FunctionError as error:
            return Outcome(None, message=error.message)
        match definition.kind:
            case Kind.QUERY:
                return await self._run(self.scope(identity, self.store.begin(at)), path, kind, args)
            case Kind.MUTATION:
                return await self.mutation(path, args, identity)
            case Kind.ACTION:
                return await self._run(self.scope(identity), path, kind, args)

    async def mutation(
        self, path: str, args: Json, identity: Identity, request: Request | None = None
    ) -> Outcome:
        """Run a mutation until it commits or fails."""
        # [mutations.serial] The first attempt is optimistic; who has lost runs
        # again, one after the other.
        try:
            return await self._attempt(path, args, identity, request, True)
        except Conflict:
            again = partial(self._attempt, path, args, identity, request, False)
        try:
            return await self._in_turn(again)
        except Conflict as conflict:
            code = "OptimisticConcurrencyControlFailure"
            raise ConnectionFailure(FailureKind.OCC, code, str(conflict)) from None

    async def _in_turn(self, again: Callable[[], Awaitable[T]]) -> T:
        turn = await self.turns.take()
        try:
            for _ in range(2, ATTEMPTS):
                with suppress(Conflict):
                    return await again()
            return await again()
        finally:
            self.turns.done(turn)

    async def _attempt(
        self, path: str, args: Json, identity: Identity, request: Request | None, is_first: bool
    ) -> Outcome:
        if is_first and self.turns.taken:
            await self.turns.pass_by()
        if request is not None:
            known = self._completed.find(request.session_id, request.call.request_id)
            if known is not None:
                return known
        transaction = self.store.begin()
        scope = self.scope(identity, transaction)
        if self.runner.is_async(path):
            outcome = await self._run_for_a_while(scope, path, args)
        else:
            outcome = await self._run(scope, path, Kind.MUTATION, args)
        if outcome.value is None:
            return outcome
        if is_first and self.turns.taken:
            await self.turns.pass_by()
        return self._commit_call(transaction, outcome, request)

    async def _run_for_a_while(self, scope: Scope, path: str, args: Json) -> Outcome:
        try:
            async with self.clock.at_most(MUTATION_S):
                return await self._run(scope, path, Kind.MUTATION, args)
        except TimeoutError:
            # [errors.system-failure-closes] Whoever waits for a mutation that
            # never ends shall not wait for ever.
            raise internal_failure(f"{path} took longer than {MUTATION_S:.0f} s") from None

    async def action(self, path: str, args: Json, identity: Identity) -> Outcome:
        """Run an action."""
        return await self._run(self.scope(identity), path, Kind.ACTION, args)

    def commit(
        self, transaction: Transaction, record: Callable[[int], Completed | None] = _nothing
    ) -> Commit:
        """Commit, and tell everybody who shows something that changed."""
        data = self._data

        def keep(ts: int, changes: tuple[Change, ...]) -> None:
            if data is None:
                return
            try:
                data.commit(ts, changes, self.store, record(ts))
            except OSError as error:
                logger.exception("a commit could not be kept")
                raise internal_failure(str(error)) from error

        # A commit in the middle of an action is not the action's to be interrupted in.
        with self.runner.limit(None):
            commit = self.store.commit(transaction, int(self.clock.now() * 1e9), keep)
            self._on_commit(commit)
            self.jobs.committed(commit)
            self.files.committed(commit)
        return commit

    # What a function asks for

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait on the clock."""
        return self.clock.sleep(seconds)

    def scheduler(self, scope: Scope) -> Scheduler:
        """The scheduler of one call: part of its transaction, or in one of its own."""
        chance = Chance(scope.now_s, scope.draw)
        if scope.transaction is not None:
            return Scheduler(scope.transaction, chance, self.runner, None)
        return Scheduler(self.store.begin(), chance, self.runner, self._commit_and_begin)

    def storage(self, scope: Scope) -> ActionStorage:
        """The files, as one call sees them: in its transaction, or in transactions of their own."""
        chance = Chance(scope.now_s, scope.draw)
        transaction = scope.transaction
        if transaction is None:
            return ActionStorage(self.files, chance, self.store.begin, self._commit_now)
        return ActionStorage(self.files, chance, lambda: transaction, _leave)

    async def nested_query(self, path: str, args: Value, scope: Scope) -> Value:
        """A query that an action runs, at the latest snapshot."""
        inner = self._inner(scope, self.store.begin())
        return await self.runner.invoke(self.app.functions[path], args, inner)

    async def nested_mutation(self, path: str, args: Value, scope: Scope) -> Value:
        """A mutation that an action runs, in a transaction of its own."""

        async def attempt() -> Value:
            transaction = self.store.begin()
            inner = self._inner(scope, transaction)
            value = await self.runner.invoke(self.app.functions[path], args, inner)
            self._commit_now(transaction)
            return value

        try:
            with suppress(Conflict):
                return await attempt()
            return await self._in_turn(attempt)
        except Conflict as conflict:
            raise FunctionError(str(conflict)) from None

    # What was scheduled

    async def scheduled(self, job: Document) -> None:
        """Run a job that is due."""
        path, args = job["name"], job["args"]
        if path not in self.app.functions:
            self._mark(job["_id"], "failed", f"Could not find function for '{path}'.")
            return
        if self.app.functions[path].kind is Kind.MUTATION:
            await self._scheduled_mutation(job, path, args)
            return
        self._mark(job["_id"], "inProgress")
        scope = self.scope(ANONYMOUS)
        error = await self._scheduled_run(scope, path, args)
        self._mark(job["_id"], "success" if error is None else "failed", error)

    async def _scheduled_mutation(self, job: Document, path: str, args: Value) -> None:
        async def attempt() -> None:
            transaction = self.store.begin()
            error = await self._scheduled_run(self.scope(ANONYMOUS, transaction), path, args)
            if error is not None:
                self._mark(job["_id"], "failed", error)
                return
            # The end of the job is part of its transaction: it runs once.
            self.jobs.mark(transaction, job["_id"], "success")
            self._commit_now(transaction)

        try:
            with suppress(Conflict):
                return await attempt()
            await self._in_turn(attempt)
        except Conflict as conflict:
            self._mark(job["_id"], "failed", str(conflict))

    async def _scheduled_run(self, scope: Scope, path: str, args: Value) -> str | None:
        try:
            await self.runner.invoke(self.app.functions[path], args[0], scope)
        except FunctionError as error:
            return error.message
        return None

    def _mark(self, job_id: str, state: str, error: str | None = None) -> None:
        transaction = self.store.begin()
        self.jobs.mark(transaction, job_id, state, error)
        self._commit_now(transaction)

    def _commit_now(self, transaction: Transaction) -> None:
        self.commit(transaction)
        self.settle()

    def _commit_and_begin(self, transaction: Transaction) -> Transaction:
        self._commit_now(transaction)
        return self.store.begin()

    def _commit_call(
        self, transaction: Transaction, outcome: Outcome, request: Request | None
    ) -> Outcome:
        now = self.clock.now()

        def record(ts: int) -> Completed | None:
            if request is None or request.session_id is None:
                return None
            done = Outcome(outcome.value, outcome.log_lines, ts)
            return Completed(request.session_id, request.call.request_id, now, done)

        commit = self.commit(transaction, record)
        completed = record(commit.ts)
        if completed is not None:
            self._completed.add(completed)
        return Outcome(outcome.value, outcome.log_lines, commit.ts)

    async def _run(self, scope: Scope, path: str, kind: Kind | None, args: Json) -> Outcome:
        internal = scope.identity.is_admin
        try:
            value = await self.runner.run(path, kind, args, scope, internal=internal)
        except Failed as failed:
            return Outcome(
                None,
                _lines(scope),
                message=failed.message,
                frames=failed.frames,
                data=failed.data,
            )
        return Outcome(value, _lines(scope))

    def _inner(self, scope: Scope, transaction: Transaction) -> Scope:
        inner = self.scope(scope.identity, transaction)
        inner.log, inner.depth = scope.log, scope.depth
        return inner


def _lines(scope: Scope) -> bytes:
    lines: list[Any] = scope.log.lines
    return json_bytes(lines) if lines else NO_LINES
