"""The time limit of functions: a second of computing, then the call fails alone.

Counted is the time that the thread of the function computes, not the time that passes. Another
thread looks at it now and then and interrupts the one that computes, whichever that is: the
main thread, that of a test, or that of an ASGI server. It can interrupt Python, and nothing
that is compiled and does not come back.

Spec: limits
Not here: what a failed call says (see computing).
"""

import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType

from ..computing import TimedOut

LOOK_S = 0.05
IDLE_LOOKS = 40


class ComputingLimit:
    """The limits of one thread that runs functions: `with limit(1.0)` around each step."""

    def __init__(self) -> None:
        self.current: Limited | None = None
        self._watching = False
        self._thread = 0
        self._clock = 0

    def __call__(self, seconds: float | None) -> "Limited":
        """The limit of one step; None for what must not be interrupted."""
        return Limited(self, seconds)

    def watch(self) -> None:
        """See to it that somebody looks."""
        if threading.get_ident() != self._thread:
            self._thread = threading.get_ident()
            self._clock = _clock_of(self._thread)
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._look, name="unisono-limit", daemon=True).start()

    def _look(self) -> None:
        seen: Limited | None = None
        since_s, idle = 0.0, 0
        while self._watching:
            time.sleep(LOOK_S)
            current, now_s = self.current, _read(self._clock)
            idle = idle + 1 if current is None else 0
            if current is not seen:
                seen, since_s = current, now_s
            # Whoever catches everything is interrupted again with the next look.
            if current is not None and current.is_over(now_s - since_s):
                self._interrupt(current)
            # Whoever comes when nobody was here for a while starts another thread.
            self._watching = idle < IDLE_LOOKS or self.current is not None

    def _interrupt(self, step: "Limited") -> None:
        running = sys._current_frames().get(self._thread)
        if any(frame is step.frame for frame in _outwards(running)):
            _raise_in(self._thread, TimedOut)
            if self.current is not step:
                # It has come to its end at this very moment.
                _raise_in(self._thread, None)


class Limited:
    """One step of a function under its limit. Steps stand inside one another, or one by one."""

    __slots__ = ("_limit", "_outer", "_seconds", "frame")

    def __init__(self, limit: ComputingLimit, seconds: float | None) -> None:
        self._limit = limit
        self._seconds = seconds
        self._outer: Limited | None = None
        self.frame: FrameType | None = None

    def __enter__(self) -> None:
        # The frame says whether the step is still on its way: an interruption
        # may come when it has just ended.
        self.frame = sys._getframe(1)
        self._outer, self._limit.current = self._limit.current, self
        self._limit.watch()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limit.current = self._outer
        self.frame = None

    def is_over(self, computed_s: float) -> bool:
        """Whether it has computed for too long."""
        return self._seconds is not None and computed_s >= self._seconds


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _raise_in(thread: int, error: type[TimedOut] | None) -> None:
    # Only a server whose functions loop has to load this.
    import ctypes

    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


def _clock_of(thread: int) -> int:
    # Where threads have no clock of their own, that of the process will do.
    find = getattr(time, "pthread_getcpuclockid", None)
    return 0 if find is None else int(find(thread))


def _read(clock: int) -> float:
    try:
        return time.clock_gettime(clock) if clock else time.process_time()
    except OSError:
        # The thread has ended.
        return 0.0
