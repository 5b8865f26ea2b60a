"""A way into the running loop from anywhere: other threads, finalizers, signal handlers."""

from collections.abc import Callable


def soon() -> Callable[[Callable[[], None]], None]:
    """A function that makes this loop call another one soon, whoever calls it."""
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon
    return lambda job: (loop.call_soon_threadsafe(job), None)[1]


def is_asyncio() -> bool:
    """Whether the running loop is asyncio's."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
