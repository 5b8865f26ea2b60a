"""The store: every version of every document, by id and by index.

A transaction reads one snapshot and remembers which index ranges it read; it commits
only if nobody wrote into them since. Nothing here waits: commits happen one by one.

Spec: mutations
Not here: queries with filters (see database), what runs again after a commit (see reactor).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .errors import Conflict
from .ids import FIRST_USER_TABLE, SCHEDULED_TABLE, STORAGE_TABLE, encode_id
from .keys import field_at, sort_key
from .values import Value

Document: TypeAlias = dict[str, Value]
Range: TypeAlias = list[bytes]

BY_ID = "by_id"
BY_CREATION_TIME = "by_creation_time"
SYSTEM_TABLES = {"_scheduled_functions": SCHEDULED_TABLE, "_storage": STORAGE_TABLE}
RETENTION_NS = 240 * 1_000_000_000
_CHUNK = 64
_EVERYTHING = b"\xff"


class ReadSet:
    """What a run has looked at: documents by id, and half-open ranges of index keys."""

    __slots__ = ("documents", "ranges")

    def __init__(self) -> None:
        self.documents: set[str] = set()
        self.ranges: dict[tuple[str, str], list[Range]] = {}

    def add_range(self, table: str, index: str, low: bytes, high: bytes) -> Range:
        """Remember a range; the caller widens it as it reads on."""
        bounds = [low, high]
        self.ranges.setdefault((table, index), []).append(bounds)
        return bounds

    def touched_by(self, commit: "Commit") -> tuple[str, str | None] | None:
        """The table and document of a write of this commit that lies in what was read."""
        for document_id, table in commit.documents.items():
            if document_id in self.documents:
                return table, document_id
        for place, ranges in self.ranges.items():
            for key in commit.keys.get(place, ()):
                if any(low <= key < high for low, high in ranges):
                    return place[0], None
        return None


@dataclass(frozen=True, slots=True)
class Change:
    """One document before and after a commit."""

    table: str
    document_id: str
    before: Document | None
    after: Document | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction wrote: when, which documents, under which index keys."""

    ts: int
    changes: tuple[Change, ...]
    documents: dict[str, str]
    keys: dict[tuple[str, str], set[bytes]]


@dataclass(slots=True)
class Index:
    """One order of a table: key -> the versions of what stands there (an id or nothing)."""

    fields: tuple[str, ...]
    entries: SortedDict[bytes, list[tuple[int, str | None]]] = field(default_factory=SortedDict)

    def key(self, document: Document) -> bytes:
        """Where a document stands: its fields, its creation time, its id."""
        return b"".join(sort_key(field_at(document, path)) for path in self.fields)


@dataclass(slots=True)
class Table:
    """One table: versions of documents, and its indexes."""

    name: str
    number: int
    documents: dict[str, list[tuple[int, Document | None]]] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.indexes[BY_CREATION_TIME] = Index(("_creationTime", "_id"))
        self.indexes[BY_ID] = Index(("_id",))

    def add_index(self, name: str, fields: tuple[str, ...]) -> None:
        """Declare an index and fill it from the documents that are there."""
        index = self.indexes[name] = Index((*fields, "_creationTime", "_id"))
        for document_id, versions in self.documents.items():
            ts, document = versions[-1]
            if document is not None:
                index.entries[index.key(document)] = [(ts, document_id)]


class Store:
    """All tables, the latest timestamp, and the recent commits."""

    def __init__(self) -> None:
        self.latest = 0
        self.last_created = 0.0
        self.tables: dict[str, Table] = {}
        self.names: dict[int, str] = {}
        self._commits: deque[Commit] = deque()
        self._old: deque[tuple[int, dict[Any, list[tuple[int, Any]]], Any]] = deque()
        for name, number in SYSTEM_TABLES.items():
            self._create(name, number)
        self.tables["_storage"].add_index("by_uuid", ("uuid",))

    def table(self, name: str) -> Table:
        """The table of this name; the first insert creates it."""
        found = self.tables.get(name)
        if found is None:
            taken = [number for number in self.names if number >= FIRST_USER_TABLE]
            found = self._create(name, max(taken, default=FIRST_USER_TABLE - 1) + 1)
        return found

    def begin(self, at: int | None = None) -> "Transaction":
        """A transaction that reads the snapshot of now, or of an earlier timestamp."""
        return Transaction(self, self.latest if at is None else at)

    def restore(self, tables: Iterable[tuple[str, int]], documents: Iterable[Change]) -> None:
        """Fill an empty store with what was kept of an earlier one."""
        for name, number in tables:
            if name not in self.tables:
                self._create(name, number)
        for document in documents:
            self._write(document, self.latest, {})

    def commit(
        self,
        transaction: "Transaction",
        now_ns: int,
        keep: Callable[[int, tuple[Change, ...]], None] | None = None,
    ) -> Commit:
        """Make the writes of a transaction visible, or raise Conflict.

        `keep` may write them to a disk first; if it raises, nothing has happened.
        """
        # [mutations.serial] Whoever read something that changed since must run again.
        for commit in self.commits_since(transaction.ts):
            hit = transaction.reads.touched_by(commit)
            if hit is not None:
                raise Conflict(*hit)
        ts, changes = max(self.latest + 1, now_ns), transaction.changes()
        if keep is not None:
            keep(ts, changes)
        return self.apply(changes, ts)

    def apply(self, changes: tuple[Change, ...], ts: int) -> Commit:
        """Write changes at a timestamp; the caller has checked them."""
        keys: dict[tuple[str, str], set[bytes]] = {}
        for change in changes:
            self._write(change, ts, keys)
        commit = Commit(ts, changes, {c.document_id: c.table for c in changes}, keys)
        self.latest = ts
        self._commits.append(commit)
        self._forget(ts - RETENTION_NS)
        return commit

    def commits_since(self, ts: int) -> Iterator[Commit]:
        """The commits after a timestamp, newest first."""
        for commit in reversed(self._commits):
            if commit.ts <= ts:
                return
            yield commit

    def untouched_since(self, reads: ReadSet, ts: int) -> bool:
        """Whether what was read at `ts` still reads the same."""
        return all(reads.touched_by(commit) is None for commit in self.commits_since(ts))

    def _create(self, name: str, number: int) -> Table:
        table = self.tables[name] = Table(name, number)
        self.names[number] = name
        return table

    def _write(self, change: Change, ts: int, keys: dict[tuple[str, str], set[bytes]]) -> None:
        table = self.table(change.table)
        if change.before is None and change.after is not None:
            self.last_created = max(self.last_created, change.after["_creationTime"])
        self._append(table.documents, change.document_id, ts, change.after)
        for name, index in table.indexes.items():
            touched = keys.setdefault((table.name, name), set())
            old = None if change.before is None else index.key(change.before)
            new = None if change.after is None else index.key(change.after)
            if old is not None:
                touched.add(old)
            if new is not None:
                touched.add(new)
            if old == new:
                continue
            if old is not None:
                self._append(index.entries, old, ts, None)
            if new is not None:
                self._append(index.entries, new, ts, change.document_id)

    def _append(self, place: dict[Any, list[tuple[int, Any]]], key: Any, ts: int, new: Any) -> None:
        versions = place.get(key)
        if versions is None:
            place[key] = [(ts, new)]
            return
        versions.append((ts, new))
        self._old.append((ts, place, key))

    def _forget(self, horizon: int) -> None:
        while self._commits and self._commits[0].ts < horizon:
            self._commits.popleft()
        while self._old and self._old[0][0] < horizon:
            _, place, key = self._old.popleft()
            versions = place.get(key)
            if versions is None:
                continue
            while len(versions) > 1 and versions[1][0] < horizon:
                versions.pop(0)
            if len(versions) == 1 and versions[0][1] is None:
                del place[key]


class Transaction:
    """One snapshot, and the writes on top of it."""

    __slots__ = ("_overlay", "_undo", "last_created", "pending", "reads", "store", "ts")

    def __init__(self, store: Store, ts: int) -> None:
        self.store = store
        self.ts = ts
        self.last_created = store.last_created
        self.reads = ReadSet()
        self.pending: dict[str, tuple[str, Document | None]] = {}
        self._overlay: dict[tuple[str, str], SortedDict[bytes, str | None]] = {}
        self._undo: list[tuple[str, str, Document | None, tuple[str, Document | None] | None]] = []

    def get(self, table: str, document_id: str) -> Document | None:
        """The document as this transaction sees it."""
        self.reads.documents.add(document_id)
        return self._see(table, document_id)

    def write(self, table: str, document_id: str, document: Document | None) -> None:
        """Put a whole document, or take it away."""
        before = self._see(table, document_id)
        self._undo.append((table, document_id, before, self.pending.get(document_id)))
        self.pending[document_id] = (table, document)
        self._index(table, document_id, before, document)

    def scan(
        self, table: str, index: str, low: bytes, high: bytes, *, descending: bool = False
    ) -> Iterator[tuple[bytes, Document]]:
        """The documents of a key range in order; only what is taken counts as read."""
        bounds = self.reads.add_range(table, index, *((high, high) if descending else (low, low)))
        for key, document_id in self._merged(table, index, low, high, descending):
            if descending:
                bounds[0] = key
            else:
                bounds[1] = key + b"\x00"
            document = self._see(table, document_id)
            assert document is not None
            yield key, document
        bounds[:] = low, high

    def savepoint(self) -> int:
        """A mark to come back to."""
        return len(self._undo)

    def rollback(self, mark: int) -> None:
        """Take back every write since the mark; what was read stays read."""
        while len(self._undo) > mark:
            table, document_id, before, earlier = self._undo.pop()
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

    def _see(self, table: str, document_id: str) -> Document | None:
        pending = self.pending.get(document_id)
        if pending is not None:
            return pending[1]
        return self._at_snapshot(table, document_id)

    def _at_snapshot(self, table: str, document_id: str) -> Document | None:
        found = self.store.tables.get(table)
        versions = None if found is None else found.documents.get(document_id)
        return None if versions is None else _visible(versions, self.ts)

    def _index(
        self, table: str, document_id: str, before: Document | None, after: Document | None
    ) -> None:
        for name, index in self.store.table(table).indexes.items():
            overlay = self._overlay.setdefault((table, name), SortedDict())
            if before is not None:
                overlay[index.key(before)] = None
            if after is not None:
                overlay[index.key(after)] = document_id

    def _merged(
        self, table: str, index: str, low: bytes, high: bytes, descending: bool
    ) -> Iterator[tuple[bytes, str]]:
        committed = self._committed(table, index, low, high, descending)
        overlay = self._overlay.get((table, index))
        if not overlay:
            yield from committed
            return
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
                document_id = _visible(entries[key], self.ts) if key in entries else None
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


def full_range() -> tuple[bytes, bytes]:
    """The range of every key."""
    return b"", _EVERYTHING


def new_id(table: Table, internal: bytes) -> str:
    """The id of a new document of a table."""
    return encode_id(table.number, internal)


def _visible(versions: list[tuple[int, Any]], ts: int) -> Any:
    for version_ts, content in reversed(versions):
        if version_ts <= ts:
            return content
    return None
