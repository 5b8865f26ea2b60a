"""`ctx.storage`: files beside the documents, with addresses that cannot be guessed.

Spec: http
Not here: the routes for them (see file_endpoints).
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .core.errors import FunctionError
from .core.ids import InvalidId, decode_id
from .core.keys import after, sort_key
from .core.store import Commit, Document, Transaction
from .database import Chance

TABLE = "_storage"
UPLOAD_LIFE_S = 3600
_TOKEN_BYTES = 16


class Bytes(Protocol):
    """Where the content of files is kept."""

    def put_file(self, file_id: str, content: bytes) -> None:
        """Keep the bytes of a file."""

    def get_file(self, file_id: str) -> bytes | None:
        """The bytes of a file."""

    def delete_file(self, file_id: str) -> None:
        """The bytes of a file are no longer needed."""


class MemoryBytes:
    """Files in memory."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def put_file(self, file_id: str, content: bytes) -> None:
        """Keep the bytes of a file."""
        self._files[file_id] = content

    def get_file(self, file_id: str) -> bytes | None:
        """The bytes of a file."""
        return self._files.get(file_id)

    def delete_file(self, file_id: str) -> None:
        """The bytes of a file are no longer needed."""
        self._files.pop(file_id, None)


@dataclass(slots=True)
class Files:
    """The files of one backend: their bytes, their address, the permission to add one."""

    content: Bytes
    secret: bytes
    origin: str = "http://unisono.test"

    def url(self, file_id: str) -> str:
        """Where anybody who knows the address can read it."""
        return f"{self.origin}/api/storage/{file_id}"

    def upload_url(self, now_s: float) -> str:
        """Where one may upload for an hour."""
        until = int(now_s + UPLOAD_LIFE_S).to_bytes(8, "big")
        token = base64.urlsafe_b64encode(until + self._seal(until)).decode("ascii")
        return f"{self.origin}/api/storage/upload?token={token}"

    def token_is_ours(self, token: str) -> bool:
        """Whether this backend gave the token out, however long ago."""
        raw = _decode(token)
        return hmac.compare_digest(raw[8:], self._seal(raw[:8]))

    def token_is_fresh(self, token: str, now_s: float) -> bool:
        """Whether a token of ours can still be used."""
        return now_s <= int.from_bytes(_decode(token)[:8], "big")

    def write(
        self, transaction: Transaction, chance: Chance, content: bytes, content_type: str | None
    ) -> str:
        """Add a file; returns its id. The bytes are kept before the document is."""
        file_id = self.new_name(chance)
        self.content.put_file(file_id, content)
        document: Document = {
            "_creationTime": chance.now_s * 1000,
            "_id": chance.new_id(transaction.store.table(TABLE)),
            "sha256": base64.b64encode(hashlib.sha256(content).digest()).decode("ascii"),
            "size": float(len(content)),
            "uuid": file_id,
        }
        if content_type is not None:
            document["contentType"] = content_type
        transaction.write(TABLE, document["_id"], dict(sorted(document.items())))
        return str(document["_id"])

    def new_name(self, chance: Chance) -> str:
        """The name under which the bytes of a new file are kept; nobody can guess it."""
        return str(uuid.UUID(bytes=chance.draw(16), version=4))

    def committed(self, commit: Commit) -> None:
        """Let go of the bytes whose documents were deleted."""
        for change in commit.changes:
            if change.table == TABLE and change.before is not None and change.after is None:
                self.content.delete_file(change.before["uuid"])

    def _seal(self, until: bytes) -> bytes:
        return hashlib.blake2b(until, key=self.secret, digest_size=_TOKEN_BYTES).digest()


class StorageReader:
    """What a query may ask of the files."""

    def __init__(
        self,
        files: Files,
        chance: Chance,
        begin: Callable[[], Transaction],
        commit: Callable[[Transaction], None],
    ) -> None:
        self._files = files
        self._chance = chance
        self._begin = begin
        self._commit = commit

    def get_url(self, storage_id: str) -> str | None:
        """The address of a file, or None if it is gone."""
        found = _find(self._begin(), storage_id)
        return None if found is None else self._files.url(found["uuid"])

    def get_metadata(self, storage_id: str) -> dict[str, Any] | None:
        """Size, type and checksum of a file, or None if it is gone."""
        found = _find(self._begin(), storage_id)
        if found is None:
            return None
        return {
            "storageId": found["uuid"],
            "sha256": base64.b64decode(found["sha256"]).hex(),
            "size": found["size"],
            "contentType": found.get("contentType"),
        }


class StorageWriter(StorageReader):
    """What a mutation may do with the files."""

    def generate_upload_url(self) -> str:
        """An address to which one file after the other may be posted, for an hour."""
        return self._files.upload_url(self._chance.now_s)

    def delete(self, storage_id: str) -> None:
        """Delete a file."""
        transaction = self._begin()
        found = _find(transaction, storage_id)
        if found is None:
            raise FunctionError(f"StorageIdNotFound: storage id {storage_id} not found")
        transaction.write(TABLE, found["_id"], None)
        self._commit(transaction)


class ActionStorage(StorageWriter):
    """What an action may do with the files: also read and write them."""

    def store(self, content: bytes, content_type: str | None = None) -> str:
        """Keep bytes as a file; returns its id."""
        transaction = self._begin()
        storage_id = self._files.write(transaction, self._chance, bytes(content), content_type)
        self._commit(transaction)
        return storage_id

    def get(self, storage_id: str) -> bytes | None:
        """The bytes of a file, or None if it is gone."""
        found = _find(self._begin(), storage_id)
        return None if found is None else self._files.content.get_file(found["uuid"])


def find_file(transaction: Transaction, file_id: str) -> Document | None:
    """The document of the file with this address."""
    key = sort_key(file_id)
    rows = transaction.scan(TABLE, "by_uuid", key, after(key))
    return next((document for _, document in rows), None)


def _find(transaction: Transaction, storage_id: str) -> Document | None:
    try:
        name = transaction.store.names.get(decode_id(storage_id).table)
    except (InvalidId, TypeError):
        return find_file(transaction, str(storage_id))
    if name != TABLE:
        raise FunctionError(f"InvalidStorageId: {storage_id} is not the id of a file")
    return transaction.get(TABLE, storage_id)


def _decode(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token.encode("ascii", "replace"))
    except ValueError:
        return b""
