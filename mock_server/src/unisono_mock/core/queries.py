"""The query set of one socket: what it has asked to be kept told of.

Edits are accepted when they arrive and take effect when the next transition starts.

Spec: queries
Not here: running a query (see backend), what changed (see transitions).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from .errors import ProtocolError, internal_failure
from .messages import Add, ModifyQuerySet, Remove, canonical_path
from .values import Json, json_bytes


class Watch(Protocol):
    """What says whether a result still holds (see reactor)."""

    stale: bool

    def listen(self, listener: Any) -> None:
        """Count one more use by this listener."""

    def leave(self, listener: Any) -> None:
        """Count one use less."""


@dataclass(slots=True, eq=False)
class Query:
    """One query of one socket: what it asks, and what the socket was last told."""

    path: str
    args: Json
    args_text: bytes
    journal: str | None
    digest: bytes | None = None
    watch: Watch | None = None

    @property
    def fresh(self) -> bool:
        """Whether what the socket was last told still holds."""
        return self.watch is not None and not self.watch.stale


class QuerySet:
    """All queries of one socket and the edits that wait for the next transition."""

    __slots__ = ("_pending", "queries", "version")

    def __init__(self) -> None:
        self.version = 0
        self.queries: dict[int, Query] = {}
        self._pending: list[Add | Remove] = []

    def modify(self, message: ModifyQuerySet) -> None:
        """Accept one step of the client."""
        # [queries.base-version] The client builds on what we last accepted, or
        # the two sides no longer speak of the same set.
        if message.base_version != self.version:
            raise ProtocolError(
                "queries.base-version",
                f"Base version {message.base_version} passed up doesn't match the current "
                f"version {self.version}",
                "BaseVersionMismatch",
            )
        # [queries.new-version] Any larger number will do.
        if message.new_version <= message.base_version:
            raise internal_failure(
                f"new version {message.new_version} is not after {message.base_version}"
            )
        self._pending.extend(message.modifications)
        self.version = message.new_version

    def take_edits(self) -> tuple[list[int], list[Watch]]:
        """Apply what waits, in order. Returns the removed ids and the watches they held."""
        removed: dict[int, None] = {}
        watches = []
        pending, self._pending = self._pending, []
        for edit in pending:
            if isinstance(edit, Add):
                self._add(edit)
                removed.pop(edit.query_id, None)
                continue
            query = self.queries.pop(edit.query_id, None)
            # [queries.unknown-remove] The two sides no longer agree on the set.
            if query is None:
                raise internal_failure(f"Remove of query {edit.query_id}, which is not there")
            if query.watch is not None:
                watches.append(query.watch)
            # [queries.every-remove-acknowledged] Even for one added in the same batch.
            removed[edit.query_id] = None
        return list(removed), watches

    def drop_watches(self) -> list[Watch]:
        """Forget which results still hold, so that every query runs again."""
        watches = [query.watch for query in self.queries.values() if query.watch is not None]
        for query in self.queries.values():
            query.watch = None
        return watches

    def outdated(self) -> list[tuple[int, Query]]:
        """The queries whose result is not known to hold."""
        return [(key, query) for key, query in self.queries.items() if not query.fresh]

    def _add(self, edit: Add) -> None:
        # [queries.duplicate-add] An id names one query of the socket at a time.
        if edit.query_id in self.queries:
            raise internal_failure(f"Add of query {edit.query_id}, which is already there")
        # [queries.journal-echo] A journal from an earlier connection pins the page.
        self.queries[edit.query_id] = Query(
            canonical_path(edit.path), edit.args, json_bytes(edit.args), edit.journal
        )
