"""`ctx.db`: reading documents, and writing them.

Spec: values
Not here: versions and conflicts (see core.store), queries (see selection).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .core.errors import FunctionError
from .core.ids import InvalidId, decode_id, internal_id
from .core.keys import UNDEFINED
from .core.pagination import Pages
from .core.store import Document, Table, Transaction, new_id
from .core.values import InvalidValue, copy, nesting, normalize, show, size_bytes
from .selection import Query

MAX_DOCUMENT_BYTES = 2**20
MAX_DOCUMENT_NESTING = 16


@dataclass(slots=True)
class Chance:
    """What a run may draw: the time it began, and random bytes."""

    now_s: float
    draw: Callable[[int], bytes]

    def new_id(self, table: Table) -> str:
        """An id that no document of the table has had."""
        while True:
            found = new_id(table, internal_id(self.draw(14), self.now_s))
            # Seeded chance repeats itself after a restart.
            if found not in table.documents:
                return found


class DatabaseReader:
    """The documents as one run sees them."""

    def __init__(self, transaction: Transaction, pages: Pages) -> None:
        self._transaction = transaction
        self._pages = pages
        self._store = transaction.store

    def get(self, document_id: str) -> Document | None:
        """The document of an id, or None."""
        table = self._table_of(document_id, "get")
        if table is None:
            return None
        if table.name.startswith("_"):
            raise FunctionError("System tables can only be accessed with db.system.")
        found = self._transaction.get(table.name, document_id)
        return None if found is None else dict(copy(found))

    def query(self, table: str) -> "Query":
        """All documents of a table, oldest first, until the query says otherwise."""
        if table.startswith("_"):
            raise FunctionError("System tables can only be accessed with db.system.")
        return Query(self._transaction, self._pages, table)

    @property
    def system(self) -> "SystemReader":
        """The tables `_scheduled_functions` and `_storage`, to read."""
        return SystemReader(self._transaction, self._pages)

    def normalize_id(self, table: str, text: str) -> str | None:
        """The text if it is an id of this table, else None; existence is not asked."""
        try:
            number = decode_id(text).table
        except InvalidId:
            return None
        return text if self._store.names.get(number) == table else None

    def _table_of(self, document_id: str, method: str) -> Table | None:
        try:
            number = decode_id(document_id).table
        except (InvalidId, TypeError) as error:
            raise FunctionError(f"Invalid argument `id` for `db.{method}`: {error}") from None
        name = self._store.names.get(number)
        return None if name is None else self._store.tables[name]


class SystemReader(DatabaseReader):
    """The documents that the server itself keeps."""

    def get(self, document_id: str) -> Document | None:
        """A job or a file, or None."""
        table = self._table_of(document_id, "get")
        if table is None:
            return None
        self._check(table.name)
        found = self._transaction.get(table.name, document_id)
        return None if found is None else _shown(found)

    def query(self, table: str) -> "Query":
        """All jobs, or all files."""
        self._check(table)
        return Query(self._transaction, self._pages, table, _shown)

    def _check(self, table: str) -> None:
        if not table.startswith("_"):
            raise FunctionError("User tables cannot be accessed with db.system.")


class DatabaseWriter(DatabaseReader):
    """The documents as one mutation sees and changes them."""

    def __init__(
        self,
        transaction: Transaction,
        pages: Pages,
        chance: Chance,
        check: Callable[[str, Document], None],
    ) -> None:
        super().__init__(transaction, pages)
        self._chance = chance
        self._check = check

    def insert(self, table: str, fields: Mapping[str, Any]) -> str:
        """Add a document; returns its id."""
        if table.startswith("_"):
            raise FunctionError("System tables (prefixed with `_`) are read-only.")
        _check_table_name(table)
        document = normalize(fields)
        found = self._store.table(table)
        document_id = self._chance.new_id(found)
        for name in ("_id", "_creationTime"):
            if name in document:
                raise FunctionError(
                    f"Provided document {show(document)} has a `{name}` field: it is given by the "
                    "database"
                )
        # Creation times keep the order of the inserts, also where the clock
        # stands still: the next one is the next number that a Float64 knows.
        following = math.nextafter(self._transaction.last_created, math.inf)
        stamp = self._transaction.last_created = max(self._chance.now_s * 1000, following)
        self._put(found.name, document_id, document, stamp)
        return document_id

    def patch(self, document_id: str, fields: Mapping[str, Any]) -> None:
        """Change these fields; UNDEFINED as a value takes a field away."""
        table, old = self._existing(document_id, "patch", "Update")
        new = dict(old)
        for name, value in fields.items():
            if value is UNDEFINED:
                new.pop(name, None)
            else:
                new[name] = normalize(value)
        self._replace(table, document_id, old, new)

    def replace(self, document_id: str, fields: Mapping[str, Any]) -> None:
        """Put another document in its place."""
        table, old = self._existing(document_id, "replace", "Replace")
        system = {"_id": old["_id"], "_creationTime": old["_creationTime"]}
        self._replace(table, document_id, old, {**system, **normalize(fields)})

    def delete(self, document_id: str) -> None:
        """Take a document away."""
        table, _ = self._existing(document_id, "delete", "Delete")
        self._transaction.write(table, document_id, None)

    def _existing(self, document_id: str, method: str, verb: str) -> tuple[str, Document]:
        table = self._table_of(document_id, method)
        if table is None:
            raise FunctionError(
                f'Invalid argument `id` for `db.{method}`: Table for ID "{document_id}" not found'
            )
        if table.name.startswith("_"):
            raise FunctionError("System tables (prefixed with `_`) are read-only.")
        old = self._transaction.get(table.name, document_id)
        if old is None:
            raise FunctionError(f"{verb} on nonexistent document ID {document_id}")
        return table.name, old

    def _replace(self, table: str, document_id: str, old: Document, new: Document) -> None:
        for name in ("_id", "_creationTime"):
            if new.get(name) != old[name]:
                raise FunctionError(
                    f"Provided document {show(new)} has a different `{name}` than the document "
                    f"it replaces ({show(old[name])})"
                )
        fields = {name: value for name, value in new.items() if name not in _SYSTEM_FIELDS}
        self._put(table, document_id, fields, old["_creationTime"])

    def _put(self, table: str, document_id: str, fields: Document, created: float) -> None:
        document = dict(sorted({**fields, "_id": document_id, "_creationTime": created}.items()))
        size = _check_document(document)
        self._check(table, fields)
        self._transaction.write(table, document_id, document, size)


_SYSTEM_FIELDS = frozenset({"_id", "_creationTime"})


def _shown(document: Document) -> Document:
    # The address of a file is a secret apart from its document.
    return {name: copy(value) for name, value in document.items() if name != "uuid"}


def _check_table_name(name: str) -> None:
    valid = name.isascii() and name.isidentifier() and len(name) <= 64 and name.strip("_")
    if not valid:
        raise FunctionError(f"InvalidTableName: {name!r} is not a name for a table.")


def _check_document(document: Document) -> int:
    for name in document:
        if name.startswith("_") and name not in _SYSTEM_FIELDS:
            raise FunctionError(
                f"{show(document)} isn't a valid document: Field '{name}' starts with an "
                "underscore, which is only allowed for system fields like '_id'"
            )
    if nesting(document) > MAX_DOCUMENT_NESTING:
        raise InvalidValue(f"Document is too nested (maximum nesting {MAX_DOCUMENT_NESTING})")
    size = size_bytes(document)
    if size > MAX_DOCUMENT_BYTES:
        raise InvalidValue(f"Value is too large ({size} bytes > maximum {MAX_DOCUMENT_BYTES})")
    return size
