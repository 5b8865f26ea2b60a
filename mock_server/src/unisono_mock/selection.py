"""Queries of `ctx.db`: which documents of a table, in which order, how many.

Spec: values
Not here: writing documents (see database), index ranges (see ranges).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from .core.errors import FunctionError
from .core.pagination import END, PageRequest, Pages, Position, Progress, fingerprint
from .core.store import BY_CREATION_TIME, Document, Transaction
from .core.values import Value, copy, size_bytes
from .ranges import IndexRange

Predicate: TypeAlias = Callable[[Document], Any]


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
