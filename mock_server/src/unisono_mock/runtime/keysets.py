"""The keys of providers: discovery documents and key sets, fetched and kept for a while.

Spec: auth
Not here: what is done with the keys (see verification).
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

from ..core.errors import ConnectionFailure, FailureKind
from ..core.tokens import Jwks, invalid, normal_issuer
from ..core.values import InvalidValue, parse_json

if TYPE_CHECKING:
    import httpx

DISCOVERY = "/.well-known/openid-configuration"
PATIENCE_S = 10.0
MAX_BODY_BYTES = 2**20
MAX_ENTRIES = 1000

_MAX_AGE = re.compile(r"max-age=(\d{1,9})")
_JSON_TYPES = ("application/json", "application/jwk-set+json")
_STATUS_KINDS = {
    401: FailureKind.UNAUTHENTICATED,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.NOT_FOUND,
    429: FailureKind.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered."""

    status: int
    body: bytes
    content_type: str = "application/json"
    cache_control: str = ""


class Unreachable(Exception):
    """There was no answer; one sentence."""


Fetch: TypeAlias = Callable[[str], Awaitable[Answer]]


class Shared:
    """One fetch for everybody who asks for an address at the same time."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._running: dict[str, asyncio.Future[Answer]] = {}

    async def __call__(self, url: str) -> Answer:
        """What the address answers to the one who asked first."""
        running = self._running.get(url)
        if running is None:
            running = self._running[url] = asyncio.ensure_future(self._fetch(url))
            running.add_done_callback(lambda _: self._running.pop(url, None))
        # Who leaves takes the answer from nobody else.
        return await asyncio.shield(running)


class Fetcher:
    """Fetches by HTTP."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self.shared = Shared(self.fetch)

    async def fetch(self, url: str) -> Answer:
        """What the address answers now."""
        import httpx  # Half of the time that a server takes to start, if it were above.

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=PATIENCE_S, follow_redirects=True)
        try:
            response = await self._client.get(url, headers={"Accept": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from None
        return Answer(
            response.status_code,
            response.content,
            response.headers.get("content-type", ""),
            response.headers.get("cache-control", ""),
        )

    async def close(self) -> None:
        """Give up the connections that are kept."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


async def no_network(url: str) -> Answer:
    """The fetch of a backend in process, unless it is given another one."""
    raise Unreachable("a backend in process fetches nothing; give the provider its keys")


class KeySets:
    """Key sets by where they are published, kept as long as their publisher allows."""

    def __init__(self, fetch: Fetch, now: Callable[[], float]) -> None:
        self._fetch = fetch
        self._now = now
        self._kept: dict[str, tuple[float, Answer]] = {}

    async def of_issuer(self, issuer: str, *, fresh: bool = False) -> Jwks:
        """The keys of an OpenID Connect issuer."""
        root = normal_issuer(issuer)
        document = await self._discovered(issuer, root + DISCOVERY, fresh)
        address = document.get("jwks_uri")
        published = document.get("issuer")
        if not isinstance(address, str) or not isinstance(published, str):
            raise _discovery_failed(issuer, FailureKind.BAD_REQUEST)
        if normal_issuer(published) != root:
            raise _discovery_failed(issuer, FailureKind.BAD_REQUEST, f"it says it is {published}")
        return await self._discovered(issuer, address, fresh)

    async def at(self, address: str, *, fresh: bool = False) -> Jwks:
        """The keys at an address, which may be a `data:` URL."""
        if address.startswith("data:"):
            return _object(_data(address)) or _bad_body()
        shown = f"Could not fetch JWKS from URL '{address}'"
        try:
            answer = await self._get(address, fresh)
        except Unreachable as error:
            raise invalid(f"{shown}: {error}") from None
        if answer.status != 200:
            raise invalid(f"{shown}: HTTP {answer.status}")
        media_type, _, parameters = answer.content_type.lower().partition(";")
        charset = parameters.partition("charset=")[2].strip(' "')
        if media_type.strip() not in _JSON_TYPES or charset not in ("", "utf-8"):
            raise invalid(f"Invalid Content-Type '{answer.content_type}' when fetching JWKS")
        return _object(answer.body) or _bad_body()

    async def _discovered(self, issuer: str, address: str, fresh: bool) -> Mapping[str, Any]:
        try:
            answer = await self._get(address, fresh)
        except Unreachable as error:
            raise _discovery_failed(issuer, FailureKind.BAD_REQUEST, str(error)) from None
        if answer.status == 200 and (found := _object(answer.body)) is not None:
            return found
        kind = FailureKind.OVERLOADED if answer.status >= 500 else FailureKind.BAD_REQUEST
        body = answer.body[:200].decode("utf-8", "replace")
        text = f"{answer.status} {body}".strip()
        raise _discovery_failed(issuer, _STATUS_KINDS.get(answer.status, kind), text)

    async def _get(self, url: str, fresh: bool) -> Answer:
        kept = self._kept.get(url)
        if kept is not None and self._now() < kept[0] and not fresh:
            return kept[1]
        answer = await self._fetch(url)
        if len(answer.body) > MAX_BODY_BYTES:
            raise Unreachable("the answer is too large")
        age = _MAX_AGE.search(answer.cache_control)
        self._kept.pop(url, None)
        if answer.status == 200 and age and "no-store" not in answer.cache_control:
            if len(self._kept) >= MAX_ENTRIES:
                self._kept.clear()
            self._kept[url] = (self._now() + int(age[1]), answer)
        return answer


def _discovery_failed(issuer: str, kind: FailureKind, detail: str = "") -> ConnectionFailure:
    text = f"Auth provider discovery of {issuer} failed" + (f": {detail}" if detail else "")
    return ConnectionFailure(kind, "AuthProviderDiscoveryFailed", text)


def _bad_body() -> Jwks:
    raise invalid("Invalid JWKS response body")


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = parse_json(body)
    except InvalidValue:
        return None
    return found if isinstance(found, dict) else None


def _data(address: str) -> bytes:
    head, _, data = address.partition(",")
    raw = unquote_to_bytes(data)
    if not head.endswith(";base64"):
        return raw
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        return b""
