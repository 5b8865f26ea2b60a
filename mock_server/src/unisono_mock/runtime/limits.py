"""The time limit of queries and mutations: a second of computing, then the call fails alone.

Counted is the time this process computes, not the time that passes. The clock of the system
for that interrupts the main thread only; elsewhere there is no limit.

Spec: limits
Not here: what a failed call says (see execution).
"""

import signal
import threading
from types import FrameType, TracebackType

from ..execution import TimedOut

SECONDS = 1.0


class ComputingLimit:
    """Entered around the outermost call of a function."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._active = hasattr(signal, "setitimer") and (
            threading.current_thread() is threading.main_thread()
        )
        if self._active:
            signal.signal(signal.SIGVTALRM, _interrupt)

    def __call__(self) -> "ComputingLimit":
        """The limit around one step; steps do not overlap, so one object will do."""
        return self

    def __enter__(self) -> None:
        if self._active:
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._active:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise TimedOut
