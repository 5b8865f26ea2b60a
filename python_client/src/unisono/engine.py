"""The engine of a client: a session, the driver that runs it, and everyone who waits for it.

Not here: what a user calls (see client), any decision (see core/session).
"""

import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import anyio
from anyio.abc import TaskGroup

from .core.auth import AuthChanged
from .core.connection import ConnectionState, StateChanged
from .core.errors import ClientClosedError, LocalProtocolError, UnisonoError
from .core.messages import Failure, Success
from .core.mutations import Settle
from .core.optimistic import Publish, Snapshot
from .core.pagination import Lists
from .core.queries import name_of
from .core.session import Options, Session
from .core.transitions import Log
from .core.values import Value, decode, encode_args
from .hooks import Hooks
from .runtime.driver import Clock, Driver, SystemClock, logger
from .runtime.loop import Event, event
from .runtime.transport import Connector
from .streams import Mailbox, Policy, Stream
from .subscription import Reader, Readers, value_of
from .typed import Args

Fetcher: TypeAlias = Callable[[bool], Awaitable[str | None]]
"""Called with `force_refresh`; returns a token, or None when there is none."""


@dataclass(frozen=True, slots=True)
class AuthState:
    """Where the identity stands, in words, and whether the server has confirmed it."""

    kind: str
    is_authenticated: bool


class PendingResult:
    """A call that is under way."""

    def __init__(self) -> None:
        self._done: Event | None = None
        self._settled: Settle | None = None

    def settle(self, effect: Settle) -> None:
        """The call has ended."""
        self._settled = effect
        if self._done is not None:
            self._done.set()

    async def value(self) -> Value:
        """Wait for the end of the call. Raises what it failed with."""
        if self._settled is None:
            self._done = event()
            await self._done.wait()
        assert self._settled is not None
        match self._settled.outcome:
            case Success() | Failure() as outcome:
                return value_of(self._settled.path, outcome)
            case error:
                raise error


class Engine:
    """What runs behind the face of one client."""

    def __init__(
        self,
        connector: Connector,
        options: Options | None,
        clock: Clock | None,
        hooks: Iterable[Hooks],
    ) -> None:
        # [messages.session-id]
        self.session = Session(str(uuid.uuid4()), options)
        self.driver = Driver(self.session, connector, self, clock or SystemClock())
        self._hooks = tuple(hooks)
        self._tasks: TaskGroup | None = None
        self._readers = Readers()
        self._lists = Lists(self.session)
        self._state_watchers: dict[Mailbox[Any], None] = {}
        self._auth_watchers: dict[Mailbox[Any], None] = {}
        self._pending: dict[int, PendingResult] = {}

    async def begin(self) -> None:
        """Start the one life of this client."""
        if self._tasks is not None:
            raise LocalProtocolError("a client has one life; make a new one for a new block")
        self._tasks = await anyio.create_task_group().__aenter__()
        self.driver.start(self._tasks)

    async def end(self) -> None:
        """Close, and wait until every task has ended."""
        assert self._tasks is not None
        self.turn(self.session.close)
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    def turn(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Hand an input to the core."""
        return self.driver.turn(step, *args, **kwargs)

    # Reading

    def read(self, queries: tuple[tuple[str, Args | None], ...], policy: Policy) -> Reader:
        """Be told of these queries together. Raises LocalProtocolError."""
        self.check_started()
        # All of them are good, or none is asked for.
        for path, args in queries:
            name_of(path, args)
        tokens = tuple(self.turn(self.session.subscribe, *query) for query in queries)
        reader = Reader(tuple(path for path, _ in queries), tokens, policy)
        self._readers.add(reader)
        # [queries.known-value]
        reader.offer(self.snapshot())
        return reader

    def read_pages(
        self, path: str, args: Args | None, initial_items: int, policy: Policy
    ) -> Reader:
        """Be told of a list. Raises LocalProtocolError."""
        self.check_started()
        plain = decode(encode_args(args))
        token = self.turn(self._lists.add, path, plain, initial_items)
        reader = Reader((path,), (token,), policy)
        self._readers.add(reader)
        reader.offer(self.snapshot())
        return reader

    def load_more(self, reader: Reader, items: int) -> bool:
        """Ask for one more page of a list."""
        (token,) = reader.tokens
        results = self.session.snapshot().results
        changed = self.turn(self._lists.load_more, token, items, results)
        if changed:
            self._publish(changed, self.session.snapshot())
        return bool(changed)

    def leave_pages(self, reader: Reader) -> None:
        """Be told no more of a list."""
        self._readers.remove(reader)
        self.turn(self._lists.remove, reader.tokens[0])

    def snapshot(self) -> Snapshot:
        """Everything that is visible, the lists included."""
        return self._extended(self.session.snapshot())

    def _extended(self, plain: Snapshot) -> Snapshot:
        return Snapshot(self._lists.extended(plain.results), plain.ts)

    def leave(self, reader: Reader) -> None:
        """Be told no more."""
        self._readers.remove(reader)
        for token in reader.tokens:
            self.turn(self.session.unsubscribe, token)

    def check_started(self) -> None:
        """Raise LocalProtocolError outside of the client's block."""
        if self._tasks is None:
            raise LocalProtocolError("use the client inside `async with Client(url) as client:`")

    async def call(self, step: Callable[..., int], path: str, args: Any, **rest: Any) -> Value:
        """Hand a call to the core, and wait for its end. Raises what it failed with."""
        self.check_started()
        call_id: int = self.turn(step, path, args, **rest)
        if self._hooks:
            self._tell(lambda hooks: hooks.called(call_id, path))
        pending = self._pending[call_id] = PendingResult()
        try:
            return await pending.value()
        finally:
            self._pending.pop(call_id, None)

    # Watching

    @property
    def auth_state(self) -> AuthState:
        """Where the identity stands."""
        return AuthState(self.session.auth.state.value, self.session.auth.is_authenticated)

    def states(self) -> Stream[ConnectionState]:
        """The states of the connection."""
        return self._watch("states", self._state_watchers, self.session.state)

    def auth_changes(self) -> Stream[AuthState]:
        """The states of the identity."""
        return self._watch("auth", self._auth_watchers, self.auth_state)

    def _watch(self, name: str, watchers: dict[Mailbox[Any], None], now: Any) -> Stream[Any]:
        mailbox: Mailbox[Any] = Mailbox(name)
        watchers[mailbox] = None
        mailbox.put(now)
        leave = partial(_forget, watchers, mailbox)
        return Stream(mailbox, _as_it_is, leave, self.driver.call_later)

    # What the driver tells

    def on_publish(self, effect: Publish) -> None:
        """A new snapshot."""
        if not self._lists:
            self._publish_as(effect)
            return
        changed, snapshot = effect.changed, effect.snapshot
        # Several effects may be waiting: this one's snapshot is the one to show.
        changed = self.turn(self._lists.update, changed, snapshot.results)
        self._publish(changed, snapshot)

    def _publish(self, changed: frozenset[str], snapshot: Snapshot) -> None:
        self._publish_as(Publish(changed, self._extended(snapshot)))

    def _publish_as(self, effect: Publish) -> None:
        self._readers.publish(effect)
        if self._hooks:
            self._tell(lambda hooks: hooks.published(effect))

    def on_settle(self, effect: Settle) -> None:
        """A call has ended."""
        pending = self._pending.get(effect.call_id)
        if pending is not None:
            pending.settle(effect)
        if self._hooks:
            self._tell(lambda hooks: hooks.settled(effect))

    def on_state(self, effect: StateChanged) -> None:
        """The connection stands elsewhere."""
        for watcher in tuple(self._state_watchers):
            watcher.put(effect.state)
        self._tell(lambda hooks: hooks.state_changed(effect.state))
        if effect.state.kind == "closed":
            self._end_streams()

    def on_auth(self, effect: AuthChanged) -> None:
        """The server has decided about the identity."""
        for watcher in tuple(self._auth_watchers):
            watcher.put(self.auth_state)
        self._tell(lambda hooks: hooks.auth_changed(effect.is_authenticated))

    def on_log(self, effect: Log) -> None:
        """A function of the backend has written a log line."""
        self._tell(lambda hooks: hooks.function_logged(effect.path, effect.text))

    def _tell(self, tell: Callable[[Hooks], None]) -> None:
        for hooks in self._hooks:
            try:
                tell(hooks)
            except Exception:
                logger.exception("a hook raised; the client goes on")

    def _end_streams(self) -> None:
        error: UnisonoError | None = self.session.ended_by
        # [session.stop-then-silence]
        self._readers.end(None if isinstance(error, ClientClosedError) else error)
        for watcher in (*self._state_watchers, *self._auth_watchers):
            watcher.end()


def _forget(watchers: dict[Mailbox[Any], None], mailbox: Mailbox[Any]) -> None:
    watchers.pop(mailbox, None)


def _as_it_is(item: Any) -> Any:
    return item
