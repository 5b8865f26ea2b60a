"""The HTTP endpoints: one request in, one response out, over one backend.

Spec: http
Not here: the shapes of bodies and answers (see core.http), bytes (see runtime.connection).
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from . import http_actions
from .app import Kind
from .backend import Backend
from .context import Auth
from .core.auth import ANONYMOUS, Identity
from .core.connection import BadClientVersion, ClientVersion, identify
from .core.errors import ConnectionFailure, FailureKind
from .core.http import (
    VERSION,
    FunctionCall,
    HttpFailure,
    Request,
    Response,
    deprecation_headers,
    failure_response,
    formatter,
    json_response,
    preflight,
    read_body,
    read_call,
    read_path,
    read_query,
    refusal,
    result_json,
    run_path,
    unsupported,
)
from .core.messages import decode_ts, encode_ts
from .core.store import RETENTION_NS
from .core.values import InvalidValue
from .file_endpoints import PREFIX, UPLOAD, download, upload
from .pages import find_page

Endpoint: TypeAlias = Callable[["Endpoints", Request, ClientVersion], Awaitable[Response]]

_PLAIN = {
    "/version": VERSION.encode(),
    "/instance_version": VERSION.encode(),
    "/instance_name": VERSION.encode(),
    "/": b"This Unisono deployment is running.",
}


class Endpoints:
    """Every route of one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def answer(self, request: Request) -> Response | Coroutine[Any, Any, Response]:
        """The response, at once where nothing has to be run for it."""
        if request.method == "OPTIONS" and not request.path.startswith("/http/"):
            return preflight(request)
        if request.path.startswith("/http/"):
            return self._http_action(request)
        if request.path.startswith(PREFIX):
            return self._file(request)
        methods = _ROUTES.get(request.path)
        if methods is None and request.path.startswith("/api/run/"):
            methods = {"POST": Endpoints.run}
        if methods is not None:
            endpoint = methods.get(request.method)
            return Response(405) if endpoint is None else self._call(endpoint, request)
        if request.path == "/echo" and request.method == "POST":
            return Response(200, request.body, "application/octet-stream")
        if request.method not in ("GET", "HEAD"):
            return Response(404)
        page = find_page(self.backend.app.pages, request.path)
        if page is not None:
            return page
        plain = _PLAIN.get(request.path)
        return Response(404) if plain is None else Response(200, plain)

    async def query(self, request: Request, client: ClientVersion) -> Response:
        """`/api/query`: at the latest snapshot."""
        fields = read_query(request) if request.method == "GET" else read_body(request)
        return await self._function(request, client, Kind.QUERY, read_call(fields))

    async def mutation(self, request: Request, client: ClientVersion) -> Response:
        """`/api/mutation`: run and commit, with no memory of having done so."""
        return await self._function(request, client, Kind.MUTATION, read_call(read_body(request)))

    async def action(self, request: Request, client: ClientVersion) -> Response:
        """`/api/action`."""
        return await self._function(request, client, Kind.ACTION, read_call(read_body(request)))

    async def query_ts(self, request: Request, client: ClientVersion) -> Response:
        """`/api/query_ts`: the timestamp for a series of queries at one moment."""
        # [http.query-ts] The body does not matter.
        return json_response({"ts": encode_ts(self.backend.latest_ts())})

    async def query_at_ts(self, request: Request, client: ClientVersion) -> Response:
        """`/api/query_at_ts`: a query at that timestamp."""
        body = read_body(request)
        return await self._function(
            request, client, Kind.QUERY, read_call(body), at=self._timestamp(body.get("ts"))
        )

    async def query_batch(self, request: Request, client: ClientVersion) -> Response:
        """`/api/query_batch`: several queries at one moment."""
        queries = read_body(request).get("queries")
        if type(queries) is not list or not all(type(query) is dict for query in queries):
            raise HttpFailure(400, "BadJsonBody", "field `queries` must be an array of objects")
        calls = [read_call(query) for query in queries]
        paths = [read_path(call.path) for call in calls]
        shapes = [formatter(call.format, client) for call in calls]
        identity = await self._identity(request)
        at = self.backend.latest_ts()
        results = []
        # [http.query-batch] One timestamp for all; an error of one is its own.
        for call, path, shape in zip(calls, paths, shapes, strict=True):
            outcome = await self.backend.transactions.perform(
                Kind.QUERY, path, call.args, identity, at
            )
            results.append(
                result_json(outcome, self._request_id(request), shape, redact=self.backend.redact)
            )
        return json_response(b'{"results":[%b]}' % b",".join(results))

    async def function(self, request: Request, client: ClientVersion) -> Response:
        """`/api/function`: any function, for admins."""
        body = read_body(request)
        identity = await self._identity(request)
        # [http.admin-function] Even for functions that everybody may call.
        if not identity.is_admin:
            raise HttpFailure(403, "BadDeployKey", "The provided deploy key was invalid")
        return await self._function(request, client, None, read_call(body), identity=identity)

    async def run(self, request: Request, client: ClientVersion) -> Response:
        """`/api/run/{module}/{function}`: any public function."""
        body = read_body(request)
        identity = await self._identity(request)
        call = read_call(body, run_path(request.path))
        return await self._function(request, client, None, call, identity=identity)

    def _file(self, request: Request) -> Response:
        try:
            if request.path == UPLOAD:
                allowed = request.method == "POST"
                return upload(self.backend, request) if allowed else Response(405)
            allowed = request.method in ("GET", "HEAD")
            return download(self.backend, request) if allowed else Response(405)
        except HttpFailure as failure:
            return failure.response()
        except ConnectionFailure as failure:
            return failure_response(failure)

    async def _http_action(self, request: Request) -> Response:
        backend = self.backend
        identity, failure = ANONYMOUS, None
        try:
            identity = await self._identity(request)
        except ConnectionFailure as error:
            # The request goes on; only who asks for the user hears of it.
            failure = error.message
        scope = backend.transactions.scope(identity)
        scope.auth = Auth(identity, failure)
        inner = replace(request, path=request.path.removeprefix("/http"))
        try:
            return await http_actions.answer(
                backend.app.router,
                lambda handler: backend.transactions.runner.http_context(handler, scope),
                inner,
                self._request_id(request),
                backend.transactions.runner.limit,
                redact=backend.redact,
            )
        finally:
            backend.pump()

    async def _call(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            # [http.client-header] Nobody has to say who they are; who does, says it well.
            client = identify(None, request.headers.get("convex-client"))
            if client.deprecation == "Unsupported":
                return unsupported(client)
            response = await endpoint(self, request, client)
        except BadClientVersion as error:
            return refusal(400, "InvalidClientVersion", str(error))
        except HttpFailure as failure:
            return failure.response()
        except ConnectionFailure as failure:
            return failure_response(failure)
        finally:
            self.backend.pump()
        headers = (*response.headers, *deprecation_headers(client))
        return Response(response.status, response.body, response.content_type, headers)

    async def _function(
        self,
        request: Request,
        client: ClientVersion,
        kind: Kind | None,
        call: FunctionCall,
        *,
        identity: Identity | None = None,
        at: int | None = None,
    ) -> Response:
        path = read_path(call.path)
        if identity is None:
            identity = await self._identity(request)
        outcome = await self.backend.transactions.perform(kind, path, call.args, identity, at)
        # [http.format] An unknown format is noticed after the function has run.
        shape = formatter(call.format, client)
        # [http.status-560] A function that fails is a 200 like one that returns.
        return json_response(
            result_json(outcome, self._request_id(request), shape, redact=self.backend.redact)
        )

    async def _identity(self, request: Request) -> Identity:
        # [http.authorization] A header that is wrong fails the request. Where
        # there is none, the address may have an admin key.
        authorization = request.headers.get("authorization")
        if authorization is None and (keys := parse_qs(request.query).get("adminKey")):
            authorization = f"Convex {keys[0]}"
        return await self.backend.verifier.header(authorization, self.backend.clock.now())

    def _request_id(self, request: Request) -> str:
        return request.headers.get("convex-request-id") or self.backend.new_request_id()

    def _timestamp(self, text: Any) -> int:
        if type(text) is not str:
            raise HttpFailure(400, "BadJsonBody", "field `ts` must be a string")
        latest = self.backend.latest_ts()
        try:
            ts = decode_ts(text)
        except InvalidValue as error:
            raise ConnectionFailure(FailureKind.INTERNAL, "", str(error)) from None
        if ts > latest:
            raise ConnectionFailure(FailureKind.INTERNAL, "", "the timestamp is in the future")
        # [http.query-at-ts] Old versions are kept for a while.
        if ts < latest - RETENTION_NS:
            message = "Your request couldn't be completed. Try again later."
            raise HttpFailure(503, "InternalServerError", message)
        return ts


_ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/query": {"GET": Endpoints.query, "POST": Endpoints.query},
    "/api/mutation": {"POST": Endpoints.mutation},
    "/api/action": {"POST": Endpoints.action},
    "/api/query_ts": {"POST": Endpoints.query_ts},
    "/api/query_at_ts": {"POST": Endpoints.query_at_ts},
    "/api/query_batch": {"POST": Endpoints.query_batch},
    "/api/function": {"POST": Endpoints.function},
}
