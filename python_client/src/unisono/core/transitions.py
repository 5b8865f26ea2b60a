"""The version chain: results are taken over one whole step at a time, or not at all.

Spec: transitions
Not here: who subscribed (see queries), the layers over the results (see optimistic).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import RemoteProtocolError
from .messages import Outcome, QueryAnswered, StateVersion, Transition, TransitionChunk
from .values import same

#: The version of the query set to which the opening of a connection leads.
OPENING_QUERY_SET = 1


@dataclass(frozen=True, slots=True)
class Log:
    """Effect: hand a line to the log; a line that a function wrote names its path."""

    level: str
    text: str
    path: str = ""


class Results:
    """The results of the queries, and the version that they show."""

    def __init__(self) -> None:
        self._version = StateVersion()
        self._shown: dict[int, Outcome] = {}
        self._held: dict[int, Outcome | None] | None = None
        self._chunks: list[str] = []
        self._chunk_set: tuple[int, str] | None = None

    @property
    def version(self) -> StateVersion:
        """The version that this connection has reached."""
        return self._version

    def reset(self) -> None:
        """A new connection: it starts from nothing, but what is shown stays."""
        # [transitions.start-at-zero]
        self._version = StateVersion()
        # [transitions.keep-old-results] A new connection often begins with an empty
        # step; showing what it has said so far would blank every screen.
        self._held = {}
        self._chunks, self._chunk_set = [], None

    def forget(self, query_id: int) -> None:
        """Nobody wants this result any more."""
        self._shown.pop(query_id, None)
        if self._held is not None:
            self._held.pop(query_id, None)

    @property
    def is_shown(self) -> bool:
        """Whether what the user sees is of this connection."""
        return self._held is None

    def apply(self, transition: Transition) -> Mapping[int, Outcome | None]:
        """Take one step; return what it changes for the user, None for gone, by query id.

        Raises RemoteProtocolError and changes nothing if it does not fit.
        """
        start, end, modifications, _ = transition
        # [transitions.continuity] A gap means that something was missed; what is
        # held can no longer be trusted to grow.
        if start != self._version:
            raise RemoteProtocolError("transitions.continuity", expected=self._version, got=start)
        if end[0] < start[0] or end[1] < start[1] or end[2] < start[2]:
            raise RemoteProtocolError("transitions.monotonic", start=start, end=end)
        results: dict[int, Outcome | None] = {}
        for each in modifications:
            results[each.query_id] = each.outcome if type(each) is QueryAnswered else None
        # [transitions.empty] A step without results still moves the version.
        self._version = end
        if self._held is not None:
            self._held.update(results)
            if end.query_set < OPENING_QUERY_SET:
                return {}
            results, self._held = self._held, None
        return self._show(results)

    def _show(self, results: dict[int, Outcome | None]) -> dict[int, Outcome | None]:
        """Adopt the results; return those that differ from what was shown."""
        changed: dict[int, Outcome | None] = {}
        shown = self._shown
        for query_id, outcome in results.items():
            old = shown.get(query_id)
            if outcome is None:
                if old is not None:
                    del shown[query_id]
                    changed[query_id] = None
            elif old is None or not same_outcome(old, outcome):
                # A result that was sent again unchanged keeps its identity.
                changed[query_id] = shown[query_id] = outcome
        return changed

    def add_chunk(self, chunk: TransitionChunk) -> str | None:
        """Keep a piece; return the whole text with the last one."""
        chunk_set = (chunk.total_parts, chunk.transition_id)
        # [transitions.chunk-set] [transitions.chunk-order] A piece of another set, or
        # one that is missing, makes a text that nobody sent.
        if chunk.part_number >= chunk.total_parts or self._chunk_set not in (None, chunk_set):
            raise RemoteProtocolError(
                "transitions.chunk-set", expected=self._chunk_set, got=chunk_set
            )
        if chunk.part_number != len(self._chunks):
            raise RemoteProtocolError(
                "transitions.chunk-order", expected=len(self._chunks), got=chunk.part_number
            )
        self._chunk_set = chunk_set
        self._chunks.append(chunk.text)
        if len(self._chunks) < chunk.total_parts:
            return None
        text = "".join(self._chunks)
        self._chunks, self._chunk_set = [], None
        return text

    def check_no_chunks(self) -> None:
        """Another message came; raise RemoteProtocolError if a set is still incomplete."""
        if self._chunk_set is not None:
            # [transitions.chunk-lost]
            raise RemoteProtocolError("transitions.chunk-lost", pieces=len(self._chunks))


def same_outcome(one: Outcome, other: Outcome) -> bool:
    """Whether a user would see no difference; log lines do not count."""
    if type(one) is not type(other):
        return False
    if one[0] is not other[0] and not same(one[0], other[0]):
        return False
    if len(one) == 2 or one[1] is other[1]:
        return True
    return same(one[1], other[1])
