"""Requests that a proxy passes on as they are.

Spec: http
Not here: WebSockets (see runtime.upstream).
"""

from typing import TYPE_CHECKING

from ..core.http import Request, Response, refusal

if TYPE_CHECKING:
    import httpx

PATIENCE_S = 60.0

# What belongs to one connection, or is written anew by this side.
_OWN = frozenset(
    "connection keep-alive transfer-encoding upgrade te trailer host content-length "
    "content-encoding accept-encoding content-type access-control-allow-origin "
    "access-control-allow-credentials vary date server".split()
)
_SENT_ALONG = frozenset(("content-type",))


class Forwarder:
    """Passes requests on to the server behind."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, request: Request) -> Response:
        """What the server behind answers."""
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=PATIENCE_S)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in _OWN or name in _SENT_ALONG
        }
        address = self._base + request.path + ("?" + request.query if request.query else "")
        try:
            answer = await self._client.request(
                request.method, address, headers=headers, content=request.body
            )
        except httpx.HTTPError as error:
            return refusal(502, "UpstreamUnreachable", f"{self._base}: {type(error).__name__}")
        kept = tuple((name, value) for name, value in answer.headers.items() if name not in _OWN)
        content_type = answer.headers.get("content-type", "application/octet-stream")
        return Response(answer.status_code, answer.content, content_type, kept)

    async def close(self) -> None:
        """Give up the connections that are kept."""
        if self._client is not None:
            await self._client.aclose()
