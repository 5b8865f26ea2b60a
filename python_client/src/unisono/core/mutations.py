"""Mutations and actions: in which order they are sent, and when a call has settled.

Spec: mutations
Not here: the optimistic layer of a mutation (see optimistic).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from . import messages
from .errors import CallLostError, UnisonoError
from .messages import MutationResponse, Outcome, Response, Success
from .values import Json

MUTATION = "Mutation"
ACTION = "Action"


class CallState(Enum):
    """How far a call has come."""

    UNSENT = "unsent"
    SENT = "sent"
    COMPLETED = "completed"


@dataclass(slots=True)
class PendingCall:
    """A call that has not settled."""

    call_id: int
    kind: str
    path: str
    args: Json
    called_at: float
    state: CallState = CallState.UNSENT
    outcome: Outcome | None = None
    ts: int = 0
    is_older_than_connection: bool = False

    def text(self) -> str:
        """The message that makes the call."""
        return messages.call(self.kind, self.call_id, self.path, self.args)


@dataclass(frozen=True, slots=True)
class Settle:
    """Effect: tell the caller how the call ended."""

    call_id: int
    path: str
    outcome: Outcome | UnisonoError


class Calls:
    """Every call that has not settled, in the order of the calls."""

    def __init__(self) -> None:
        self._pending: dict[int, PendingCall] = {}
        self._next_id = 0

    @property
    def next_id(self) -> int:
        """The number that the next call will get."""
        return self._next_id

    def add(self, kind: str, path: str, args: Json, now: float) -> int:
        """Remember a call; return its number."""
        # [mutations.request-id] One counter for both kinds, for the life of the session.
        call_id = self._next_id
        self._next_id += 1
        # [mutations.offline-queue]
        self._pending[call_id] = PendingCall(call_id, kind, path, args, now)
        return call_id

    def unsent(self) -> list[str]:
        """The messages of the calls that were not sent yet; they count as sent from now on."""
        # [mutations.order] [mutations.action-unsent] A dict keeps the order of the calls.
        waiting = [call for call in self._pending.values() if call.state is CallState.UNSENT]
        for call in waiting:
            call.state = CallState.SENT
        return [call.text() for call in waiting]

    def opening(self) -> list[str]:
        """The messages that a new connection begins with, by ascending number."""
        texts = []
        for call in self._pending.values():
            # [mutations.replay] [mutations.replay-completed] [mutations.replay-order]
            # The same number lets the server answer from its memory.
            if call.state is CallState.UNSENT:
                call.state = CallState.SENT
            call.is_older_than_connection = True
            texts.append(call.text())
        return texts

    def lost(self) -> Iterator[Settle]:
        """The connection died: actions that were sent may or may not have run."""
        for call in list(self._pending.values()):
            if call.kind == ACTION and call.state is CallState.SENT:
                # [mutations.action-lost] Only the app knows if a second run does harm.
                yield self._settled(call, CallLostError(call.path))

    def awaiting(self, response: Response) -> PendingCall | None:
        """The call that waits for this response, if any does."""
        call = self._pending.get(response.request_id)
        # [mutations.unknown-response] [mutations.duplicate-response]
        if call is None or call.state is not CallState.SENT:
            return None
        return call if (call.kind == MUTATION) is isinstance(response, MutationResponse) else None

    def responded(self, call: PendingCall, response: Response) -> Settle | None:
        """Take the answer to a call; return what settles by it at once."""
        if isinstance(response, MutationResponse) and isinstance(response.outcome, Success):
            # [mutations.settle-after-response] It waits for a Transition that comes
            # after this moment, even if its timestamp was reached before.
            call.state = CallState.COMPLETED
            call.outcome, call.ts = response.outcome, response.ts
            return None
        # [mutations.failure-at-once] [mutations.action-at-once]
        return self._settled(call, response.outcome)

    def reached(self, ts: int) -> list[Settle]:
        """The mutations that a Transition to this timestamp settles."""
        # [mutations.settle-at-transition] [messages.timestamp-compare]
        covered = [
            call
            for call in self._pending.values()
            if call.state is CallState.COMPLETED and call.ts <= ts
        ]
        return [self._settled(call, call.outcome) for call in covered if call.outcome]

    def reject_all(self, error: UnisonoError) -> list[Settle]:
        """Settle every call with the same error."""
        return [self._settled(call, error) for call in list(self._pending.values())]

    def _settled(self, call: PendingCall, outcome: Outcome | UnisonoError) -> Settle:
        del self._pending[call.call_id]
        return Settle(call.call_id, call.path, outcome)

    @property
    def is_synced(self) -> bool:
        """Whether no call that is older than this connection is pending."""
        return not any(call.is_older_than_connection for call in self._pending.values())

    def count(self, *kinds: str) -> int:
        """How many calls of these kinds have not settled."""
        # [session.inflight] Also those whose response has come.
        return sum(call.kind in kinds for call in self._pending.values())

    @property
    def oldest_called_at(self) -> float | None:
        """When the oldest pending call was made."""
        return next((call.called_at for call in self._pending.values()), None)
