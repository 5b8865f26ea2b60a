"""One TCP connection: HTTP until a client asks for a WebSocket, then that.

Spec: http
Not here: the routes (see server), the frames (see runtime.websocket).
"""

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

import h11
from websockets.utils import accept_key

from ..core.connection import (
    DEFLATE,
    BadClientVersion,
    ClientVersion,
    identify,
    takes_compression,
)
from ..core.http import (
    Request,
    Response,
    cors,
    deprecation_headers,
    refusal,
    sync_version,
    unsupported,
)
from .outbox import Outbox
from .websocket import Host, WebSocket, reset

MAX_BODY_BYTES = 128 * 2**20


# None lets the connection go without a word.
Answer: TypeAlias = Response | None
Admission: TypeAlias = Host | Response | None


class Site(Protocol):
    """What stands behind the connections of one port."""

    connections: set["Connection"]
    compression: bool
    outbox: Outbox

    def answer(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        """The response to a request, at once or later."""

    def admit(self, request: Request) -> Admission | Coroutine[Any, Any, Admission]:
        """Who answers a new WebSocket, or the response to a client that gets none."""

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run something that waits."""


class Connection(asyncio.Protocol):
    """The bytes of one connection."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        self._request: h11.Request | None = None
        self._body: list[bytes] = []
        self._answering = False
        self.transport: asyncio.Transport | None = None
        self.websocket: WebSocket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer has connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._site.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self.websocket is not None:
            self.websocket.data_received(data)
            return
        self._http.receive_data(data)
        self._read()

    def eof_received(self) -> bool | None:
        """The peer will send no more."""
        if self.websocket is not None:
            self.websocket.eof_received()
        return None

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._site.connections.discard(self)
        if self.websocket is not None:
            self.websocket.connection_lost()

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        if self.websocket is not None:
            self.websocket.pause_writing()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self.websocket is not None:
            self.websocket.resume_writing()

    def _read(self) -> None:
        while not self._answering and self.websocket is None:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse_bytes(error)
                return
            match event:
                case h11.Request():
                    self._request, self._body = event, []
                    if _wants_upgrade(event):
                        self._upgrade(event)
                        return
                case h11.Data():
                    self._body.append(bytes(event.data))
                    if sum(map(len, self._body)) > MAX_BODY_BYTES:
                        self._respond(refusal(413, "BodyTooLarge", "the body is too large"))
                        return
                case h11.EndOfMessage():
                    self._answer()
                case _:
                    if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                        return
                    if event is h11.NEED_DATA:
                        return

    def _answer(self) -> None:
        assert self._request is not None
        request = _as_value(self._request, b"".join(self._body))
        self._answering = True
        answer = self._site.answer(request)
        if isinstance(answer, Coroutine):
            self._site.spawn(self._respond_later(answer, request))
        else:
            self._respond(answer, request)

    async def _respond_later(self, answer: Coroutine[Any, Any, Answer], request: Request) -> None:
        self._respond(await answer, request)
        self._read()

    def _respond(self, response: Answer, request: Request | None = None) -> None:
        assert self.transport is not None
        if self.transport.is_closing():
            return
        if response is None:
            reset(self.transport)
            return
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            *response.headers,
            *(cors(request) if request is not None else ()),
        ]
        is_head = request is not None and request.method == "HEAD"
        self._send(
            h11.Response(status_code=response.status, headers=headers, reason=_reason(response)),
            None if is_head else h11.Data(data=response.body),
            h11.EndOfMessage(),
        )
        self._answering = False
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.transport.close()

    def _send(self, *events: Any) -> None:
        assert self.transport is not None
        data = [self._http.send(event) for event in events if event is not None]
        self.transport.write(b"".join(piece for piece in data if piece))

    def _upgrade(self, event: h11.Request) -> None:
        request = _as_value(event, b"")
        path_version = sync_version(request.path)
        if path_version is None:
            self._respond(Response(404), request)
            return
        fault = _handshake_fault(request)
        if fault is not None:
            self._respond(fault, request)
            return
        try:
            client = identify(path_version or None, request.headers.get("convex-client"))
        except BadClientVersion as error:
            self._respond(refusal(400, "InvalidClientVersion", str(error)), request)
            return
        if client.deprecation == "Unsupported":
            self._respond(unsupported(client), request)
            return
        self._answering = True
        admission = self._site.admit(request)
        if isinstance(admission, Coroutine):
            self._site.spawn(self._admit_later(admission, request, client))
        else:
            self._admitted(admission, request, client)

    async def _admit_later(
        self, admission: Coroutine[Any, Any, Admission], request: Request, client: ClientVersion
    ) -> None:
        self._admitted(await admission, request, client)

    def _admitted(self, admission: Admission, request: Request, client: ClientVersion) -> None:
        if admission is None or isinstance(admission, Response):
            self._respond(admission, request)
            return
        assert self.transport is not None
        if self.transport.is_closing():
            # Whoever was got ready for a client that did not wait is told so.
            admission.connect(lambda effect: None, client).lost()
            return
        offers = request.headers.get("sec-websocket-extensions", "")
        compressed = self._site.compression and takes_compression(offers)
        headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", accept_key(request.headers["sec-websocket-key"])),
            *([("Sec-WebSocket-Extensions", DEFLATE)] if compressed else ()),
            *cors(request),
            *deprecation_headers(client),
        ]
        self._send(h11.InformationalResponse(status_code=101, headers=headers))
        rest, _ = self._http.trailing_data
        self.websocket = WebSocket(
            admission, self.transport, client, self._site.outbox, compressed=compressed
        )
        if rest:
            self.websocket.data_received(rest)

    def _refuse_bytes(self, error: h11.RemoteProtocolError) -> None:
        assert self.transport is not None
        if self._http.our_state is h11.IDLE or self._http.our_state is h11.SEND_RESPONSE:
            status = error.error_status_hint
            self._respond(refusal(status, "BadRequest", f"not an HTTP request: {error}"))
        self.transport.close()


def _as_value(event: h11.Request, body: bytes) -> Request:
    target = event.target.decode("ascii", "replace")
    path, _, query = target.partition("?")
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
    return Request(event.method.decode("ascii"), path, query, headers, body)


def _wants_upgrade(event: h11.Request) -> bool:
    target = event.target.decode("ascii", "replace").partition("?")[0]
    return sync_version(target) is not None


def _handshake_fault(request: Request) -> Response | None:
    headers = request.headers
    checks = (
        (request.method == "GET", "MethodNotGet", "the method must be GET"),
        (
            "upgrade" in headers.get("connection", "").lower(),
            "InvalidConnectionHeader",
            "the Connection header must contain 'upgrade'",
        ),
        (
            headers.get("upgrade", "").lower() == "websocket",
            "InvalidUpgradeHeader",
            "the Upgrade header must be 'websocket'",
        ),
        (
            headers.get("sec-websocket-version") == "13",
            "InvalidWebSocketVersionHeader",
            "the Sec-WebSocket-Version header must be 13",
        ),
        (
            "sec-websocket-key" in headers,
            "WebSocketKeyHeaderMissing",
            "the Sec-WebSocket-Key header is missing",
        ),
    )
    for holds, code, message in checks:
        if not holds:
            return refusal(400, code, message)
    return None


def _reason(response: Response) -> bytes:
    try:
        return HTTPStatus(response.status).phrase.encode("ascii")
    except ValueError:
        return b""
