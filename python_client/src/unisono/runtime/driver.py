"""The driver: feeds the core, carries out its effects, and moves its clock.

Everything that happens to a client passes through `turn`, so one line there is a complete
trace of it.

Not here: any decision (see core/session), the socket (see websocket).
"""

import contextlib
import logging
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from ..core.auth import AuthChanged, FetchToken
from ..core.connection import Close, Open, Send, SendPing, StateChanged
from ..core.mutations import Settle
from ..core.optimistic import Publish
from ..core.session import Effect, Session
from ..core.transitions import Log
from .large import LARGE_BYTES, read_slowly
from .loop import soon
from .transport import Connector, Socket, SocketLost

T = TypeVar("T")
Fetcher = Callable[[bool], Awaitable[str | None]]
#: How long messages are worked off before other tasks get their turn.
LONGEST_STRETCH_S = 0.002
#: How many messages of one read make one turn.
TEXTS_PER_TURN = 32
logger = logging.getLogger("unisono")
function_logger = logging.getLogger("unisono.functions")


class Clock(Protocol):
    """Where the driver reads the time, and how it waits."""

    def now(self) -> float:
        """Seconds since the Unix epoch; never goes back."""
        ...

    async def sleep_until(self, when: float) -> None:
        """Wait until the clock shows this time."""


class SystemClock:
    """The wall clock at the start, moved on by the monotonic one."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._offset + time.monotonic()

    async def sleep_until(self, when: float) -> None:
        """Wait until the clock shows this time."""
        await (anyio.sleep_forever() if when == math.inf else anyio.sleep(when - self.now()))


class Listener(Protocol):
    """Who is told of the effects that concern the user."""

    def on_publish(self, effect: Publish) -> None:
        """A new snapshot."""

    def on_settle(self, effect: Settle) -> None:
        """A call has ended."""

    def on_state(self, effect: StateChanged) -> None:
        """The connection stands elsewhere."""

    def on_auth(self, effect: AuthChanged) -> None:
        """The identity is confirmed, or is not."""

    def on_log(self, effect: Log) -> None:
        """A function of the backend has written a log line."""


class Driver:
    """Runs one session; its tasks live in the task group it is given."""

    def __init__(
        self, session: Session, connector: Connector, listener: Listener, clock: Clock
    ) -> None:
        self.session = session
        self.fetcher: Fetcher | None = None
        self._connector = connector
        self._listener = listener
        self._clock = clock
        self._tasks: TaskGroup | None = None
        self._effects: deque[Effect] = deque()
        self._is_carrying_out = False
        self._early_jobs: list[tuple[Callable[..., Coroutine[Any, Any, None]], Any]] = []
        self._socket: Socket | None = None
        self._outgoing: list[str] = []
        self._pongs = 0
        self._socket_scope: anyio.CancelScope | None = None
        self._farewell: Close | None = None
        self._alarm_at = math.inf
        self._nap: anyio.CancelScope | None = None
        self._soon: Callable[[Callable[[], None]], None] | None = None

    def start(self, tasks: TaskGroup) -> None:
        """Begin; from now on the driver has tasks of its own."""
        self._tasks = tasks
        self._soon = soon()
        tasks.start_soon(self._watch_clock)
        for job, args in self._early_jobs:
            tasks.start_soon(job, *args)
        self.turn(self.session.start)

    def turn(self, step: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The one entrance: an input, its effects in order, and the timer again."""
        try:
            return step(*args, now=self._clock.now(), **kwargs)
        finally:
            self._follow()

    def call_later(self, job: Callable[[], None]) -> None:
        """Have something done in the loop; safe in any thread and in any finalizer."""
        if self._soon is not None:
            # A loop that has ended has taken everything with it.
            with contextlib.suppress(RuntimeError):
                self._soon(job)

    def _follow(self) -> None:
        self._effects.extend(self.session.take_effects())
        # A listener may take a turn of its own: its effects queue up behind these.
        if not self._is_carrying_out:
            self._is_carrying_out = True
            try:
                while self._effects:
                    self._do(self._effects.popleft())
            finally:
                self._is_carrying_out = False
                self._send()
        self._arm()

    def _send(self) -> None:
        """Send what one turn has to say, in one piece."""
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._socket is not None:
            self._socket.send(outgoing)

    def _do(self, effect: Effect) -> None:
        # The frequent ones first.
        match effect:
            case Publish():
                self._listener.on_publish(effect)
            case Send():
                self._outgoing.append(effect.text)
            case Settle():
                self._listener.on_settle(effect)
            case Log(level="function"):
                function_logger.info("%s %s", effect.path, effect.text)
                self._listener.on_log(effect)
            case Log():
                logger.log(getattr(logging, effect.level.upper()), effect.text)
            case StateChanged():
                self._listener.on_state(effect)
            case SendPing():
                if self._socket is not None:
                    self._socket.ping()
            case Open():
                self._start(self._run_socket)
            case Close():
                self._close_socket(effect)
            case FetchToken():
                self._start(self._fetch, effect)
            case AuthChanged():
                self._listener.on_auth(effect)

    def _start(self, job: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        if self._tasks is None:
            self._early_jobs.append((job, args))
        else:
            self._tasks.start_soon(job, *args)

    def _close_socket(self, effect: Close) -> None:
        self._send()
        scope, self._socket_scope, self._socket = self._socket_scope, None, None
        if scope is not None:
            self._farewell = effect
            scope.cancel()

    async def _run_socket(self) -> None:
        """Open a socket, and be its life."""
        session = self.session
        with anyio.CancelScope() as scope:
            # The core may have changed its mind before this task got its first turn.
            if session.state.kind != "connecting" or self._socket_scope is not None:
                return
            self._socket_scope = scope
            socket: Socket | None = None
            try:
                socket = await self._connector()
                if self._socket_scope is not scope:
                    # The core closed it in the moment in which it opened.
                    return
                self._socket, self._pongs = socket, socket.pongs
                self.turn(session.opened)
                await socket.run(partial(self._take, socket))
            except SocketLost as lost:
                if self._socket_scope is scope:
                    self._socket_scope = self._socket = None
                    self.turn(
                        session.lost,
                        jitter=random.random(),
                        code=lost.code,
                        reason=lost.reason,
                        why=str(lost),
                    )
            finally:
                if socket is not None:
                    goodbye = self._farewell or Close()
                    await socket.aclose(goodbye.code, goodbye.reason)

    def _take(
        self, socket: Socket, texts: Sequence[bytes]
    ) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Work off what came in one read; return the rest if it would take long."""
        rest_at = time.monotonic() + LONGEST_STRETCH_S
        for start in range(0, len(texts), TEXTS_PER_TURN):
            some = texts[start : start + TEXTS_PER_TURN]
            # A burst of messages must not keep the loop from everybody else.
            if max(map(len, some)) > LARGE_BYTES or (start and time.monotonic() > rest_at):
                return partial(self._take_slowly, socket, texts[start:])
            if self._socket is socket:
                self._received(some)
        return None

    async def _take_slowly(self, socket: Socket, texts: Sequence[bytes]) -> None:
        for start in range(0, len(texts), TEXTS_PER_TURN):
            some = [await read_slowly(text) for text in texts[start : start + TEXTS_PER_TURN]]
            if self._socket is socket:
                self._received(some)
            await anyio.lowlevel.checkpoint()

    def _received(self, texts: Sequence[bytes]) -> None:
        """A turn with several inputs: their effects come in the same order."""
        session, now, jitter = self.session, self._clock.now(), random.random()
        try:
            for text in texts:
                session.received(text, now=now, jitter=jitter)
        finally:
            self._follow()

    async def _fetch(self, effect: FetchToken) -> None:
        try:
            token = await self.fetcher(effect.force) if self.fetcher else None
        except Exception as error:
            logger.warning("the token fetcher raised %s", type(error).__name__, exc_info=error)
            self.turn(self.session.token_failed, effect.number)
        else:
            self.turn(self.session.token, effect.number, token)

    def _arm(self) -> None:
        """Wake the clock watcher if it would sleep too long; a later deadline is no reason."""
        deadline = self.session.next_deadline()
        if deadline is not None and deadline < self._alarm_at and self._nap is not None:
            self._nap.cancel()

    def _tick(self) -> None:
        # A pong matters only now, so nobody is told when it comes.
        if self._socket is not None and self._socket.pongs != self._pongs:
            self._pongs = self._socket.pongs
            self.turn(self.session.ponged)
        self.turn(self.session.tick, jitter=random.random())

    async def _watch_clock(self) -> None:
        while True:
            deadline = self.session.next_deadline()
            if deadline is not None and deadline <= self._clock.now():
                self._tick()
                continue
            self._alarm_at = math.inf if deadline is None else deadline
            with anyio.CancelScope() as self._nap:
                await self._clock.sleep_until(self._alarm_at)
