"""What the Python drivers share: JSON lines, a ticker, memory, and the numbers of an answer.

A driver reads `{"op": name, ...}` and answers with one line of numbers. An operation that a client
cannot do is answered with `{"unsupported": reason}`.

Not here: any client.
"""

import asyncio
import gc
import inspect
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Operation = Callable[..., Answer | Awaitable[Answer]]

TICK_S = 0.001
_IDLE: list[float] = []


class Unsupported(Exception):
    """The client under measurement has no such ability."""


async def serve(operations: dict[str, Operation]) -> None:
    """Answer requests until standard input ends; print nothing else on standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        operation = operations.get(request.pop("op"))
        try:
            if operation is None:
                raise Unsupported("this client has no such ability")
            answer = operation(**request)
            answer = await answer if inspect.isawaitable(answer) else answer
        except Unsupported as reason:
            answer = {"unsupported": str(reason)}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)


def memory_bytes() -> int:
    """The resident memory of this process, now where the system tells, else at its peak."""
    gc.collect()
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Stopwatch:
    """Wall time and this process's own processor time, from one moment on."""

    def __init__(self) -> None:
        self._processor = -time.process_time()
        self._seconds = -time.perf_counter()

    def pause(self) -> None:
        """Leave out what follows, up to `resume`."""
        self._seconds += time.perf_counter()
        self._processor += time.process_time()

    def resume(self) -> None:
        """Go on after a pause."""
        self._seconds -= time.perf_counter()
        self._processor -= time.process_time()

    def read(self, times: int = 1) -> Answer:
        """The numbers of an answer, for one of `times` equal steps."""
        self.pause()
        return {"seconds": self._seconds / times, "processor": self._processor / times}


class Ticker:
    """An asyncio task that wants to run once in every millisecond, and remembers when it did."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        now = time.perf_counter()
        while True:
            self._times.append(now)
            await asyncio.sleep(TICK_S - now % TICK_S)
            now = time.perf_counter()

    def restart(self) -> None:
        """Forget what was, and count from now."""
        self._times = [time.perf_counter()]

    def _kept(self, end: float) -> float:
        """The share of milliseconds since the restart in which the task ran."""
        ran = {int(each / TICK_S) for each in self._times}
        return len(ran) / max(1, int(end / TICK_S) - int(self._times[0] / TICK_S) + 1)

    async def idle_share(self) -> float:
        """What is kept while this loop has nothing else to do; measured once."""
        if not _IDLE:
            await asyncio.sleep(0)
            self.restart()
            await asyncio.sleep(0.2)
            _IDLE.append(self._kept(time.perf_counter()))
        return _IDLE[0]

    def read(self, idle_share: float) -> Answer:
        """The share of ticks lost, relative to an idle loop, and the longest pause."""
        now = time.perf_counter()
        times = [*self._times, now]
        pauses = [after - before for before, after in pairwise(times)]
        lost = 1 - min(1.0, self._kept(now) / idle_share)
        return {"lost": lost, "pause": max(0.0, max(pauses) - TICK_S)}

    def stop(self) -> None:
        self._task.cancel()


@contextmanager
def ticking() -> Iterator[Ticker]:
    """A running ticker."""
    ticker = Ticker()
    try:
        yield ticker
    finally:
        ticker.stop()
