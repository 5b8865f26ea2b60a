"""What depends on the loop: a way into it from anywhere, and the cheapest event to wait for."""

from collections.abc import Callable
from typing import Protocol


class Event(Protocol):
    """Something that happens once."""

    def set(self) -> object:
        """It has happened."""

    async def wait(self) -> object:
        """Wait until it has happened."""


def soon() -> Callable[[Callable[[], None]], None]:
    """A function that makes this loop call another one soon, whoever calls it."""
    if not is_asyncio():
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon
    import asyncio

    loop = asyncio.get_running_loop()
    return lambda job: (loop.call_soon_threadsafe(job), None)[1]


def event() -> Event:
    """An event of the running loop: anyio's would look that up at each step."""
    if is_asyncio():
        import asyncio

        return asyncio.Event()
    import trio

    return trio.Event()


def is_asyncio() -> bool:
    """Whether the running task is one of asyncio's."""
    import asyncio

    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
