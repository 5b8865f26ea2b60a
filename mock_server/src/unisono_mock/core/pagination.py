"""Pages: cursors that name a position in one query, and journals that pin where a page ends.

Spec: pagination
Not here: reading the rows (see database), carrying journals to the client (see session).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import ApplicationError, FunctionError

MAX_ROWS = 32_000
MAX_BYTES = 2**24
MAX_ITEMS = 6144
_TAG_BYTES = 16
_PRINT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the row with this index key, or behind all rows."""

    key: bytes | None


END = Position(None)


class InvalidCursor(ApplicationError):
    """A cursor of another query; clients start again from the first page."""

    def __init__(self) -> None:
        # [pagination.invalid-cursor] The data is what clients look at; the text
        # may be redacted.
        super().__init__({"isConvexSystemError": True, "paginationError": "InvalidCursor"})
        self.message = (
            "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this "
            "cursor is from a different query."
        )


class Cursors:
    """Writes and reads cursors. Equal positions of equal queries have equal texts."""

    def __init__(self, secret: bytes) -> None:
        self._tag_key = hashlib.blake2b(b"tag", key=secret).digest()
        self._mask_key = hashlib.blake2b(b"mask", key=secret).digest()

    def write(self, fingerprint: bytes, position: Position) -> str:
        """The text of a position."""
        # [pagination.deterministic-cursor] The mask is derived from the content:
        # nothing random, or every run would look like a change.
        plain = fingerprint + (b"\x00" if position.key is None else b"\x01" + position.key)
        tag = self._tag(plain)
        return base64.urlsafe_b64encode(tag + self._masked(plain, tag)).decode("ascii")

    def read(self, fingerprint: bytes, text: str) -> Position:
        """The position of a text that this server wrote for this query."""
        found, position = self._open(text)
        # [pagination.foreign-cursor] It was good for a query that was another.
        if found != fingerprint:
            raise InvalidCursor()
        return position

    def check(self, text: str) -> None:
        """Raise unless this server wrote the text."""
        self._open(text)

    def _open(self, text: str) -> tuple[bytes, Position]:
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise FunctionError("Failed to parse cursor") from None
        tag, plain = raw[:_TAG_BYTES], self._masked(raw[_TAG_BYTES:], raw[:_TAG_BYTES])
        if not hmac.compare_digest(tag, self._tag(plain)):
            raise FunctionError("Failed to parse cursor")
        key = plain[_PRINT_BYTES:]
        return plain[:_PRINT_BYTES], Position(key[1:]) if key[:1] == b"\x01" else END

    def _tag(self, plain: bytes) -> bytes:
        return hashlib.blake2b(plain, key=self._tag_key, digest_size=_TAG_BYTES).digest()

    def _masked(self, text: bytes, tag: bytes) -> bytes:
        seed = hashlib.blake2b(tag, key=self._mask_key).digest()
        stream = hashlib.shake_256(seed).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


def fingerprint(*parts: bytes) -> bytes:
    """What tells one query from another."""
    joined = b"".join(b"%d:" % len(part) + part for part in parts)
    return hashlib.blake2b(joined, digest_size=_PRINT_BYTES).digest()


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for."""

    items: int
    cursor: str | None
    end_cursor: str | None
    max_rows: int
    max_bytes: int

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> "PageRequest":
        """The request in the `paginationOpts` of a client."""
        items = _number(options, "numItems")
        if items is None or items < 1:
            raise FunctionError(
                "NoDocumentsForPagination: Must request at least 1 document while paginating"
            )
        if items > MAX_ROWS:
            raise FunctionError(f"PageSizeTooLarge: {items} is more than {MAX_ROWS} documents")
        limits = []
        for name, most in (("maximumRowsRead", MAX_ROWS), ("maximumBytesRead", MAX_BYTES)):
            limit = _number(options, name)
            if limit is not None and limit < 1:
                raise FunctionError(f"InvalidPaginationLimit: {name} must be at least 1")
            limits.append(most if limit is None else min(limit, most))
        return cls(items, _text(options, "cursor"), _text(options, "endCursor"), *limits)


@dataclass(slots=True)
class Pages:
    """The pagination of one run: the journal that came in, the one that goes out."""

    cursors: Cursors
    pinned: str | None = None
    journal: str | None = None
    used: bool = field(default=False)

    def begin(self) -> None:
        """Note that this run paginates; it may do so once."""
        # [pagination.one-per-run] The journal has room for one end.
        if self.used:
            raise FunctionError(
                "MultiplePaginatedDatabaseQueries: This query or mutation function ran multiple "
                "paginated queries. Convex only supports a single paginated query in each function."
            )
        self.used = True


@dataclass(slots=True)
class Progress:
    """How far the reading of one page has come."""

    request: PageRequest
    keys: list[bytes] = field(default_factory=list)
    bytes_read: int = 0
    items: int = 0
    limit_hit: bool = False

    def read(self, key: bytes, size: int) -> None:
        """Count a row."""
        self.keys.append(key)
        self.bytes_read += size

    def full(self) -> bool:
        """Whether a page without a fixed end stops here."""
        if self.items >= self.request.items:
            return True
        # [pagination.split-required] A limit was hit before the page was complete.
        self.limit_hit = (
            len(self.keys) >= self.request.max_rows or self.bytes_read >= self.request.max_bytes
        )
        return self.limit_hit

    def status(self) -> str | None:
        """Whether the client should split this page."""
        if self.limit_hit:
            return "SplitRequired"
        large = (
            len(self.keys) > self.request.max_rows * 3 // 4
            or self.bytes_read > self.request.max_bytes * 3 // 4
            or self.items > MAX_ITEMS
        )
        return "SplitRecommended" if large else None

    def middle(self) -> Position | None:
        """Where the client may split: behind the middle of the rows that were read."""
        # [pagination.split] Two rows are not worth a split.
        if len(self.keys) <= 2:
            return None
        return Position(self.keys[len(self.keys) // 2])


def _number(options: Mapping[str, Any], name: str) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise FunctionError(f"paginationOpts.{name} must be a number")
    return int(max(min(value, 2**53), -1))


def _text(options: Mapping[str, Any], name: str) -> str | None:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        raise FunctionError(f"paginationOpts.{name} must be a string or null")
    return value
