"""Turns: when transactions that wait have collided, the losers run again one after the other.

The first attempt of a mutation is optimistic. Who loses takes a turn, and while somebody has
the turn nobody else commits: so the second attempt succeeds, and nobody is left behind.

Spec: mutations
Not here: what a conflict is (see core.store), running a mutation (see transactions).
"""

from collections import deque

from .clocks import Clock, Latch


class Turns:
    """The losers in order of arrival, and everybody who waits for them to be done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._losers: deque[Latch] = deque()
        self._waiting: list[Latch] = []

    @property
    def taken(self) -> bool:
        """Whether somebody is running again."""
        return bool(self._losers)

    async def take(self) -> Latch:
        """Wait until all who lost before are done."""
        mine = self._clock.latch()
        self._losers.append(mine)
        if self._losers[0] is not mine:
            try:
                await mine.wait()
            except BaseException:
                self._losers.remove(mine)
                raise
        return mine

    def done(self, mine: Latch) -> None:
        """Let the next one run."""
        self._losers.remove(mine)
        if self._losers:
            self._losers[0].set()
            return
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.set()

    async def pass_by(self) -> None:
        """Wait until nobody has a turn."""
        while self._losers:
            mine = self._clock.latch()
            self._waiting.append(mine)
            await mine.wait()
