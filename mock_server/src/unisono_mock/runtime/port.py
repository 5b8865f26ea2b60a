"""A port: listens, and keeps what it has accepted until it stops.

Spec: connection
Not here: what is answered (see issuer, proxy), the bytes (see runtime.connection).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from ..core.http import Request
from .connection import Admission, Answer, Connection
from .outbox import Outbox
from .system import SystemClock

Answers: TypeAlias = Callable[[Request], Answer | Coroutine[Any, Any, Answer]]
Admits: TypeAlias = Callable[[Request], Admission | Coroutine[Any, Any, Admission]]


class Port:
    """One port of something that is no backend."""

    def __init__(self, answer: Answers, admit: Admits) -> None:
        self.answer = answer
        self.admit = admit
        self.clock = SystemClock()
        self.connections: set[Connection] = set()
        self.compression = False
        self.outbox = Outbox()
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the address."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), host, port)
        return f"http://{host}:{self._listener.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """End every connection and close the port."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await self.clock.stop()
        await asyncio.sleep(0)

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run something that waits."""
        self.clock.spawn(call)
