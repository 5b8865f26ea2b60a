"""The store: all tables, the latest timestamp, and one commit after the other.

A transaction reads one snapshot and remembers which index ranges it read; it commits
only if nobody wrote into them since. Nothing here waits.

Spec: mutations
Not here: reading and writing (see transaction), what runs again after a commit (see reactor).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .errors import Conflict
from .ids import FIRST_USER_TABLE, SCHEDULED_TABLE, STORAGE_TABLE
from .tables import BY_CREATION_TIME as BY_CREATION_TIME
from .tables import Change as Change
from .tables import Commit as Commit
from .tables import Document as Document
from .tables import ReadSet as ReadSet
from .tables import Table as Table
from .tables import new_id as new_id
from .transaction import Transaction as Transaction

SYSTEM_TABLES = {"_scheduled_functions": SCHEDULED_TABLE, "_storage": STORAGE_TABLE}
RETENTION_NS = 240 * 1_000_000_000


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

    def renumber(self, name: str, number: int) -> None:
        """Give a table without documents a number, as ids from elsewhere have it."""
        table = self.tables.get(name)
        if table is not None and table.number == number:
            return
        if number in self.names:
            self._move_away(self.names[number])
        if table is None:
            self._create(name, number)
            return
        if table.documents:
            raise ValueError(f"table {name} has documents already")
        del self.names[table.number]
        table.number = number
        self.names[number] = name

    def begin(self, at: int | None = None) -> Transaction:
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
        transaction: Transaction,
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

    def _move_away(self, name: str) -> None:
        free = max(self.names) + 1
        self.renumber(name, free)

    def _create(self, name: str, number: int) -> Table:
        table = self.tables[name] = Table(name, number)
        self.names[number] = name
        return table

    def _write(self, change: Change, ts: int, keys: dict[tuple[str, str], set[bytes]]) -> None:
        table = self.table(change.table)
        if change.before is None and change.after is not None:
            self.last_created = max(self.last_created, change.after["_creationTime"])
        if change.after is None:
            table.forget_size(change.document_id)
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
