"""One-shot calls over HTTP with httpx, for async code and for sync code.

Not here: what the requests and answers mean (see core/http), subscriptions (see client).
"""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import httpx

from ..core import http
from ..core.connection import http_url
from ..core.errors import RequestFailedError
from ..core.messages import Outcome
from ..core.values import Value
from ..subscription import value_of
from ..typed import Args, Query, reader
from ..version import CLIENT_NAME

T = TypeVar("T")
PATIENCE_S = 60.0
function_logger = logging.getLogger("unisono.functions")


class _Caller:
    """What both clients share: where to call, as whom, and how to read the answers."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        admin_key: str | None = None,
        acting_as: Mapping[str, Value] | None = None,
    ) -> None:
        self._address = http_url(address)
        self._identity: dict[str, str] = {}
        if token is not None:
            self._identity = http.authorization(token)
        elif admin_key is not None:
            self._identity = http.admin_authorization(admin_key, acting_as)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._address}>"

    def _arguments(self, request: http.Request) -> dict[str, Any]:
        # [http.client-header] [http.content-type]
        headers = {**CLIENT_NAME, **self._identity, "Content-Type": "application/json"}
        return {"content": request.body, "headers": headers}

    def _url(self, request: http.Request) -> str:
        return self._address + request.path

    def _read(self, path: str, wanted: Any, outcome: Outcome) -> Any:
        for line in outcome.log_lines:
            function_logger.info("%s %s", path, line)
        return reader(path, wanted)(value_of(path, outcome))

    def _read_all(self, queries: tuple[Query[Any], ...], outcomes: list[Outcome]) -> list[Any]:
        pairs = zip(queries, outcomes, strict=True)
        return [self._read(query.path, query.type, outcome) for query, outcome in pairs]


class HttpClient(_Caller):
    """Calls functions one at a time, without a socket; nothing is repeated by itself."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        admin_key: str | None = None,
        acting_as: Mapping[str, Value] | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(address, token=token, admin_key=admin_key, acting_as=acting_as)
        self._owns_client = client is None
        self._client = client or httpx.AsyncClient(timeout=PATIENCE_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Free the connections, unless they are the caller's own."""
        if self._owns_client:
            await self._client.aclose()

    async def _send(self, request: http.Request) -> httpx.Response:
        # [http.no-retry] Nobody could tell a repetition from a second wish.
        try:
            return await self._client.post(self._url(request), **self._arguments(request))
        except httpx.HTTPError as error:
            raise RequestFailedError(self._url(request), _said(error)) from error

    async def _call(self, kind: str, path: str, args: Any, wanted: Any) -> Any:
        answer = await self._send(http.call(kind, path, args))
        return self._read(path, wanted, http.read_outcome(answer.status_code, answer.content))

    @overload
    async def query(self, path: str, args: Args | None = None, *, at: int | None = None) -> Any: ...

    @overload
    async def query(
        self, path: str, args: Args | None = None, *, type: type[T], at: int | None = None
    ) -> T: ...

    async def query(
        self, path: str, args: Args | None = None, *, type: Any = None, at: int | None = None
    ) -> Any:
        """Run a query, now or at a moment that `timestamp` has told."""
        if at is None:
            return await self._call("query", path, args, type)
        answer = await self._send(http.query_at(path, args, at))
        return self._read(path, type, http.read_outcome(answer.status_code, answer.content))

    async def mutation(self, path: str, args: Args | None = None, *, type: Any = None) -> Any:
        """Run a mutation."""
        return await self._call("mutation", path, args, type)

    async def action(self, path: str, args: Args | None = None, *, type: Any = None) -> Any:
        """Run an action."""
        return await self._call("action", path, args, type)

    async def timestamp(self) -> int:
        """A moment at which queries can be run, good for about 30 seconds."""
        answer = await self._send(http.query_ts())
        return http.read_ts(answer.status_code, answer.content)

    async def queries(self, *queries: Query[Any]) -> list[Any]:
        """Run several queries at one moment."""
        request = http.query_batch([(query.path, query.args) for query in queries])
        answer = await self._send(request)
        return self._read_all(queries, http.read_batch(answer.status_code, answer.content))


class SyncHttpClient(_Caller):
    """The same for code without an event loop."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        admin_key: str | None = None,
        acting_as: Mapping[str, Value] | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        super().__init__(address, token=token, admin_key=admin_key, acting_as=acting_as)
        self._owns_client = client is None
        self._client = client or httpx.Client(timeout=PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the connections, unless they are the caller's own."""
        if self._owns_client:
            self._client.close()

    def _send(self, request: http.Request) -> httpx.Response:
        try:
            return self._client.post(self._url(request), **self._arguments(request))
        except httpx.HTTPError as error:
            raise RequestFailedError(self._url(request), _said(error)) from error

    def _call(self, kind: str, path: str, args: Any, wanted: Any) -> Any:
        answer = self._send(http.call(kind, path, args))
        return self._read(path, wanted, http.read_outcome(answer.status_code, answer.content))

    @overload
    def query(self, path: str, args: Args | None = None, *, at: int | None = None) -> Any: ...

    @overload
    def query(
        self, path: str, args: Args | None = None, *, type: type[T], at: int | None = None
    ) -> T: ...

    def query(
        self, path: str, args: Args | None = None, *, type: Any = None, at: int | None = None
    ) -> Any:
        """Run a query, now or at a moment that `timestamp` has told."""
        if at is None:
            return self._call("query", path, args, type)
        answer = self._send(http.query_at(path, args, at))
        return self._read(path, type, http.read_outcome(answer.status_code, answer.content))

    def mutation(self, path: str, args: Args | None = None, *, type: Any = None) -> Any:
        """Run a mutation."""
        return self._call("mutation", path, args, type)

    def action(self, path: str, args: Args | None = None, *, type: Any = None) -> Any:
        """Run an action."""
        return self._call("action", path, args, type)

    def timestamp(self) -> int:
        """A moment at which queries can be run, good for about 30 seconds."""
        answer = self._send(http.query_ts())
        return http.read_ts(answer.status_code, answer.content)

    def queries(self, *queries: Query[Any]) -> list[Any]:
        """Run several queries at one moment."""
        answer = self._send(http.query_batch([(query.path, query.args) for query in queries]))
        return self._read_all(queries, http.read_batch(answer.status_code, answer.content))


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
