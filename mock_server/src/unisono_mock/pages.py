"""Pages: files served beside the functions, so that an app has one address.

Spec: http
Not here: the routes of the protocol (see core.http).
"""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from .core.http import Response

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".map": "application/json"}


def find_page(pages: Mapping[str, Path], path: str) -> Response | None:
    """The file that a URL path names, or None."""
    path = unquote(path)
    exact = pages.get(path)
    if exact is not None and exact.is_file():
        return _file(exact)
    for prefix in sorted(pages, key=len, reverse=True):
        if prefix.endswith("/") and path.startswith(prefix) and pages[prefix].is_dir():
            return _inside(pages[prefix], path[len(prefix) :])
    return None


def _inside(folder: Path, name: str) -> Response | None:
    root = folder.resolve()
    found = (root / name.lstrip("/")).resolve() if "\x00" not in name else root
    # Whatever the dots and links of a path say, nothing outside of the folder
    # is served.
    if not found.is_relative_to(root):
        return None
    if found.is_dir():
        found = found / "index.html"
    return _file(found) if found.is_file() else None


def _file(path: Path) -> Response:
    content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    content_type = content_type or "application/octet-stream"
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    return Response(200, path.read_bytes(), content_type, (("Cache-Control", "no-cache"),))
