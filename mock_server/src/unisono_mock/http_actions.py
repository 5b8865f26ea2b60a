"""HTTP actions: functions that answer requests of their own, under `/http/`.

    @app.http("GET", "/hello")
    async def hello(ctx: ActionContext, request: HttpRequest) -> str:
        return "hello"

Spec: http
Not here: which function answers (see routing), the routes of the protocol (see endpoints).
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from .computing import ACTION_SECONDS, Limit, limited
from .core.errors import ConnectionFailure
from .core.http import JSON, Request, Response, json_response
from .core.values import encode_clean, json_bytes, normalize, parse_json
from .execution import Failed, as_failed
from .routing import Router

PREFIX = "/http"
MAX_RESPONSE_BYTES = 20 * 2**20
WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")

logger = logging.getLogger("unisono_mock")


class HttpRequest(Request):
    """What an HTTP action is given: method, path, query, headers, body."""

    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    def json(self) -> Any:
        """The body as JSON."""
        return parse_json(self.body)


async def answer(
    router: Router,
    make_context: Callable[[Callable[..., Any]], Any],
    request: Request,
    request_id: str,
    limit: Limit,
    *,
    redact: bool,
) -> Response:
    """Run the function for a request; its path begins behind `/http`."""
    if not router.exact and not router.prefixes:
        return Response(404, b"This Convex deployment does not have HTTP actions enabled.")
    handler = router.find(request.method, request.path)
    if handler is None:
        return Response(404, b"No matching routes found")
    body = b"" if request.method in WITHOUT_BODY else request.body
    given = HttpRequest(request.method, request.path, request.query, request.headers, body)
    try:
        call = partial(handler, make_context(handler), given)
        return _as_response(await limited(call, limit, ACTION_SECONDS))
    except Exception as error:
        logger.error("%s %s raised", request.method, request.path, exc_info=error)
        return _failure(error, request_id, redact=redact)


def _as_response(returned: Any) -> Response:
    if isinstance(returned, Response):
        response = returned
    elif returned is None:
        response = Response(200)
    elif isinstance(returned, str):
        response = Response(200, returned.encode())
    elif isinstance(returned, bytes):
        response = Response(200, returned, "application/octet-stream")
    else:
        response = json_response(json_bytes(encode_clean(normalize(returned))))
    if len(response.body) > MAX_RESPONSE_BYTES:
        raise ValueError("HttpResponseTooLarge: a response has at most 20 MiB")
    return response


def _failure(error: Exception, request_id: str, *, redact: bool) -> Response:
    if isinstance(error, ConnectionFailure):
        failed = Failed(f"Uncaught Error: {error.message}")
    else:
        failed = as_failed(error)
    code = f"[Request ID: {request_id}] Server Error"
    document: dict[str, Any] = {"code": code}
    if not redact:
        document = {
            "code": f"{code}: {failed.message}",
            "trace": f"{failed.message}\n{failed.frames}",
        }
    if failed.data is not None:
        document["data"] = parse_json(failed.data)
    return Response(500, json_bytes(document), JSON)
