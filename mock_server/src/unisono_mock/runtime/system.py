"""The clock of this machine, and the tasks that wait on it.

Spec: session
Not here: the clock that a test moves (see clocks).
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any


class SystemClock:
    """The time of this machine, which never runs backwards here.

    A test that cannot wait sets it `ahead_s`.
    """

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._start = time.time() - time.monotonic()
        self.tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._start + time.monotonic() + self.ahead_s

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def at_most(self, seconds: float) -> asyncio.Timeout:
        """TimeoutError for what waits for longer than this."""
        return asyncio.timeout(seconds)

    def latch(self) -> asyncio.Event:
        """Something to wait for."""
        return asyncio.Event()

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run something that waits, in a task."""
        task = asyncio.get_running_loop().create_task(call)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def call_at(self, time_s: float, call: Callable[[], None]) -> None:
        """Call when the time has come."""
        asyncio.get_running_loop().call_later(max(0.0, time_s - self.now()), call)

    async def stop(self) -> None:
        """End what still waits."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
