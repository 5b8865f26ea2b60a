"""Clocks: the one a test moves, and what every clock can do.

Spec: session
Not here: the time of the machine (see runtime.system).
"""

import heapq
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

START_S = 1_750_000_000.0


class Latch(Protocol):
    """Something to wait for that happens once."""

    def set(self) -> object:
        """It has happened."""

    async def wait(self) -> object:
        """Wait until it has happened."""


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Seconds since the epoch; never less than before."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def latch(self) -> Latch:
        """Something to wait for."""

    def at_most(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """TimeoutError for what waits for longer than this."""

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run something that waits."""

    def call_at(self, time_s: float, call: Callable[[], None]) -> None:
        """Call when the clock gets there."""


@dataclass(slots=True)
class Wait:
    """Awaited by a function that sleeps until a moment of the virtual clock."""

    until_s: float

    def __await__(self) -> Generator["Wait", None, None]:
        yield self


class VirtualLatch:
    """Something that functions on a virtual clock wait for."""

    def __init__(self, clock: "VirtualClock") -> None:
        self._clock = clock
        self._is_set = False
        self._waiting: list[Callable[[], None]] = []

    def set(self) -> None:
        """It has happened: those who wait go on at this moment of the clock."""
        self._is_set = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._clock.call_at(self._clock.now(), each)

    def then(self, call: Callable[[], None]) -> None:
        """Call when it has happened."""
        self._waiting.append(call)

    async def wait(self) -> None:
        """Wait until it has happened."""
        if not self._is_set:
            await self

    def __await__(self) -> Generator["VirtualLatch", None, None]:
        yield self


@dataclass(slots=True)
class VirtualClock:
    """A clock that a test moves, and what waits on it."""

    time_s: float = START_S
    _waiting: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def now(self) -> float:
        """The time to which it was moved."""
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved so far."""
        await Wait(self.time_s + seconds)

    def at_most(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Nothing takes time on this clock but what a test moves it by."""
        return nullcontext()

    def latch(self) -> Latch:
        """Something to wait for, however the clock is moved."""
        return VirtualLatch(self)

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that waits for nothing but this clock."""
        try:
            wait = call.send(None)
        except StopIteration:
            return
        if isinstance(wait, VirtualLatch):
            wait.then(lambda: self.spawn(call))
            return
        if not isinstance(wait, Wait):
            call.close()
            raise RuntimeError("a function on a virtual clock may only wait with ctx.sleep")
        self.call_at(wait.until_s, lambda: self.spawn(call))

    def call_at(self, time_s: float, call: Callable[[], None]) -> None:
        """Call when the clock gets there."""
        heapq.heappush(self._waiting, (time_s, next(self._order), call))

    def advance(self, seconds: float) -> None:
        """Move the clock, stopping at everything that is due on the way."""
        end = self.time_s + seconds
        while self.run_next(end):
            pass
        self.time_s = end

    def run_next(self, end: float = float("inf")) -> bool:
        """Move to the next thing that is due and do it; False if there is none."""
        if not self._waiting or self._waiting[0][0] > end:
            return False
        due, _, call = heapq.heappop(self._waiting)
        self.time_s = max(self.time_s, due)
        call()
        return True
