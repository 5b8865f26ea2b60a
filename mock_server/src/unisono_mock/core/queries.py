"""The query set of one socket: what it has asked to be kept told of.

Edits are accepted when they arrive and take effect when the next transition starts.

Spec: queries
Not here: running a query (see backend), what changed (see transitions).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import ProtocolError, internal_failure
from .messages import Add, ModifyQuerySet, Remove, canonical_path
from .values import Json, json_bytes


class Watch(Protocol):
    """What says whether a result still holds (see reactor)."""

    stale: bool

    def listen(self, listener: Any) -> None:
        """Tell this one when the result is stale."""

    def leave(self, listener: Any) -> None:
        """This one no longer shows it."""


@dataclass(slots=True, eq=False)
class Query:
    """One query of one socket: what it asks, and what the socket was last told."""

    query_id: int
    path: str
    args: Json
    args_text: bytes
    journal: str | None
    owner: "QuerySet"
    digest: bytes | None = None
    watch: Watch | None = None

    def show(self, watch: Watch) -> None:
        """The socket is told this result; from now on it wants to hear when it is stale."""
        self.watch = watch
        watch.listen(self)
        if watch.stale:
            self.invalidated()

    def invalidated(self) -> None:
        """What the socket was last told no longer holds."""
        self.watch = None
        self.owner.invalidated(self)

    def leave(self) -> None:
        """The socket no longer shows the result."""
        if self.watch is not None:
            self.watch.leave(self)
            self.watch = None


class QuerySet:
    """All queries of one socket and the edits that wait for the next transition."""

    __slots__ = ("_on_invalidated", "_outdated", "_pending", "queries", "version")

    def __init__(self, on_invalidated: Callable[[], None]) -> None:
        self.version = 0
        self.queries: dict[int, Query] = {}
        self._pending: list[Add | Remove] = []
        self._outdated: dict[int, Query] = {}
        self._on_invalidated = on_invalidated

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

    def take_edits(self) -> tuple[int, ...]:
        """Apply what waits, in order; returns the ids that were removed."""
        if not self._pending:
            return ()
        removed: dict[int, None] = {}
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
            query.leave()
            self._outdated.pop(edit.query_id, None)
            # [queries.every-remove-acknowledged] Even for one added in the same batch.
            removed[edit.query_id] = None
        return tuple(removed)

    def take_outdated(self) -> tuple[tuple[int, Query], ...]:
        """The queries that have to be evaluated, with their ids."""
        outdated, self._outdated = tuple(self._outdated.items()), {}
        return outdated

    def outdate_all(self) -> None:
        """Forget which results still hold, so that every query runs again."""
        for query in self.queries.values():
            query.leave()
        self._outdated = dict(self.queries)

    def invalidated(self, query: Query) -> None:
        """A result that the socket shows is stale."""
        if self.queries.get(query.query_id) is query:
            self._outdated[query.query_id] = query
            self._on_invalidated()

    def clear(self) -> None:
        """The socket is gone."""
        for query in self.queries.values():
            query.leave()
        self.queries.clear()
        self._outdated.clear()
        self._pending.clear()

    def _add(self, edit: Add) -> None:
        # [queries.duplicate-add] An id names one query of the socket at a time.
        if edit.query_id in self.queries:
            raise internal_failure(f"Add of query {edit.query_id}, which is already there")
        path, args = canonical_path(edit.path), json_bytes(edit.args)
        # [queries.journal-echo] A journal from an earlier connection pins the page.
        query = Query(edit.query_id, path, edit.args, args, edit.journal, self)
        self.queries[edit.query_id] = self._outdated[edit.query_id] = query
