"""Mutations and actions of one socket: their queue, their answers, and what is remembered.

Spec: mutations
Not here: running them (see backend), what a commit checks (see store).
"""

import hashlib
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import ConnectionFailure, FailureKind, error_text
from .messages import NO_LINES, Call, action_succeeded, call_failed, mutation_succeeded

MAX_WAITING = 1000
MAX_ACTIONS = 1001
RETENTION_S = 336 * 3600.0

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. A mutation that committed has a timestamp."""

    value: bytes | None
    log_lines: bytes = NO_LINES
    ts: int = 0
    message: str = ""
    frames: str = ""
    data: bytes | None = None


def answer(call: Call, text_id: Callable[[], str], outcome: Outcome, *, redact: bool) -> bytes:
    """The response to a call."""
    lines = NO_LINES if redact else outcome.log_lines
    if outcome.value is None:
        # [mutations.failure-at-once] A failure has no timestamp to wait for.
        text = error_text(text_id(), outcome.message, outcome.frames, redact=redact)
        return call_failed(call.request_id, call.is_action, text, outcome.data, lines)
    if call.is_action:
        return action_succeeded(call.request_id, outcome.value, lines)
    return mutation_succeeded(call.request_id, outcome.value, outcome.ts, lines)


def request_text_id(session_id: uuid.UUID, request_id: int) -> str:
    """The id of a call in error texts; the same when the call is sent again."""
    return hashlib.sha256(f"{session_id}|{request_id}".encode()).hexdigest()[:16]


class Calls(Generic[Request]):
    """The mutations that wait and run, and the actions in flight."""

    __slots__ = ("_waiting", "actions", "running")

    def __init__(self) -> None:
        self.running: Request | None = None
        self.actions = 0
        self._waiting: deque[Request] = deque()

    def add_mutation(self, request: Request) -> None:
        """Put a mutation behind those before it."""
        # [mutations.queue-limit] A client that sends faster than we run is told to wait.
        if len(self._waiting) >= MAX_WAITING:
            raise ConnectionFailure(
                FailureKind.RATE_LIMITED,
                "TooManyConcurrentMutations",
                "Too many mutations are waiting on this connection",
            )
        self._waiting.append(request)

    def add_action(self) -> None:
        """Count an action in."""
        # [mutations.action-concurrent] Actions wait for nobody, up to a number.
        if self.actions >= MAX_ACTIONS:
            raise ConnectionFailure(
                FailureKind.RATE_LIMITED,
                "TooManyInflightActionsForSingleClient",
                "Too many actions are in flight on this connection",
            )
        self.actions += 1

    def next_mutation(self) -> Request | None:
        """The mutation to run now, if none is running."""
        # [mutations.serial] One at a time and in order of arrival.
        if self.running is not None or not self._waiting:
            return None
        self.running = self._waiting.popleft()
        return self.running

    def drop(self) -> None:
        """Forget what waits: the client will send it again."""
        self._waiting.clear()


@dataclass(frozen=True, slots=True)
class Completed:
    """A mutation of a client that committed."""

    session_id: uuid.UUID
    request_id: int
    time_s: float
    outcome: Outcome


class CompletedCalls:
    """The mutations that committed, so that none commits twice."""

    def __init__(self) -> None:
        self._calls: dict[tuple[uuid.UUID, int], Completed] = {}

    def find(self, session_id: uuid.UUID | None, request_id: int) -> Outcome | None:
        """The outcome of a mutation that was already carried out."""
        # [mutations.dedupe] Session and request name a call; path and
        # arguments are not compared.
        if session_id is None:
            return None
        found = self._calls.get((session_id, request_id))
        # [mutations.dedupe-original] The same result, the same timestamp.
        return None if found is None else found.outcome

    def add(self, call: Completed) -> None:
        """Remember a mutation that committed."""
        # [mutations.dedupe-failed] Only successes are remembered: a mutation
        # that failed left nothing to protect.
        self._calls[call.session_id, call.request_id] = call
        while self._calls:
            oldest = next(iter(self._calls.values()))
            if oldest.time_s >= call.time_s - RETENTION_S:
                return
            del self._calls[oldest.session_id, oldest.request_id]
