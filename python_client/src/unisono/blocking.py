"""Iterators of the client without `await`: each wait blocks the thread that reads.

Not here: the client that they belong to (see sync), what comes (see streams).
"""

from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from . import streams, subscription
from .core.errors import ClientClosedError, LocalProtocolError
from .runtime.thread import LoopThread

T_co = TypeVar("T_co", covariant=True)


class Stream(Generic[T_co]):
    """An iterator that waits for what changes; each thread may read it.

    A wait that times out raises TimeoutError and loses nothing: the next one goes on.
    """

    def __init__(
        self, thread: LoopThread, inner: streams.Stream[T_co], timeout: float | None
    ) -> None:
        self._thread = thread
        self._inner = inner
        self._timeout = timeout
        # What has left the client's thread but was not taken by a caller yet: a Ctrl-C
        # between the two steps loses nothing.
        self._ready: deque[T_co] = deque()
        self._is_open = True

    def __repr__(self) -> str:
        return repr(self._inner)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T_co:
        try:
            return self._next(self._timeout)
        except StopAsyncIteration:
            raise StopIteration from None

    def get(self, timeout: float | None = None) -> T_co:
        """Wait for the next item. Raises TimeoutError, and LocalProtocolError after the end."""
        try:
            return self._next(timeout)
        except StopAsyncIteration:
            raise LocalProtocolError("this iteration has ended, nothing more will come") from None

    def _next(self, timeout: float | None) -> T_co:
        while self._is_open:
            with suppress(IndexError):
                return self._ready.popleft()
            try:
                self._thread.wait(self._fetch, timeout=timeout)
            except ClientClosedError:
                break
        raise StopAsyncIteration

    async def _fetch(self) -> None:
        self._ready.append(await anext(self._inner))

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
        """Leave: the iteration ends in every thread, whatever was not read."""
        self._is_open = False
        # The end of the client has ended this, too.
        with suppress(ClientClosedError):
            self._thread.call(self._inner.close)


class PaginatedStream(Stream[T_co]):
    """A list in pages: `Pages` with all items so far and a status."""

    _inner: subscription.PaginatedSubscription[T_co]

    def load_more(self, items: int) -> bool:
        """Ask for one more page; False if there is none, or one is on its way."""
        is_coming: bool = self._thread.call(self._inner.load_more, items)
        return is_coming
