"""Scheduling: functions that run later, kept as documents and committed with the mutation.

Spec: mutations
Not here: running what is due (see transactions), the clock (see clocks).
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from .clocks import Clock
from .core.errors import FunctionError
from .core.ids import InvalidId, decode_id
from .core.store import Commit, Document, Store, Transaction
from .core.values import normalize, size_bytes
from .database import Chance

TABLE = "_scheduled_functions"
MAX_AHEAD_S = 5 * 366 * 86_400.0
MAX_JOBS = 1000
MAX_ARGUMENT_BYTES = 2**24
_FINISHED = ("success", "failed", "canceled")


class Names(Protocol):
    """Knows which functions there are."""

    def name_of(self, function: Any) -> str:
        """The canonical path of a function, or FunctionError."""


class Scheduler:
    """`ctx.scheduler`: run a function later, or think better of it."""

    def __init__(
        self,
        transaction: Transaction,
        chance: Chance,
        names: Names,
        commit: Callable[[Transaction], Transaction] | None,
    ) -> None:
        self._transaction = transaction
        self._chance = chance
        self._names = names
        self._commit = commit
        self._jobs = 0
        self._argument_bytes = 0

    def run_after(self, delay_s: float, function: Any, /, **args: Any) -> str:
        """Run a function after so many seconds; returns the id of the job."""
        if not math.isfinite(delay_s) or delay_s < 0:
            raise FunctionError("`delay_s` must be a finite number that is not negative")
        return self.run_at(self._chance.now_s + delay_s, function, **args)

    def run_at(self, when: float | datetime, function: Any, /, **args: Any) -> str:
        """Run a function at a moment: a datetime, or seconds since the epoch."""
        time_s = when.timestamp() if isinstance(when, datetime) else when
        if abs(time_s - self._chance.now_s) > MAX_AHEAD_S:
            raise FunctionError(
                "InvalidScheduledFunctionDelay: a function is scheduled within five years"
            )
        job = self._job(self._names.name_of(function), args, time_s)
        self._transaction.write(TABLE, job["_id"], job)
        self._finish()
        return str(job["_id"])

    def cancel(self, job_id: str) -> None:
        """Do not run it; what is finished stays finished."""
        job = self._find(job_id)
        if job["state"]["kind"] not in _FINISHED:
            self._transaction.write(TABLE, job_id, _with_state(job, "canceled", self._now_ms()))
        self._finish()

    def _find(self, job_id: str) -> Document:
        try:
            name = self._transaction.store.names.get(decode_id(job_id).table)
        except (InvalidId, TypeError):
            name = None
        job = self._transaction.get(TABLE, job_id) if name == TABLE else None
        if job is None:
            raise FunctionError(f"Invalid scheduled function ID. {job_id!r} is none.")
        return job

    def _job(self, path: str, args: Mapping[str, Any], time_s: float) -> Document:
        arguments = normalize(args)
        self._jobs += 1
        self._argument_bytes += size_bytes(arguments)
        if self._jobs > MAX_JOBS:
            raise FunctionError(f"TooManyFunctionsScheduled: at most {MAX_JOBS} in one transaction")
        if self._argument_bytes > MAX_ARGUMENT_BYTES:
            raise FunctionError("ScheduledFunctionsArgumentsTooLarge: at most 16 MiB")
        return {
            "_creationTime": self._now_ms(),
            "_id": self._chance.new_id(self._transaction.store.table(TABLE)),
            "args": [arguments],
            "name": path,
            "scheduledTime": float(time_s) * 1000,
            "state": {"kind": "pending"},
        }

    def _now_ms(self) -> float:
        return self._chance.now_s * 1000

    def _finish(self) -> None:
        if self._commit is not None:
            self._transaction = self._commit(self._transaction)


class Runs(Protocol):
    """What jobs need: the time, the documents, and somebody to run them."""

    clock: Clock
    store: Store

    def scheduled(self, job: Document) -> Awaitable[None]:
        """Run a job that is due."""


class Jobs:
    """Watches commits for jobs, and starts each when it is due."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def committed(self, commit: Commit) -> None:
        """Take note of the jobs in a commit."""
        for change in commit.changes:
            if change.table == TABLE and change.before is None and change.after is not None:
                self._arm(change.after)

    def resume(self) -> None:
        """Take note of the jobs that were waiting when the store was opened."""
        transaction = self._runs.store.begin()
        for _, job in list(transaction.scan(TABLE, "by_creation_time", b"", b"\xff")):
            if job["state"]["kind"] == "pending":
                self._arm(job)

    def mark(
        self, transaction: Transaction, job_id: str, state: str, error: str | None = None
    ) -> None:
        """Write how far a job has come; one that was canceled stays canceled."""
        job = transaction.get(TABLE, job_id)
        if job is None or job["state"]["kind"] == "canceled":
            return
        now_ms = self._runs.clock.now() * 1000 if state in _FINISHED else None
        transaction.write(TABLE, job_id, _with_state(job, state, now_ms, error))

    def _arm(self, job: Document) -> None:
        self._runs.clock.call_at(job["scheduledTime"] / 1000, lambda: self._due(job["_id"]))

    def _due(self, job_id: str) -> None:
        job = self._runs.store.begin().get(TABLE, job_id)
        if job is not None and job["state"]["kind"] == "pending":
            self._runs.clock.spawn(_awaited(self._runs.scheduled(job)))


async def _awaited(call: Awaitable[None]) -> None:
    await call


def _with_state(
    job: Document, kind: str, completed_ms: float | None, error: str | None = None
) -> Document:
    state = {"kind": kind} if error is None else {"error": error, "kind": kind}
    completed = {} if completed_ms is None else {"completedTime": completed_ms}
    return dict(sorted({**job, **completed, "state": state}.items()))
