"""`ctx.db`: documents, and queries over an index.

Spec: values
Not here: versions and conflicts (see core.store), pages (see core.pagination).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .core.errors import FunctionError
from .core.ids import InvalidId, decode_id, internal_id
from .core.keys import UNDEFINED, Undefined, after, sort_key
from .core.pagination import END, PageRequest, Pages, Position, Progress, fingerprint
from .core.store import BY_CREATION_TIME, Document, Store, Table, Transaction, new_id
from .core.values import InvalidValue, Value, copy, nesting, normalize, show, size_bytes

Predicate: TypeAlias = Callable[[Document], Any]
MAX_DOCUMENT_BYTES = 2**20
MAX_DOCUMENT_NESTING = 16


@dataclass(slots=True)
class Chance:
    """What a run may draw: the time it began, and random bytes."""

    now_s: float
    draw: Callable[[int], bytes]


class DatabaseReader:
    """The documents as one run sees them."""

    def __init__(self, transaction: Transaction, pages: Pages) -> None:
        self._transaction = transaction
        self._pages = pages
        self._store: Store = transaction.store

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
        internal = internal_id(self._chance.draw(14), self._chance.now_s)
        document_id = new_id(found, internal)
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
        _check_document(document)
        self._check(table, fields)
        self._transaction.write(table, document_id, document)


class IndexRange:
    """Which part of an index: `eq` on the first fields, then bounds on the next."""

    def __init__(self, index: str, fields: tuple[str, ...]) -> None:
        self._index = index
        self._fields = fields
        self._equals: dict[str, bytes] = {}
        self._low: tuple[str, bytes, bool] | None = None
        self._high: tuple[str, bytes, bool] | None = None

    def eq(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field has this value; UNDEFINED means it is absent."""
        if field in self._equals:
            raise FunctionError(f"AlreadyDefinedBound: {field!r} has an equality bound already.")
        self._equals[field] = self._key(field, value)
        return self

    def gt(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is greater, in the total order of values."""
        return self._lower(field, value, False)

    def gte(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is greater or equal."""
        return self._lower(field, value, True)

    def lt(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is smaller: absent, null and Int64 are smaller than every number."""
        return self._upper(field, value, False)

    def lte(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is smaller or equal."""
        return self._upper(field, value, True)

    def bounds(self) -> tuple[bytes, bytes]:
        """The half-open range of keys."""
        prefix = b"".join(self._equals[name] for name in self._prefix())
        low, high = prefix, after(prefix)
        if self._low is not None:
            _, key, inclusive = self._low
            low = prefix + key if inclusive else after(prefix + key)
        if self._high is not None:
            _, key, inclusive = self._high
            high = after(prefix + key) if inclusive else prefix + key
        return low, max(low, high)

    def _lower(self, field: str, value: Value | Undefined, inclusive: bool) -> "IndexRange":
        if self._low is not None:
            raise FunctionError(f"AlreadyDefinedBound: {self._low[0]!r} has a lower bound already.")
        self._low = (field, self._key(field, value), inclusive)
        return self

    def _upper(self, field: str, value: Value | Undefined, inclusive: bool) -> "IndexRange":
        if self._high is not None:
            raise FunctionError(
                f"AlreadyDefinedBound: {self._high[0]!r} has an upper bound already."
            )
        self._high = (field, self._key(field, value), inclusive)
        return self

    def _key(self, field: str, value: Value | Undefined) -> bytes:
        if field not in self._fields:
            raise FunctionError(f"FieldNotInIndex: {field!r} is not in index {self._index}.")
        return sort_key(value if isinstance(value, Undefined) else normalize(value))

    def _prefix(self) -> tuple[str, ...]:
        prefix = self._fields[: len(self._equals)]
        bounded = {bound[0] for bound in (self._low, self._high) if bound is not None}
        if len(bounded) > 1:
            raise FunctionError("BoundsOnMultipleFields: bounds must be on one field.")
        following = self._fields[len(self._equals) :][:1]
        if set(prefix) != set(self._equals) or not bounded <= set(following):
            raise FunctionError(
                f"InvalidIndexRange: the range on {self._index} didn't use the index fields in "
                f"order: {list(self._fields)}"
            )
        return prefix


class Query:
    """A read of one table, put together step by step and used once."""

    def __init__(
        self,
        transaction: Transaction,
        pages: Pages,
        table: str,
        show_document: Callable[[Document], Document] = copy,
    ) -> None:
        self._transaction = transaction
        self._show = show_document
        self._pages = pages
        self._table = table
        self._index = BY_CREATION_TIME
        self._low, self._high = b"", b"\xff"
        self._descending: bool | None = None
        self._filters: list[Predicate] = []
        self._used = False

    def with_index(
        self,
        index: str,
        build: Callable[[IndexRange], IndexRange] | None = None,
        **equals: Value,
    ) -> "Query":
        """Read along an index: `with_index("by_channel", channel="general")`."""
        found = self._transaction.store.tables.get(self._table)
        if found is None or index not in found.indexes:
            raise FunctionError(f"Index {self._table}.{index} not found.")
        bounds = IndexRange(f"{self._table}.{index}", found.indexes[index].fields)
        for field, value in equals.items():
            bounds.eq(field, value)
        if build is not None:
            build(bounds)
        self._index = index
        self._low, self._high = bounds.bounds()
        return self

    def order(self, direction: str) -> "Query":
        """`asc` or `desc`, once."""
        if self._descending is not None:
            raise FunctionError("Queries may only specify order at most once")
        if direction not in ("asc", "desc"):
            raise FunctionError(f"order must be 'asc' or 'desc', not {direction!r}")
        self._descending = direction == "desc"
        return self

    def filter(self, predicate: Predicate) -> "Query":
        """Keep the documents for which this is true; all that are looked at count as read."""
        self._filters.append(predicate)
        return self

    def collect(self) -> list[Document]:
        """All of them."""
        return list(self)

    def take(self, count: int) -> list[Document]:
        """The first `count`; what comes after them is not read."""
        if isinstance(count, bool) or count != int(count) or count < 0:
            raise FunctionError(f"take() needs a non-negative integer, not {count!r}")
        found: list[Document] = []
        rows = iter(self)
        while len(found) < count:
            document = next(rows, None)
            if document is None:
                break
            found.append(document)
        return found

    def first(self) -> Document | None:
        """The first, or None."""
        return next(iter(self.take(1)), None)

    def unique(self) -> Document | None:
        """The only one, or None; two are an error."""
        found = self.take(2)
        if len(found) == 2:
            raise FunctionError(
                f"unique() query returned more than one result from table {self._table}: "
                f"[{found[0]['_id']}, {found[1]['_id']}, ...]"
            )
        return found[0] if found else None

    def paginate(self, options: Mapping[str, Any]) -> dict[str, Value]:
        """One page; `options` is the `paginationOpts` that clients send."""
        self._begin()
        request = PageRequest.read(options)
        self._pages.begin()
        cursors, mark = self._pages.cursors, self._fingerprint()
        start = None if request.cursor is None else cursors.read(mark, request.cursor)
        # [pagination.end-cursor] The end that the client names, or else the one
        # that the journal pinned: numItems counts only where neither is there.
        pinned = request.end_cursor or self._pages.pinned
        end = None if pinned is None else cursors.read(mark, pinned)
        progress = Progress(request)
        page = self._page(start, end, progress)
        if end is None:
            complete = progress.limit_hit or progress.items >= request.items
            end = Position(progress.keys[-1]) if complete else END
        # [pagination.journal-pins] From now on the page ends where it ended.
        self._pages.journal = continue_cursor = cursors.write(mark, end)
        middle = progress.middle()
        return {
            "page": page,
            # [pagination.done] Done means: behind the last row there will ever be.
            "isDone": end == END,
            "continueCursor": continue_cursor,
            "splitCursor": None if middle is None else cursors.write(mark, middle),
            "pageStatus": progress.status(),
        }

    def _page(
        self, start: Position | None, end: Position | None, progress: Progress
    ) -> list[Document]:
        low, high = self._low, self._high
        if start is not None and start.key is None:
            return []
        if start is not None and start.key is not None:
            low, high = (low, start.key) if self._descending else (start.key + b"\x00", high)
        if end is not None and end.key is not None:
            low, high = (end.key, high) if self._descending else (low, end.key + b"\x00")
        page: list[Document] = []
        for key, document in self._scan(low, high):
            progress.read(key, size_bytes(document))
            found = self._show(document)
            if all(keep(found) for keep in self._filters):
                page.append(found)
                progress.items += 1
            if end is None and progress.full():
                break
        return page

    def _fingerprint(self) -> bytes:
        filters = [f"{each.__module__}.{each.__qualname__}" for each in self._filters]
        text = [self._table, self._index, str(bool(self._descending)), *filters]
        return fingerprint(self._low, self._high, *(part.encode() for part in text))

    def __iter__(self) -> Iterator[Document]:
        self._begin()
        return self._rows()

    def _begin(self) -> None:
        if self._used:
            raise FunctionError("Iteration can only begin on a query once.")
        self._used = True

    def _rows(self) -> Iterator[Document]:
        for _, document in self._scan(self._low, self._high):
            found = self._show(document)
            if all(keep(found) for keep in self._filters):
                yield found

    def _scan(self, low: bytes, high: bytes) -> Iterator[tuple[bytes, Document]]:
        return self._transaction.scan(
            self._table, self._index, low, max(low, high), descending=bool(self._descending)
        )


_SYSTEM_FIELDS = frozenset({"_id", "_creationTime"})


def _shown(document: Document) -> Document:
    # The address of a file is a secret apart from its document.
    return {name: copy(value) for name, value in document.items() if name != "uuid"}


def _check_table_name(name: str) -> None:
    valid = name.isascii() and name.isidentifier() and len(name) <= 64 and name.strip("_")
    if not valid:
        raise FunctionError(f"InvalidTableName: {name!r} is not a name for a table.")


def _check_document(document: Document) -> None:
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
