"""Computing: how a function is carried out step by step, and for how long it may compute.

A step is what a function does between two waits. Functions that wait for nothing are one step,
so that `finish_now` has their result without an event loop.

Spec: limits
Not here: which functions there are (see execution), the clock that interrupts (see runtime.limits).
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias, TypeVar

from .core.errors import FunctionError

T = TypeVar("T")

QUERY_SECONDS = 1.0
ACTION_SECONDS = 10.0

# What limits the computing of one call; entered around each of its steps with
# the seconds it has, or with None around what must not be interrupted.
Limit: TypeAlias = Callable[[float | None], AbstractContextManager[object]]


class TimedOut(BaseException):
    """Raised into a function that computes for too long; no `except Exception` holds it."""


def no_limit(seconds: float | None) -> AbstractContextManager[object]:
    """Whoever tests functions in one process interrupts them as ever."""
    return nullcontext()


async def limited(call: Callable[[], Any], limit: Limit, seconds: float) -> Any:
    """Call a function, plain or async, each step of which may compute for so long."""
    try:
        with limit(seconds):
            returned = call()
        return await _Steps(returned, limit, seconds) if inspect.iscoroutine(returned) else returned
    except TimedOut:
        # A function that computes for ever takes nobody along.
        raise FunctionError(
            f"Function execution timed out (maximum duration: {seconds:.0f}s)"
        ) from None


def finish_now(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    call.close()
    raise FunctionError("an async function that waits was called from a plain function")


def is_stopping() -> bool:
    """Whether it is us who cancel the task that runs a function."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.cancelling() > 0


class _Steps:
    """A coroutine of which every step has its limit; waiting is not computing."""

    def __init__(self, call: Awaitable[Any], limit: Limit, seconds: float) -> None:
        self._call = call.__await__()
        self._limit = limit
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, Any]:
        send: Any = None
        failure: BaseException | None = None
        while True:
            try:
                with self._limit(self._seconds):
                    step = self._call.throw(failure) if failure else self._call.send(send)
            except StopIteration as finished:
                return finished.value
            send = failure = None
            try:
                send = yield step
            except BaseException as error:
                failure = error
