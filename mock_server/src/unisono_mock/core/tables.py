"""Tables: versions of documents by id and by index, and what a transaction read or wrote of them.

Spec: mutations
Not here: snapshots (see transaction), commits one by one (see store).
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .ids import encode_id
from .keys import UNDEFINED, field_at, sort_key
from .values import Value, size_bytes

Document: TypeAlias = dict[str, Value]
Range: TypeAlias = list[bytes]
Versions: TypeAlias = list[tuple[int, Any]]

BY_ID = "by_id"
BY_CREATION_TIME = "by_creation_time"


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
        return b"".join(
            [
                # Most paths are a name, and a name needs no walk.
                sort_key(field_at(document, path) if "." in path else document.get(path, UNDEFINED))
                for path in self.fields
            ]
        )


@dataclass(slots=True)
class Table:
    """One table: versions of documents, and its indexes."""

    name: str
    number: int
    documents: dict[str, list[tuple[int, Document | None]]] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    _sizes: dict[str, tuple[Document, int]] = field(default_factory=dict)

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

    def size_of(self, document_id: str, document: Document) -> int:
        """The size of a document, measured once."""
        known = self._sizes.get(document_id)
        if known is None or known[0] is not document:
            known = self._sizes[document_id] = (document, size_bytes(document))
        return known[1]

    def forget_size(self, document_id: str) -> None:
        """The document is gone."""
        self._sizes.pop(document_id, None)


def new_id(table: Table, internal: bytes) -> str:
    """The id of a new document of a table."""
    return encode_id(table.number, internal)


def visible(versions: list[tuple[int, Any]], ts: int) -> Any:
    """What stood there at a timestamp."""
    for version_ts, content in reversed(versions):
        if version_ts <= ts:
            return content
    return None
