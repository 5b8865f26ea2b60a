"""An event loop in a thread of its own, and the way into it from all others.

Not here: what is called there (see sync), the way into a loop that is not ours (see loop).
"""

import math
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ..core.errors import ClientClosedError, LocalProtocolError

T = TypeVar("T")


class LoopThread:
    """A thread in which one client lives."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        # Held while a call is handed over: after the last one, the loop may end.
        self._gate = threading.Lock()
        self._stopping = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._ident: int | None = None
        self._was_started = False
        self._life = ExitStack()

    def start(self, inhabitant: AbstractAsyncContextManager[Any]) -> None:
        """Begin, with this client in it."""
        with ExitStack() as life:
            portal = life.enter_context(start_blocking_portal(self._backend, name="unisono"))
            life.enter_context(portal.wrap_async_context_manager(inhabitant))
            self._ident = portal.call(threading.get_ident)
            self._life, self._portal, self._was_started = life.pop_all(), portal, True

    def stop(self) -> None:
        """End the client, then the thread, and wait for both."""
        self._check_foreign()
        with self._gate:
            self._portal = None
        with self._stopping:
            self._life.close()
            # The system gives the number of a thread that has ended to another one.
            self._ident = None

    def wait(self, job: Callable[[], Awaitable[T]], *, timeout: float | None) -> T:
        """Run a coroutine function there, and wait for its result. Raises TimeoutError."""
        result: T = self.call(_within, timeout, job)
        return result

    def read(self, look: Callable[[], T]) -> T:
        """Look at something that also exists when nothing runs."""
        try:
            result: T = self.call(look)
        except LocalProtocolError:
            return look()
        return result

    def call(self, job: Callable[..., Any], *args: Any) -> Any:
        """Run a function there, and wait for its result."""
        self._check_foreign()
        with self._gate:
            if self._portal is None:
                raise self._refusal()
            future = self._portal.start_task_soon(job, *args)
        try:
            return future.result()
        except BaseException:
            # A caller who was interrupted waits no more, and so must nobody for him.
            future.cancel()
            raise

    def _check_foreign(self) -> None:
        if threading.get_ident() == self._ident:
            raise LocalProtocolError(
                "this runs in the client's own thread and must not wait for it; "
                "do it in another thread"
            )

    def _refusal(self) -> LocalProtocolError:
        if not self._was_started:
            return LocalProtocolError("use the client inside `with Client(url) as client:`")
        return ClientClosedError()


async def _within(timeout: float | None, job: Callable[[], Awaitable[T]]) -> T:
    with anyio.move_on_after(math.inf if timeout is None else timeout):
        return await job()
    raise TimeoutError(f"nothing came within {timeout:g} s")
