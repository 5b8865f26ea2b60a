"""Streams: what changes, for one reader, without loss when a wait is cancelled.

Not here: what flows in them (see subscription, client).
"""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar

from .core.errors import UnisonoError
from .runtime.loop import Event, event

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Policy: TypeAlias = Literal["latest", "every"]
"""What a slow reader gets: only the newest item, or each one."""


class Mailbox(Generic[T]):
    """What has come for one reader and was not read yet."""

    def __init__(self, name: str, policy: Policy = "latest") -> None:
        self.name = name
        self.is_open = True
        self._waiting: deque[T] = deque(maxlen=1 if policy == "latest" else None)
        self._ended_by: UnisonoError | None = None
        self._arrived: Event | None = None

    def put(self, item: T) -> None:
        """Something new; with the policy `latest` it takes the place of what is unread."""
        if self.is_open:
            self._waiting.append(item)
            if self._arrived is not None:
                self._wake()

    def end(self, error: UnisonoError | None = None) -> None:
        """Nothing more will come: readers get this error, or the end of the iteration."""
        if self.is_open:
            self.is_open, self._ended_by = False, error
            self._wake()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None

    async def get(self) -> T:
        """Wait for the next item. A wait that is cancelled takes nothing out."""
        while not self._waiting:
            if not self.is_open:
                raise self._ended_by or StopAsyncIteration
            if self._arrived is None:
                self._arrived = event()
            await self._arrived.wait()
        return self._waiting.popleft()


class Stream(Generic[T_co]):
    """An async iterator that ends with its block, or when nobody holds it any more.

    A wait that is cancelled or times out loses nothing and tells nobody.
    """

    def __init__(
        self,
        mailbox: Mailbox[Any],
        read: Callable[[Any], T_co],
        leave: Callable[[], None],
        leave_later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._mailbox = mailbox
        self._read = read
        self._leave = leave
        self._leave_later = leave_later

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._mailbox.name}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        return self._read(await self._mailbox.get())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def aclose(self) -> None:
        """Leave; the same as `close`, for `contextlib.aclosing`."""
        self.close()

    def close(self) -> None:
        """Leave: the iteration ends, and what nobody else reads is not asked for any more."""
        if self._mailbox.is_open:
            self._mailbox.end()
            self._leave()

    def __del__(self) -> None:
        # A finalizer may run in any thread and in the middle of anything.
        if self._mailbox.is_open:
            self._mailbox.is_open = False
            self._leave_later(self._leave)
