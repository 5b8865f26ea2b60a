"""Clocks: the one a test moves, and what every clock can do.

Spec: session
Not here: the time of the machine (see runtime.system).
"""

import heapq
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

START_S = 1_750_000_000.0


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Seconds since the epoch; never less than before."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

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

    def spawn(self, call: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that waits for nothing but this clock."""
        try:
            wait = call.send(None)
        except StopIteration:
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
