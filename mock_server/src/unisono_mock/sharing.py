"""Shared results: equal queries of different sockets run once and are encoded once.

A result lives as long as somebody shows it and nothing that it read was written.

Spec: transitions
Not here: what a commit touches (see core.reactor), running a function (see execution).
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .app import Kind
from .core.auth import Identity
from .core.errors import ConnectionFailure, FunctionError
from .core.queries import Query
from .core.reactor import Reactor, Watch
from .core.store import Commit
from .core.transitions import Result
from .execution import Failed, Scope
from .transactions import Transactions

Question: TypeAlias = tuple[str, bytes, str | None]
ShareKey: TypeAlias = tuple[Question, bytes | None]
Lost: TypeAlias = Callable[[ConnectionFailure], None]

# Runs at once what waits for nothing, and the rest in its own time.
Starter: TypeAlias = Callable[[str, Coroutine[Any, Any, Any], Callable[[Any], None], Lost], None]


@dataclass(slots=True, eq=False)
class Shared(Watch):
    """One result for everybody who asks the same; gone when nobody shows it."""

    key: ShareKey = field(kw_only=True)
    result: Result = field(kw_only=True)
    drop: Callable[["Shared"], None] = field(kw_only=True)

    def leave(self, listener: Any) -> None:
        """This one no longer shows it; the last one takes the result along."""
        Watch.leave(self, listener)
        if not self.listeners:
            self.drop(self)


Done: TypeAlias = Callable[[Shared], None]


class Holder:
    """Keeps a result for somebody who does not show it yet."""

    def invalidated(self) -> None:
        """Whoever takes the result over looks whether it is stale."""


class SharedResults:
    """All results that somebody shows."""

    def __init__(self, transactions: Transactions, start: Starter) -> None:
        self._transactions = transactions
        self._start = start
        self._reactor = Reactor()
        self._results: dict[ShareKey, Shared] = {}
        self._running: dict[tuple[object, ...], list[tuple[Done, Lost]]] = {}

    def __len__(self) -> int:
        return len(self._results)

    def find(self, query: Query, identity: Identity) -> Shared | None:
        """The result that somebody shows already, if it holds for this identity."""
        question = _question(query)
        return self._results.get((question, None)) or self._results.get((question, identity.key))

    def evaluate(
        self,
        query: Query,
        identity: Identity,
        ts: int,
        done: Done,
        failed: Lost,
    ) -> None:
        """The result of a query at a timestamp, from a run that there is or from a new one."""
        found = self.find(query, identity)
        if found is not None:
            done(found)
            return
        running = (_question(query), identity.key, ts)
        if running in self._running:
            self._running[running].append((done, failed))
            return
        waiting = self._running[running] = [(done, failed)]

        def finished(shared: Shared) -> None:
            del self._running[running]
            # Whoever asked may be gone, or wait for more results before it
            # shows this one: until all have it, the result has a holder.
            holder = Holder()
            shared.listen(holder)
            for tell, _ in waiting:
                tell(shared)
            shared.leave(holder)

        def lost(failure: ConnectionFailure) -> None:
            del self._running[running]
            for _, tell in waiting:
                tell(failure)

        self._start(query.path, self._run(query, identity, ts), finished, lost)

    def committed(self, commit: Commit) -> None:
        """Tell everybody who shows something that this commit makes stale."""
        for watch in self._reactor.commit(commit):
            if isinstance(watch, Shared):
                self._drop(watch)
            for listener in list(watch.listeners):
                listener.invalidated()

    async def _run(self, query: Query, identity: Identity, ts: int) -> Shared:
        store = self._transactions.store
        transaction = store.begin(ts)
        scope = self._transactions.scope(identity, transaction)
        scope.pages.pinned = query.journal
        result = await self._result(query, scope)
        # [security.identity-isolation] A run that looked at the identity is
        # shared with that identity alone.
        seen_by = identity.key if scope.auth.observed else None
        key = (_question(query), seen_by)
        shared = Shared(transaction.reads, key=key, result=result, drop=self._drop)
        if store.untouched_since(transaction.reads, ts):
            self._reactor.add(shared)
            self._results[key] = shared
        else:
            shared.stale = True
        return shared

    async def _result(self, query: Query, scope: Scope) -> Result:
        runner = self._transactions.runner
        internal = scope.identity.is_admin
        try:
            if query.journal is not None:
                scope.pages.cursors.check(query.journal)
            value = await runner.run(query.path, Kind.QUERY, query.args, scope, internal=internal)
        except FunctionError as error:
            # [pagination.reset] A journal that we did not write pins nothing.
            return Result.failure(error.message, "", None, [], None)
        except Failed as failed:
            return Result.failure(
                failed.message, failed.frames, failed.data, scope.log.lines, scope.pages.journal
            )
        return Result.success(value, scope.log.lines, scope.pages.journal)

    def _drop(self, shared: Shared) -> None:
        if self._results.get(shared.key) is shared:
            del self._results[shared.key]
        if not shared.stale:
            self._reactor.remove(shared)


def _question(query: Query) -> Question:
    return query.path, query.args_text, query.journal
