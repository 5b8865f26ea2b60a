"""The routes of files: upload with a token, download by address.

Spec: http
Not here: what functions do with files (see storage).
"""

import base64
import re
from urllib.parse import parse_qs

from .backend import Backend
from .core.http import HttpFailure, Request, Response, json_response
from .database import Chance
from .storage import find_file

UPLOAD = "/api/storage/upload"
PREFIX = "/api/storage/"
MAX_AGE_S = 2_592_000

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def upload(backend: Backend, request: Request) -> Response:
    """Keep the body as a file; answers with its id."""
    token = parse_qs(request.query).get("token", [""])[0]
    files = backend.transactions.files
    now = backend.clock.now()
    if not token:
        raise HttpFailure(400, "BadQueryArgs", "the address of an upload has a token")
    if not files.token_is_ours(token):
        raise HttpFailure(401, "StorageTokenInvalid", "the token of the upload is invalid")
    if not files.token_is_fresh(token, now):
        raise HttpFailure(401, "StorageTokenExpired", "the token of the upload has expired")
    transaction = backend.store.begin()
    chance = Chance(now, backend.transactions.draw)
    content_type = request.headers.get("content-type")
    storage_id = files.write(transaction, chance, request.body, content_type)
    document = transaction.get("_storage", storage_id)
    assert document is not None
    _check_digest(request, document["sha256"])
    backend.transactions.commit(transaction)
    backend.pump()
    return json_response({"storageId": storage_id})


def download(backend: Backend, request: Request) -> Response:
    """The bytes of a file, or the part that was asked for."""
    file_id = request.path.removeprefix(PREFIX)
    if not _UUID.fullmatch(file_id):
        raise HttpFailure(400, "InvalidStoragePath", "the address names no file")
    document = find_file(backend.store.begin(), file_id)
    content = backend.transactions.files.content.get_file(file_id)
    if document is None or content is None:
        raise HttpFailure(404, "FileNotFound", f"File {file_id} not found")
    content_type = document.get("contentType", "application/octet-stream")
    headers = (
        ("Cache-Control", f"private, max-age={MAX_AGE_S}"),
        ("Accept-Ranges", "bytes"),
    )
    wanted = request.headers.get("range")
    if wanted is None:
        digest = ("Digest", f"sha-256={document['sha256']}")
        return Response(200, content, content_type, (*headers, digest))
    bounds = _bounds(wanted, len(content))
    if bounds is None:
        return Response(416)
    first, last = bounds
    place = ("Content-Range", f"bytes {first}-{last}/{len(content)}")
    return Response(206, content[first : last + 1], content_type, (*headers, place))


def _check_digest(request: Request, actual: str) -> None:
    given = request.headers.get("digest")
    if given is None:
        return
    name, equals, expected = given.partition("=")
    if not equals or name.lower() != "sha-256":
        raise HttpFailure(400, "BadHeader", "the Digest header must be sha-256=<base64>")
    try:
        same = base64.b64decode(expected, validate=True) == base64.b64decode(actual)
    except ValueError:
        raise HttpFailure(400, "BadHeader", "the Digest header is not base64") from None
    if not same:
        raise HttpFailure(400, "Sha256Mismatch", f"expected {expected}, actual {actual}")


def _bounds(wanted: str, size: int) -> tuple[int, int] | None:
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or size == 0 or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size - 1
    first = int(found[1])
    last = min(int(found[2]) if found[2] else size - 1, size - 1)
    return (first, last) if first <= last else None
