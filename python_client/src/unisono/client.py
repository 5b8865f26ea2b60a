"""The client: one backend, its queries as they change, its mutations and actions.

Not here: what happens when (see core/session), calls without a socket (see http).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from .core.connection import ConnectionState, sync_url
from .core.errors import ClientClosedError, LocalProtocolError
from .core.mutations import ACTION, MUTATION
from .core.optimistic import Snapshot, Update
from .core.pagination import Pages
from .core.session import Options
from .core.values import Value
from .engine import AuthState, Engine, Fetcher
from .hooks import Hooks
from .runtime.driver import Clock
from .runtime.transport import Connector, Socket, WebSocketOptions
from .streams import Policy, Stream
from .subscription import (
    PaginatedSubscription,
    Subscription,
    View,
    read_one,
    read_pages,
    read_view,
)
from .typed import Args, Query, reader
from .version import CLIENT_NAME

if TYPE_CHECKING:
    from .recording import Recorder

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InFlight:
    """The calls that have not settled; look at it before you exit."""

    mutations: int
    actions: int
    oldest_called_at: float | None


class Client:
    """A connection to a reactive backend; use it as `async with Client(url) as client:`.

    Nothing of it outlives the block: not a task, not a socket, not a pending call.
    """

    def __init__(
        self,
        address: str,
        *,
        auth: str | Fetcher | None = None,
        options: Options | None = None,
        websocket: WebSocketOptions | None = None,
        connector: Connector | None = None,
        clock: Clock | None = None,
        hooks: Iterable[Hooks] = (),
        record: str | Path | None = None,
    ) -> None:
        url = sync_url(address)
        if connector is None:
            connector = partial(_connect, url, websocket or WebSocketOptions())
        self._engine = Engine(connector, options, clock, hooks)
        self._session = self._engine.session
        self._recorder = None if record is None else _recorder(record)
        if self._recorder is not None:
            self._recorder.attach(self._session, options or Options())
        self._turn = self._engine.turn
        self._address = address
        self._first_auth = auth

    def __repr__(self) -> str:
        return f"<Client of {self._address} ({self.state.kind})>"

    async def __aenter__(self) -> Self:
        if self._recorder is not None:
            self._recorder.open()
        if self._first_auth is not None:
            self.set_auth(self._first_auth)
        await self._engine.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The body's own error passes as it is, not inside a group.
        await self._engine.end()

    # Queries

    @overload
    def subscribe(
        self, path: str, args: Args | None = None, *, policy: Policy = "latest"
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self, path: str, args: Args | None = None, *, type: type[T], policy: Policy = "latest"
    ) -> Subscription[T]: ...

    def subscribe(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: Any = None,
        policy: Policy = "latest",
    ) -> Subscription[Any]:
        """Be kept told of a query. Raises LocalProtocolError before anything is sent."""
        read = reader(path, type)
        found = self._engine.read(((path, args),), policy)
        leave = partial(self._engine.leave, found)
        later = self._engine.driver.call_later
        return Subscription(found.mailbox, partial(read_one, path, read), leave, later)

    @overload
    def view(self, one: Query[A], /, *, policy: Policy = "latest") -> Stream[View[tuple[A]]]: ...

    @overload
    def view(
        self, one: Query[A], two: Query[B], /, *, policy: Policy = "latest"
    ) -> Stream[View[tuple[A, B]]]: ...

    @overload
    def view(
        self, one: Query[A], two: Query[B], three: Query[C], /, *, policy: Policy = "latest"
    ) -> Stream[View[tuple[A, B, C]]]: ...

    @overload
    def view(
        self,
        one: Query[A],
        two: Query[B],
        three: Query[C],
        four: Query[D],
        /,
        *,
        policy: Policy = "latest",
    ) -> Stream[View[tuple[A, B, C, D]]]: ...

    @overload
    def view(
        self, *queries: Query[Any], policy: Policy = "latest"
    ) -> Stream[View[tuple[Any, ...]]]: ...

    def view(self, *queries: Query[Any], policy: Policy = "latest") -> Stream[View[Any]]:
        """Be kept told of several queries together: all results are of one moment.

        A view comes when every query has a result and one of them has changed. If one has
        failed, the iterator raises its FunctionError, and can be used on.
        """
        paths = tuple(query.path for query in queries)
        reads = tuple(reader(query.path, query.type) for query in queries)
        found = self._engine.read(tuple((query.path, query.args) for query in queries), policy)
        leave = partial(self._engine.leave, found)
        later = self._engine.driver.call_later
        return Stream(found.mailbox, partial(read_view, paths, reads), leave, later)

    @overload
    def paginated(
        self,
        path: str,
        args: Args | None = None,
        *,
        initial_items: int = 20,
        policy: Policy = "latest",
    ) -> PaginatedSubscription[Pages[Any]]: ...

    @overload
    def paginated(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: type[T],
        initial_items: int = 20,
        policy: Policy = "latest",
    ) -> PaginatedSubscription[Pages[T]]: ...

    def paginated(
        self,
        path: str,
        args: Args | None = None,
        *,
        initial_items: int = 20,
        type: Any = None,
        policy: Policy = "latest",
    ) -> PaginatedSubscription[Pages[Any]]:
        """Be kept told of a list in pages; `type` is that of one item.

        Pages stay adjacent while items come and go, are split when they grow, and begin
        anew when the backend no longer understands where they were.
        """
        if initial_items < 1:
            raise LocalProtocolError("a first page of less than one item shows nothing")
        read = reader(path, type)
        found = self._engine.read_pages(path, args, initial_items, policy)
        return PaginatedSubscription(
            found.mailbox,
            partial(read_pages, path, read),
            partial(self._engine.leave_pages, found),
            self._engine.driver.call_later,
            partial(self._engine.load_more, found),
            found.tokens[0],
        )

    @overload
    async def query(self, path: str, args: Args | None = None) -> Any: ...

    @overload
    async def query(self, path: str, args: Args | None = None, *, type: type[T]) -> T: ...

    async def query(self, path: str, args: Args | None = None, *, type: Any = None) -> Any:
        """The result of a query, once."""
        async with self.subscribe(path, args, type=type) as subscription:
            try:
                return await anext(subscription)
            except StopAsyncIteration:
                raise ClientClosedError() from None

    def snapshot(self) -> Snapshot:
        """Everything that is visible now, all of it of one moment."""
        return self._engine.snapshot()

    # Calls

    @overload
    async def mutation(
        self, path: str, args: Args | None = None, *, optimistic: Update | None = None
    ) -> Any: ...

    @overload
    async def mutation(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: type[T],
        optimistic: Update | None = None,
    ) -> T: ...

    async def mutation(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: Any = None,
        optimistic: Update | None = None,
    ) -> Any:
        """Call a mutation; when it returns, every subscription shows its effect.

        Cancelling the wait does not take the mutation back. If the connection is lost it is
        sent again, and runs once.
        """
        read = reader(path, type)
        mutate = self._session.mutate
        return read(await self._engine.call(mutate, path, args, optimistic=optimistic))

    @overload
    async def action(self, path: str, args: Args | None = None) -> Any: ...

    @overload
    async def action(self, path: str, args: Args | None = None, *, type: type[T]) -> T: ...

    async def action(self, path: str, args: Args | None = None, *, type: Any = None) -> Any:
        """Call an action. Raises CallLostError if the connection dies under it."""
        read = reader(path, type)
        return read(await self._engine.call(self._session.act, path, args))

    # Auth

    def set_auth(self, auth: str | Fetcher) -> None:
        """Be the user of this token, or of the tokens that this fetcher returns."""
        if isinstance(auth, str):
            self._engine.driver.fetcher = None
            self._turn(self._session.set_auth, token=auth)
        else:
            self._engine.driver.fetcher = auth
            self._turn(self._session.set_auth)

    def set_admin_auth(self, key: str, acting_as: Mapping[str, Value] | None = None) -> None:
        """Be an administrator, or the user that an administrator acts as."""
        self._turn(self._session.set_admin, key, acting_as)

    def clear_auth(self) -> None:
        """Be nobody."""
        self._turn(self._session.clear_auth)

    @property
    def auth(self) -> AuthState:
        """Where the identity stands."""
        return self._engine.auth_state

    def auth_changes(self) -> Stream[AuthState]:
        """The identity's state now, and each time the server has decided about it."""
        return self._engine.auth_changes()

    # The connection

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands, and why."""
        return self._session.state

    def states(self) -> Stream[ConnectionState]:
        """The state now, and each other one that follows."""
        return self._engine.states()

    @property
    def in_flight(self) -> InFlight:
        """How many calls have not settled."""
        calls = self._session.calls
        return InFlight(calls.count(MUTATION), calls.count(ACTION), calls.oldest_called_at)

    def pause(self) -> None:
        """Send nothing until `resume`; what the server says is shown all the same."""
        self._turn(self._session.pause)

    def resume(self) -> None:
        """Say what has gathered since `pause`: the net changes, then the calls."""
        self._turn(self._session.resume)

    def reconnect_now(self) -> None:
        """Open a new connection at once, for instance when the network has changed."""
        self._turn(self._session.reconnect_now)

    def close(self) -> None:
        """End every call and every subscription; the end of the block does the same."""
        self._turn(self._session.close)


async def _connect(url: str, options: WebSocketOptions) -> Socket:
    # The WebSocket library is loaded when the first socket is opened, not on import.
    from .runtime.dial import dial

    return await dial(url, options, CLIENT_NAME)


def _recorder(path: str | Path) -> "Recorder":
    # Few sessions are recorded.
    from .recording import Recorder

    return Recorder(path)
