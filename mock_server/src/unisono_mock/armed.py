"""Faults that wait for their event: how often they fire, and what they hold back.

Spec: session
Not here: what a fault is (see faults), which events there are (see script).
"""

from collections.abc import Callable

from .faults import Fault, Trigger


class Armed:
    """Faults that wait for their event."""

    def __init__(self, faults: tuple[Fault, ...], when: Trigger | None, times: int | None) -> None:
        self.faults = faults
        self.when = when
        self.fired = 0
        self._times = times
        self._seen = 0
        self._held: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_spent(self) -> bool:
        """Whether it will never fire again."""
        return self._times is not None and self.fired >= self._times

    def then(self, call: Callable[[], None]) -> "Armed":
        """Call this each time the event has come and the faults have happened."""
        self._listeners.append(call)
        return self

    def release(self) -> None:
        """Let go what Delay, SlowReader and StopReading have held back."""
        held, self._held = self._held, []
        for each in held:
            each()

    def cancel(self) -> None:
        """Fire no more; what is held back stays so until it is released."""
        self._times = self.fired

    def counts(self, n: int) -> bool:
        """Count an event that fits; whether the faults happen at this one."""
        if self.is_spent:
            return False
        self._seen += 1
        if self._seen < n:
            return False
        self.fired += 1
        return True

    def hold(self, release: Callable[[], None]) -> None:
        """Keep what lets go for later."""
        self._held.append(release)

    def tell(self) -> None:
        """The faults have happened."""
        for each in list(self._listeners):
            each()
