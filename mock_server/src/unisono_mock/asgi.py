"""The ASGI face: the same backend inside any ASGI server, alone or mounted in another app.

    application = app.asgi()                    # uvicorn shop:application
    api.mount("/unisono", app.asgi())           # FastAPI, Starlette

ASGI knows no Close frame without a code, no pings, no fragments and no reset: the first becomes
a close with code 1000, pings and fragments are left to the server around us, and a reset becomes
the end of the application, which uvicorn tells with code 1006 or 1012.

Spec: connection
Not here: sockets of our own (see runtime), the routes (see endpoints).
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

from .app import App
from .backend import Backend
from .core.connection import BadClientVersion, identify
from .core.effects import Abort, Close, Effect, Mute, Reading, Send, SendFragments
from .core.http import Request, cors, sync_version
from .endpoints import Endpoints
from .peer import Peer
from .runtime.keysets import Fetcher
from .runtime.limits import ComputingLimit
from .runtime.sqlite import DataFile
from .runtime.system import SystemClock

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
SendMessage: TypeAlias = Callable[[Message], Awaitable[None]]

PLAIN_CLOSE = 1000
POLICY_CLOSE = 1008


class AsgiApp:
    """One backend as an ASGI application. It is made when the first event comes."""

    def __init__(self, app: App, *, redact: bool = False, data: Path | None = None) -> None:
        self._app = app
        self._redact = redact
        self._data = None if data is None else DataFile(data, secrets.token_bytes(32))
        self._clock = SystemClock()
        self._fetch = Fetcher()
        self._endpoints: Endpoints | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: SendMessage) -> None:
        """Answer one ASGI connection."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)

    def serves_at(self, url: str) -> None:
        """The address under which this is mounted, for the addresses of files."""
        self.backend.transactions.files.origin = url

    @property
    def backend(self) -> Backend:
        """The backend behind it."""
        return self._made().backend

    def _made(self) -> Endpoints:
        if self._endpoints is None:
            backend = Backend(
                self._app,
                clock=self._clock,
                draw=secrets.token_bytes,
                redact=self._redact,
                fetch=self._fetch.shared,
                data=self._data,
                limit=ComputingLimit(),
            )
            self._endpoints = Endpoints(backend)
        return self._endpoints

    async def _lifespan(self, receive: Receive, send: SendMessage) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._made()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._clock.stop()
                await self._fetch.close()
                if self._data is not None:
                    self._data.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: SendMessage) -> None:
        request = _request(scope, await _body(receive))
        answer = self._made().answer(request)
        response = await answer if isinstance(answer, Coroutine) else answer
        headers = [
            ("content-type", response.content_type),
            ("content-length", str(len(response.body))),
            *response.headers,
            *cors(request),
        ]
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        body = b"" if request.method == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    async def _websocket(self, scope: Scope, receive: Receive, send: SendMessage) -> None:
        await receive()
        request = _request(scope, b"")
        version = sync_version(request.path)
        try:
            client = identify(version or None, request.headers.get("convex-client"))
        except BadClientVersion:
            version = None
        if version is None or client.deprecation == "Unsupported":
            await send({"type": "websocket.close", "code": POLICY_CLOSE})
            return
        await send({"type": "websocket.accept"})
        socket = _Socket(send)
        peer = self.backend.connect(socket.put, client)
        socket.peer = peer
        writing = asyncio.ensure_future(socket.write())
        reading = asyncio.ensure_future(_read(peer, socket, receive))
        ended = asyncio.ensure_future(socket.ended())
        try:
            await asyncio.wait([reading, ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            peer.lost()
            socket.stop()
            for each in (reading, ended):
                each.cancel()
            await asyncio.gather(reading, ended, writing, return_exceptions=True)


class _Socket:
    """What a session wants written, one after the other."""

    def __init__(self, send: SendMessage) -> None:
        self._send = send
        self._waiting: deque[Effect] = deque()
        self._wake = asyncio.Event()
        self._stopped = False
        self._ended = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self.peer: Peer | None = None

    def put(self, effect: Effect) -> None:
        """Take an effect of the session."""
        self._waiting.append(effect)
        self._wake.set()

    async def ended(self) -> None:
        """Wait until the connection is to end without a word."""
        await self._ended.wait()

    def stop(self) -> None:
        """Write nothing more."""
        self._stopped = True
        self._wake.set()

    async def write(self) -> None:
        """Write until the session closes or the socket is gone."""
        while not self._stopped:
            try:
                async with asyncio.timeout(self._until_deadline()):
                    await self._wake.wait()
            except TimeoutError:
                if self.peer is not None:
                    self.peer.tick()
                continue
            self._wake.clear()
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        while self._waiting and not self._stopped:
            effect = self._waiting.popleft()
            match effect:
                case Send(text) | SendFragments(text, _):
                    await self._send({"type": "websocket.send", "text": text.decode()})
                case Close(code, reason):
                    close = {"code": PLAIN_CLOSE if code is None else code, "reason": reason}
                    await self._send({"type": "websocket.close", **close})
                    self._stopped = True
                case Abort():
                    # The server around us ends a connection that nobody
                    # answers any more without a word.
                    self._stopped = True
                    self._ended.set()
                case Mute():
                    self._stopped = True
                case Reading(on):
                    self.reading.set() if on else self.reading.clear()
                case _:
                    pass
        if self.peer is not None and not self._stopped:
            self.peer.flushed()

    def _until_deadline(self) -> float | None:
        if self.peer is None:
            return None
        deadline = self.peer.next_deadline()
        return None if deadline is None else max(0.0, deadline - self.peer.backend.clock.now())


async def _read(peer: Peer, socket: "_Socket", receive: Receive) -> None:
    while True:
        await socket.reading.wait()
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            peer.received_binary()
        else:
            peer.received(text)


async def _body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _request(scope: Scope, body: bytes) -> Request:
    path = scope["path"]
    root = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :] or "/"
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope.get("method", "GET"), path, query, headers, body)
