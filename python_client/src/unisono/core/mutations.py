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
    SETTLED = "settled"


class Event(Enum):
    """What happens to a call."""

    FLUSH = "flush"
    SUCCESS = "success of a mutation"
    ANSWER = "failure or answer of an action"
    COVERED = "covering transition"
    LOST = "lost, an action"
    END = "end"


_S, _E = CallState, Event
#: The cells that lead elsewhere; what has no cell here leaves a call where it is.
TRANSITIONS: dict[CallState, dict[Event, CallState]] = {
    _S.UNSENT: {_E.FLUSH: _S.SENT, _E.END: _S.SETTLED},
    _S.SENT: {
        _E.SUCCESS: _S.COMPLETED,
        _E.ANSWER: _S.SETTLED,
        _E.LOST: _S.SETTLED,
        _E.END: _S.SETTLED,
    },
    _S.COMPLETED: {_E.COVERED: _S.SETTLED, _E.END: _S.SETTLED},
}


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

    def step(self, event: Event) -> None:
        """Follow the table."""
        self.state = TRANSITIONS[self.state][event]

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
        # The same calls once more, so that a message does not cost a walk through all.
        self._unsent: dict[int, PendingCall] = {}
        self._completed: dict[int, PendingCall] = {}
        self._older: set[int] = set()
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
        call = PendingCall(call_id, kind, path, args, now)
        self._pending[call_id] = self._unsent[call_id] = call
        return call_id

    def unsent(self) -> list[str]:
        """The messages of the calls that were not sent yet; they count as sent from now on."""
        # [mutations.order] [mutations.action-unsent] A dict keeps the order of the calls.
        waiting, self._unsent = self._unsent, {}
        for call in waiting.values():
            call.step(Event.FLUSH)
        return [call.text() for call in waiting.values()]

    def opening(self) -> list[str]:
        """The messages that a new connection begins with, by ascending number."""
        # [mutations.replay] [mutations.replay-completed] [mutations.replay-order]
        # The same number lets the server answer from its memory.
        self.unsent()
        self._older = set(self._pending)
        return [call.text() for call in self._pending.values()]

    def lost(self) -> Iterator[Settle]:
        """The connection died: actions that were sent may or may not have run."""
        for call in list(self._pending.values()):
            if call.kind == ACTION and call.state is CallState.SENT:
                # [mutations.action-lost] Only the app knows if a second run does harm.
                yield self._settled(call, Event.LOST, CallLostError(call.path))

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
            call.step(Event.SUCCESS)
            call.outcome, call.ts = response.outcome, response.ts
            self._completed[call.call_id] = call
            return None
        # [mutations.failure-at-once] [mutations.action-at-once]
        return self._settled(call, Event.ANSWER, response.outcome)

    def reached(self, ts: int) -> list[Settle]:
        """The mutations that a Transition to this timestamp settles."""
        if not self._completed:
            return []
        # [mutations.settle-at-transition] [messages.timestamp-compare]
        covered = [call for call in self._completed.values() if call.ts <= ts]
        covered.sort(key=lambda call: call.call_id)
        return [
            self._settled(call, Event.COVERED, call.outcome) for call in covered if call.outcome
        ]

    def reject_all(self, error: UnisonoError) -> list[Settle]:
        """Settle every call with the same error."""
        return [self._settled(call, Event.END, error) for call in list(self._pending.values())]

    def _settled(self, call: PendingCall, event: Event, outcome: Outcome | UnisonoError) -> Settle:
        call.step(event)
        del self._pending[call.call_id]
        self._unsent.pop(call.call_id, None)
        self._completed.pop(call.call_id, None)
        self._older.discard(call.call_id)
        return Settle(call.call_id, call.path, outcome)

    @property
    def is_synced(self) -> bool:
        """Whether no call that is older than this connection is pending."""
        return not self._older

    def count(self, *kinds: str) -> int:
        """How many calls of these kinds have not settled."""
        # [session.inflight] Also those whose response has come.
        return sum(call.kind in kinds for call in self._pending.values())

    @property
    def oldest_called_at(self) -> float | None:
        """When the oldest pending call was made."""
        return next((call.called_at for call in self._pending.values()), None)
