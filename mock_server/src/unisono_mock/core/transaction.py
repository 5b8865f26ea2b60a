"""A transaction: one snapshot, and the writes on top of it.

Spec: mutations
Not here: committing (see store), queries with filters (see selection).
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Protocol

from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .keys import sort_key
from .tables import Change, Document, Index, ReadSet, Table, visible
from .usage import Usage
from .values import Value, size_bytes

_CHUNK = 64


class Tables(Protocol):
    """The tables of a store."""

    tables: dict[str, Table]
    names: dict[int, str]
    last_created: float

    def table(self, name: str) -> Table:
        """The table of this name; the first use creates it."""


class Transaction:
    """One snapshot, and the writes on top of it."""

    __slots__ = ("_overlay", "_undo", "last_created", "pending", "reads", "store", "ts", "usage")

    def __init__(self, store: Tables, ts: int) -> None:
        self.store = store
        self.ts = ts
        self.last_created = store.last_created
        self.reads = ReadSet()
        # Only functions have limits; the server itself reads what it needs.
        self.usage: Usage | None = None
        self.pending: dict[str, tuple[str, Document | None]] = {}
        # What was written, by index key: only of indexes that were read since.
        self._overlay: dict[tuple[str, str], SortedDict[bytes, str | None]] = {}
        self._undo: list[
            tuple[str, str, Document | None, tuple[str, Document | None] | None, int]
        ] = []

    def get(self, table: str, document_id: str) -> Document | None:
        """The document as this transaction sees it."""
        self.reads.documents.add(document_id)
        document = self._see(table, document_id)
        if self.usage is not None:
            self.usage.add_range()
            self._count(self.usage, table, document_id, document)
        return document

    def write(self, table: str, document_id: str, document: Document | None, size: int = 0) -> None:
        """Put a whole document, or take it away."""
        if self.usage is not None:
            self.usage.write(size)
        before = self._see(table, document_id)
        self._undo.append((table, document_id, before, self.pending.get(document_id), size))
        self.pending[document_id] = (table, document)
        self._index(table, document_id, before, document)

    def scan(
        self, table: str, index: str, low: bytes, high: bytes, *, descending: bool = False
    ) -> Iterator[tuple[bytes, Document]]:
        """The documents of a key range in order; only what is taken counts as read."""
        usage = self.usage
        if usage is not None:
            usage.add_range()
        bounds = self.reads.add_range(table, index, *((high, high) if descending else (low, low)))
        for key, document_id in self._merged(table, index, low, high, descending):
            if descending:
                bounds[0] = key
            else:
                bounds[1] = key + b"\x00"
            document = self._see(table, document_id)
            assert document is not None
            if usage is not None:
                self._count(usage, table, document_id, document)
            yield key, document
        bounds[:] = low, high

    def savepoint(self) -> int:
        """A mark to come back to."""
        return len(self._undo)

    def rollback(self, mark: int) -> None:
        """Take back every write since the mark; what was read stays read."""
        while len(self._undo) > mark:
            table, document_id, before, earlier, size = self._undo.pop()
            if self.usage is not None:
                self.usage.take_back(size)
            self._index(table, document_id, self._see(table, document_id), before)
            if earlier is None:
                del self.pending[document_id]
            else:
                self.pending[document_id] = earlier

    def changes(self) -> tuple[Change, ...]:
        """What differs from the snapshot; a write of the same content is none."""
        found = []
        for document_id, (table, after) in self.pending.items():
            before = self._at_snapshot(table, document_id)
            if not same(before, after):
                found.append(Change(table, document_id, before, after))
        return tuple(found)

    def _count(self, usage: Usage, table: str, document_id: str, document: Document | None) -> None:
        if document is None:
            return
        if document_id in self.pending:
            usage.read(size_bytes(document))
        else:
            usage.read(self.store.tables[table].size_of(document_id, document))

    def _see(self, table: str, document_id: str) -> Document | None:
        pending = self.pending.get(document_id)
        if pending is not None:
            return pending[1]
        return self._at_snapshot(table, document_id)

    def _at_snapshot(self, table: str, document_id: str) -> Document | None:
        found = self.store.tables.get(table)
        versions = None if found is None else found.documents.get(document_id)
        return None if versions is None else visible(versions, self.ts)

    def _index(
        self, table: str, document_id: str, before: Document | None, after: Document | None
    ) -> None:
        for (place, name), overlay in self._overlay.items():
            if place == table:
                _move(overlay, self.store.tables[table].indexes[name], document_id, before, after)

    def _overlay_of(self, table: str, index: str) -> SortedDict[bytes, str | None]:
        overlay = self._overlay.get((table, index))
        if overlay is None:
            overlay = self._overlay[table, index] = SortedDict()
            for document_id, (place, after) in self.pending.items():
                if place == table:
                    order = self.store.table(table).indexes[index]
                    before = self._at_snapshot(table, document_id)
                    _move(overlay, order, document_id, before, after)
        return overlay

    def _merged(
        self, table: str, index: str, low: bytes, high: bytes, descending: bool
    ) -> Iterator[tuple[bytes, str]]:
        committed = self._committed(table, index, low, high, descending)
        if not self.pending:
            yield from committed
            return
        overlay = self._overlay_of(table, index)
        own = [(key, overlay[key]) for key in overlay.irange(low, high, (True, False), descending)]
        hidden = {key for key, _ in own}
        mine = iter([(key, value) for key, value in own if value is not None])
        mine_next = next(mine, None)
        for key, document_id in committed:
            while mine_next is not None and (
                mine_next[0] > key if descending else mine_next[0] < key
            ):
                yield mine_next
                mine_next = next(mine, None)
            if key not in hidden:
                yield key, document_id
        if mine_next is not None:
            yield mine_next
            yield from mine

    def _committed(
        self, table: str, index: str, low: bytes, high: bytes, descending: bool
    ) -> Iterator[tuple[bytes, str]]:
        found = self.store.tables.get(table)
        if found is None:
            return
        entries = found.indexes[index].entries
        inclusive = (True, False)
        while True:
            # Commits may come between two steps of an async function, so the
            # sorted keys are read in pieces and never iterated while they change.
            keys = list(islice(entries.irange(low, high, inclusive, descending), _CHUNK))
            for key in keys:
                document_id = visible(entries[key], self.ts) if key in entries else None
                if document_id is not None:
                    yield key, document_id
            if len(keys) < _CHUNK:
                return
            if descending:
                high = keys[-1]
            else:
                low, inclusive = keys[-1], (False, False)


def same(one: Mapping[str, Value] | None, other: Mapping[str, Value] | None) -> bool:
    """Whether two documents are equal, with types: Int64(1) is not 1.0."""
    if one is None or other is None:
        return one is other
    return sort_key(dict(one)) == sort_key(dict(other))


def _move(
    overlay: SortedDict[bytes, str | None],
    index: Index,
    document_id: str,
    before: Document | None,
    after: Document | None,
) -> None:
    if before is not None:
        overlay[index.key(before)] = None
    if after is not None:
        overlay[index.key(after)] = document_id
