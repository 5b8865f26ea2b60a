"""`serve(app)`: a backend on a port.

Spec: http
Not here: bytes (see runtime), functions (see backend).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from .app import App
from .backend import Backend
from .core.http import Request, Response
from .endpoints import Endpoints
from .runtime.connection import Connection
from .runtime.keysets import Fetcher
from .runtime.limits import ComputingLimit
from .runtime.outbox import Outbox
from .runtime.sqlite import DataFile
from .runtime.system import SystemClock

CLOSING_WAIT_S = 1.0


class Server:
    """One backend behind one port."""

    def __init__(
        self,
        app: App,
        *,
        redact: bool = False,
        data: Path | None = None,
        compression: bool = True,
    ) -> None:
        self.app = app
        self.compression = compression
        self.outbox = Outbox()
        self.connections: set[Connection] = set()
        self.clock = SystemClock()
        self._fetch = Fetcher()
        self._data = None if data is None else DataFile(data, secrets.token_bytes(32))
        self.backend = Backend(
            app,
            clock=self.clock,
            draw=secrets.token_bytes,
            redact=redact,
            fetch=self._fetch.shared,
            data=self._data,
            limit=ComputingLimit(),
        )
        self._endpoints = Endpoints(self.backend)
        self.url = ""
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self), host, port, backlog=4096
        )
        actual = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://{host}:{actual}"
        self.backend.transactions.files.origin = self.url

    async def stop(self) -> None:
        """Say goodbye to everybody and close the port."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            if connection.websocket is not None:
                connection.websocket.close(1001, "")
            if connection.transport is not None:
                connection.transport.close()
        await self.clock.stop()
        await self._fetch.close()
        await asyncio.sleep(0)
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self._data is not None:
            self._data.close()

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run something that waits."""
        self.clock.spawn(call)

    def admit(self, request: Request) -> Backend | Response | None:
        """Who answers a new WebSocket."""
        refused = self.backend.script.admit()
        if refused is None:
            return self.backend
        return None if refused.status is None else Response(refused.status)

    def answer(self, request: Request) -> Response | Coroutine[Any, Any, Response]:
        """The response to a request."""
        return self._endpoints.answer(request)


@asynccontextmanager
async def serve(
    app: App,
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    redact: bool = False,
    data: Path | None = None,
    compression: bool = True,
) -> AsyncIterator[Server]:
    """A running server; port 0 picks a free one. `server.url` says where it is."""
    server = Server(app, redact=redact, data=data, compression=compression)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()
