"""Durability: every commit in an SQLite file before anybody hears of it.

Spec: mutations
Not here: what a commit is (see core.store), when it happens (see transactions).
"""

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.mutations import Completed, Outcome
from ..core.store import Change, Store
from ..core.values import decode, encode_text, parse_json

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tables (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS documents (id TEXT PRIMARY KEY, tab TEXT, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    session BLOB, request INTEGER, time REAL, ts INTEGER, value BLOB, lines BLOB,
    PRIMARY KEY (session, request)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS calls_by_time ON calls (time);
CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID;
"""


class CannotOpen(Exception):
    """A data file that cannot be used, and why."""


class DataFile:
    """One SQLite file that holds a store."""

    def __init__(self, path: Path, draw_secret: bytes) -> None:
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, timeout=0.2, check_same_thread=False
            )
            self._open(draw_secret)
        except sqlite3.Error as error:
            raise CannotOpen(f"cannot open {path}: {error}") from error
        self._known: set[str] = set()

    @property
    def secret(self) -> bytes:
        """The key of cursors, which must outlive the process."""
        return self._meta("secret")

    def close(self) -> None:
        """Write everything back and let the file go."""
        self._connection.close()

    def fill(self, store: Store) -> None:
        """Put the documents of the file into an empty store."""
        store.latest = max(store.latest, int.from_bytes(self._meta("latest"), "little"))
        tables = list(self._rows("SELECT name, number FROM tables ORDER BY number"))
        self._known.update(name for name, _ in tables)
        documents = (
            Change(table, document_id, None, decode(parse_json(body)))
            for document_id, table, body in self._rows("SELECT id, tab, body FROM documents")
        )
        store.restore(tables, documents)

    def completed(self) -> Iterator[Completed]:
        """The calls that were remembered, oldest first."""
        query = "SELECT session, request, time, ts, value, lines FROM calls ORDER BY time"
        for session, request, time_s, ts, value, lines in self._rows(query):
            outcome = Outcome(value, lines, ts)
            yield Completed(uuid.UUID(bytes=session), request, time_s, outcome)

    def commit(
        self, ts: int, changes: tuple[Change, ...], store: Store, call: Completed | None
    ) -> None:
        """Write one commit; when this returns, it survives a crash."""
        run = self._connection.execute
        run("BEGIN")
        try:
            for change in changes:
                self._write(change, store)
            if call is not None:
                outcome = call.outcome
                run(
                    "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        call.session_id.bytes, call.request_id, call.time_s, ts,
                        outcome.value, outcome.log_lines,
                    ),
                )  # fmt: skip
            self._set_meta("latest", ts.to_bytes(8, "little"))
            run("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise OSError(f"the data file cannot be written: {error}") from error

    def forget_calls(self, before_s: float) -> None:
        """Forget calls that are too old to come again."""
        self._connection.execute("DELETE FROM calls WHERE time < ?", (before_s,))

    def put_file(self, file_id: str, content: bytes) -> None:
        """Keep the bytes of a file."""
        self._connection.execute("INSERT INTO files VALUES (?, ?)", (file_id, content))

    def get_file(self, file_id: str) -> bytes | None:
        """The bytes of a file."""
        rows = self._rows("SELECT content FROM files WHERE id = ?", file_id)
        found: tuple[bytes] | None = next(rows, None)
        return None if found is None else found[0]

    def delete_file(self, file_id: str) -> None:
        """The bytes of a file are no longer needed."""
        self._connection.execute("DELETE FROM files WHERE id = ?", (file_id,))

    def _open(self, draw_secret: bytes) -> None:
        run = self._connection.execute
        # One process at a time: what this one has in memory is the truth.
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        # [mutations.dedupe] A commit that was acknowledged is on the disk, and
        # with it the record that it happened.
        run("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)
        run("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (draw_secret,))
        run("INSERT OR IGNORE INTO meta VALUES ('latest', ?)", (bytes(8),))
        run("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (bytes([FORMAT]),))
        if self._meta("format") != bytes([FORMAT]):
            raise CannotOpen("the data file was written by another version of the server")

    def _write(self, change: Change, store: Store) -> None:
        if change.table not in self._known:
            number = store.table(change.table).number
            self._connection.execute(
                "INSERT OR REPLACE INTO tables VALUES (?, ?)", (number, change.table)
            )
            self._known.add(change.table)
        if change.after is None:
            self._connection.execute("DELETE FROM documents WHERE id = ?", (change.document_id,))
            return
        self._connection.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)",
            (change.document_id, change.table, encode_text(change.after).decode()),
        )

    def _meta(self, name: str) -> bytes:
        rows = self._rows("SELECT value FROM meta WHERE name = ?", name)
        value: bytes = next(rows)[0]
        return value

    def _set_meta(self, name: str, value: bytes) -> None:
        self._connection.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    def _rows(self, query: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        yield from self._connection.execute(query, parameters)
