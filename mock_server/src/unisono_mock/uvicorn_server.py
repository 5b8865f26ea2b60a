"""A backend behind uvicorn: what `app.asgi()` is in production, with the face of our own server.

Spec: http
Not here: the ASGI application (see asgi), the server on its own sockets (see server).
"""

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from .app import App
from .asgi import AsgiApp
from .backend import Backend
from .core.connection import SILENCE_LIMIT_S, WEBSOCKET_PING_EVERY_S

BACKLOG = 4096


class _Uvicorn(uvicorn.Server):
    """Signals are for whoever has started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class UvicornServer:
    """One backend behind one port of uvicorn."""

    def __init__(
        self,
        app: App,
        *,
        redact: bool = False,
        data: Path | None = None,
        compression: bool = True,
    ) -> None:
        self._application = AsgiApp(app, redact=redact, data=data)
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                self._application,
                log_config=None,
                ws_ping_interval=WEBSOCKET_PING_EVERY_S,
                ws_ping_timeout=SILENCE_LIMIT_S,
                ws_per_message_deflate=compression,
                timeout_graceful_shutdown=1,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self.url = ""

    @property
    def backend(self) -> Backend:
        """What it serves."""
        return self._application.backend

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        # asyncio sends at once on sockets that say they are TCP; those that
        # leave it open wait for the peer's acknowledgement with every second message.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        self._application.serves_at(self.url)
        # uvicorn serves until it is told to stop; whoever connects meanwhile
        # waits in the queue of the socket.
        serving = self._uvicorn.serve(sockets=[listener])
        self._serving = asyncio.get_running_loop().create_task(serving)

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run something that waits."""
        self.backend.clock.spawn(call)

    async def stop(self) -> None:
        """Say goodbye to everybody and close the port."""
        self._uvicorn.should_exit = True
        if self._serving is not None:
            await self._serving
