"""A schema: which tables there are, what their documents hold, and by what they are ordered.

Spec: values
Not here: checking values (see core.validators), the indexes themselves (see core.store).
"""

import re
from dataclasses import dataclass
from typing import Any

from .annotations import object_of
from .core.store import Document, Store
from .core.validators import Anything, Tables, ValidationFailure, Validator

MAX_INDEXES = 64
MAX_INDEX_FIELDS = 16

_NAME = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_RESERVED = frozenset({"by_id", "by_creation_time"})


class SchemaError(ValueError):
    """A schema that cannot be."""


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """One table of a schema."""

    document: Validator
    indexes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def index(self, name: str, *fields: str) -> "TableDefinition":
        """The same table with one more index."""
        _check_index(name, fields, self.indexes)
        return TableDefinition(self.document, (*self.indexes, (name, fields)))


def table(document: Any = None, /, **fields: Any) -> TableDefinition:
    """A table: `table(channel=str, body=str)`, or `table(Message)` for a class with fields."""
    if document is None:
        return TableDefinition(object_of(fields) if fields else Anything())
    return TableDefinition(object_of(document))


class Schema:
    """Tables by name; documents are checked on every write unless `validate` is off."""

    def __init__(self, *, validate: bool = True, **tables: TableDefinition) -> None:
        for name in tables:
            if not _NAME.fullmatch(name) or name.startswith("_"):
                raise SchemaError(f"InvalidTableName: {name!r} is not a name for a table")
        self.tables = tables
        self.validate = validate

    def prepare(self, store: Store) -> None:
        """Create the tables and indexes in a store."""
        for name, definition in self.tables.items():
            found = store.table(name)
            for index, fields in definition.indexes:
                known = found.indexes.get(index)
                if known is None or known.fields[:-2] != fields:
                    found.add_index(index, fields)

    def check(self, name: str, document: Document, tables: Tables) -> None:
        """Raise unless the document (without system fields) may stand in the table."""
        definition = self.tables.get(name)
        if definition is None or not self.validate:
            return
        try:
            definition.document.check(document, "", tables)
        except ValidationFailure as failure:
            raise ValidationFailure(
                f'Failed to insert or update a document in table "{name}" because it does not '
                f"match the schema: {failure.message}"
            ) from None


def _check_index(
    name: str, fields: tuple[str, ...], others: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    if not _NAME.fullmatch(name) or name.startswith("_"):
        raise SchemaError(f"InvalidIndexName: {name!r} is not a name for an index")
    if name in _RESERVED:
        raise SchemaError(f"IndexNameReserved: {name!r} exists in every table")
    if not fields:
        raise SchemaError(f"EmptyIndex: index {name!r} has no fields")
    if len(fields) > MAX_INDEX_FIELDS:
        raise SchemaError(f"IndexTooManyFields: index {name!r} has more than {MAX_INDEX_FIELDS}")
    if len(set(fields)) < len(fields):
        raise SchemaError(f"index {name!r} names a field twice")
    for path in fields:
        if path.startswith("_"):
            raise SchemaError(f"IndexFieldNameReserved: index {name!r} cannot hold {path!r}")
    if len(others) >= MAX_INDEXES:
        raise SchemaError(f"a table has at most {MAX_INDEXES} indexes")
    for other, other_fields in others:
        if other == name:
            raise SchemaError(f"two indexes are called {name!r}")
        if other_fields == fields:
            raise SchemaError(f"IndexNotUnique: {name!r} and {other!r} have the same fields")
