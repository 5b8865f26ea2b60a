"""Snapshots: a whole backend as a zip of JSON lines, out and in again.

    _tables/documents.jsonl      {"name": "messages", "id": 10001} for each table
    messages/documents.jsonl     one document for each line, in encoded JSON
    _storage/documents.jsonl     one file for each line; its bytes are in _storage/<id>

Spec: values
Not here: the store (see core.store), the command line (see __main__).
"""

import io
import math
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from .backend import Backend
from .core.errors import FunctionError
from .core.ids import InvalidId, decode_id
from .core.store import Document, Transaction
from .core.values import InvalidValue, decode, encode, json_bytes, parse_json
from .database import Chance
from .storage import TABLE as STORAGE

DOCUMENTS = "documents.jsonl"
TABLES = f"_tables/{DOCUMENTS}"


class BadSnapshot(Exception):
    """A snapshot that cannot be read, and why."""


def export_snapshot(backend: Backend) -> bytes:
    """Every table and every file, at one moment."""
    transaction = backend.store.begin()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        tables = [
            {"name": table.name, "id": table.number}
            for table in backend.store.tables.values()
            if not table.name.startswith("_")
        ]
        archive.writestr(TABLES, _lines(tables))
        for table in [*(each["name"] for each in tables), STORAGE]:
            documents = list(_documents(transaction, str(table)))
            archive.writestr(f"{table}/{DOCUMENTS}", _lines(map(encode, documents)))
            for document in documents if table == STORAGE else ():
                content = backend.transactions.files.content.get_file(document["uuid"])
                archive.writestr(f"{STORAGE}/{document['_id']}", content or b"")
    return out.getvalue()


def import_snapshot(backend: Backend, archive: bytes) -> int:
    """Put a snapshot into empty tables; returns the number of documents."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return _import(backend, opened)
    except zipfile.BadZipFile as error:
        raise BadSnapshot(f"not a snapshot: {error}") from error


def export_lines(backend: Backend, table: str) -> bytes:
    """The documents of one table, one for each line."""
    return _lines(map(encode, _documents(backend.store.begin(), table)))


def import_lines(backend: Backend, table: str, lines: bytes) -> int:
    """Add documents to a table; those without an id get a new one."""
    transaction = backend.store.begin()
    count = _write(backend, transaction, table, _read(lines, table))
    backend.transactions.commit(transaction)
    backend.pump()
    return count


def _import(backend: Backend, archive: zipfile.ZipFile) -> int:
    names = set(archive.namelist())
    numbers = _read(archive.read(TABLES), TABLES) if TABLES in names else []
    for each in numbers:
        _number(backend, each)
    transaction = backend.store.begin()
    count = 0
    for name in sorted(names):
        table, slash, file = name.partition("/")
        if not slash or file != DOCUMENTS or name == TABLES:
            continue
        if table.startswith("_") and table != STORAGE:
            continue
        documents = list(_read(archive.read(name), name))
        if table == STORAGE:
            _import_files(backend, archive, documents)
        count += _write(backend, transaction, table, documents)
    backend.transactions.commit(transaction)
    backend.pump()
    return count


def _number(backend: Backend, entry: Document) -> None:
    try:
        backend.store.renumber(str(entry["name"]), int(entry["id"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadSnapshot(f"the table {entry!r} cannot be taken over: {error}") from error


def _import_files(backend: Backend, archive: zipfile.ZipFile, documents: list[Document]) -> None:
    files = backend.transactions.files
    for document in documents:
        # An archive of another server has the address under another name.
        document.setdefault(
            "uuid", document.pop("internalId", None) or files.new_name(_draw(backend))
        )
        found = [
            name for name in archive.namelist() if name.startswith(f"{STORAGE}/{document['_id']}")
        ]
        if not found:
            raise BadSnapshot(f"the bytes of the file {document['_id']} are missing")
        files.content.put_file(document["uuid"], archive.read(found[0]))


def _draw(backend: Backend) -> Chance:
    return Chance(backend.clock.now(), backend.transactions.draw)


def _write(
    backend: Backend, transaction: Transaction, table: str, documents: Iterable[Document]
) -> int:
    chance, count = _draw(backend), 0
    found = backend.store.table(table)
    created = max(chance.now_s * 1000, transaction.last_created)
    for document in documents:
        document.setdefault("_id", chance.new_id(found))
        # The order of the lines is the order of the documents.
        created = math.nextafter(created, math.inf)
        document.setdefault("_creationTime", created)
        _check_id(document["_id"], found.number, table)
        if transaction.get(table, document["_id"]) is not None:
            raise BadSnapshot(f"a document with the id {document['_id']} is there already")
        transaction.write(table, document["_id"], dict(sorted(document.items())))
        count += 1
    return count


def _check_id(document_id: Any, number: int, table: str) -> None:
    try:
        actual = decode_id(document_id).table
    except (InvalidId, TypeError) as error:
        raise BadSnapshot(f"{document_id!r} is no id: {error}") from None
    if actual != number:
        raise BadSnapshot(f"{document_id} is not an id of the table {table}")


def _documents(transaction: Transaction, table: str) -> Iterator[Document]:
    if table not in transaction.store.tables:
        raise FunctionError(f"there is no table {table}")
    for _, document in transaction.scan(table, "by_creation_time", b"", b"\xff"):
        yield document


def _lines(documents: Iterable[Any]) -> bytes:
    return b"".join(json_bytes(document) + b"\n" for document in documents)


def _read(lines: bytes, name: str) -> list[Document]:
    documents = []
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = decode(parse_json(line))
        except InvalidValue as error:
            raise BadSnapshot(f"{name}, line {number}: {error}") from None
        if not isinstance(document, dict):
            raise BadSnapshot(f"{name}, line {number}: not an object")
        documents.append(document)
    return documents
