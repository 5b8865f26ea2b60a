"""The client without `await`, for scripts and notebooks: the same calls, each blocking its caller.

    with unisono.sync.Client("http://127.0.0.1:3210") as client:
        client.mutation("messages:send", {"author": "me", "body": "hello"})
        for messages in client.subscribe("messages:list"):
            print(messages)

The client lives in a thread of its own. Any thread may call it, as many at once as you like,
and Ctrl-C ends a wait at once. Optimistic updates and hooks run in the client's thread, a
token fetcher in one more.

Not here: what the calls do (see client), what they return to iterate over (see blocking),
the thread (see runtime/thread).
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, overload

import anyio.to_thread

from . import client
from .blocking import PaginatedStream, Stream
from .client import InFlight
from .core.connection import ConnectionState
from .core.optimistic import Snapshot, Update
from .core.pagination import Pages
from .core.values import Value
from .engine import AuthState
from .runtime.thread import LoopThread
from .streams import Policy
from .subscription import View
from .typed import Args, Query

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
Fetcher: TypeAlias = Callable[[bool], str | None]
"""Called with `force_refresh`; returns a token, or None when there is none."""


class Client:
    """A client that blocks; use it as `with Client(url) as client:`, or `open` and `close` it.

    It takes the arguments of `unisono.Client`; `auth` is a token or a plain function that
    returns one. When the block has ended, so have its thread and everybody's waits.
    """

    def __init__(
        self,
        address: str,
        *,
        auth: str | Fetcher | None = None,
        backend: str = "asyncio",
        **rest: Any,
    ) -> None:
        self._client = client.Client(address, auth=_as_async(auth), **rest)
        self._thread = LoopThread(backend)
        self._call = self._thread.call
        self._wait = self._thread.wait

    def __repr__(self) -> str:
        return repr(self._client)

    def open(self) -> Self:
        """Start the thread and connect; where a block is unhandy, as in a notebook."""
        self._thread.start(self._client)
        return self

    def close(self) -> None:
        """End every wait and the thread of this client; any thread may call it, and twice."""
        self._thread.stop()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Queries

    @overload
    def subscribe(
        self,
        path: str,
        args: Args | None = None,
        *,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> Stream[Any]: ...

    @overload
    def subscribe(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: type[T],
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> Stream[T]: ...

    def subscribe(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: Any = None,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> Stream[Any]:
        """Be kept told of a query; `timeout` is how long an iteration waits for each result."""
        subscribe = partial(self._client.subscribe, path, args, type=type, policy=policy)
        return Stream(self._thread, self._call(subscribe), timeout)

    @overload
    def view(
        self, one: Query[A], /, *, policy: Policy = "latest", timeout: float | None = None
    ) -> Stream[View[tuple[A]]]: ...

    @overload
    def view(
        self,
        one: Query[A],
        two: Query[B],
        /,
        *,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> Stream[View[tuple[A, B]]]: ...

    @overload
    def view(
        self,
        one: Query[A],
        two: Query[B],
        three: Query[C],
        /,
        *,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> Stream[View[tuple[A, B, C]]]: ...

    @overload
    def view(
        self, *queries: Query[Any], policy: Policy = "latest", timeout: float | None = None
    ) -> Stream[View[tuple[Any, ...]]]: ...

    def view(
        self, *queries: Query[Any], policy: Policy = "latest", timeout: float | None = None
    ) -> Stream[View[Any]]:
        """Be kept told of several queries together: all results are of one moment."""
        view = partial(self._client.view, *queries, policy=policy)
        return Stream(self._thread, self._call(view), timeout)

    @overload
    def paginated(
        self,
        path: str,
        args: Args | None = None,
        *,
        initial_items: int = 20,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> PaginatedStream[Pages[Any]]: ...

    @overload
    def paginated(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: type[T],
        initial_items: int = 20,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> PaginatedStream[Pages[T]]: ...

    def paginated(
        self,
        path: str,
        args: Args | None = None,
        *,
        initial_items: int = 20,
        type: Any = None,
        policy: Policy = "latest",
        timeout: float | None = None,
    ) -> PaginatedStream[Pages[Any]]:
        """Be kept told of a list in pages; `type` is that of one item."""
        begin = partial(self._client.paginated, path, args, initial_items=initial_items)
        inner = self._call(partial(begin, type=type, policy=policy))
        return PaginatedStream(self._thread, inner, timeout)

    @overload
    def query(
        self, path: str, args: Args | None = None, *, timeout: float | None = None
    ) -> Any: ...

    @overload
    def query(
        self, path: str, args: Args | None = None, *, type: type[T], timeout: float | None = None
    ) -> T: ...

    def query(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: Any = None,
        timeout: float | None = None,
    ) -> Any:
        """The result of a query, once."""
        query = self._client.query
        return self._wait(partial(query, path, args, type=type), timeout=timeout)

    def snapshot(self) -> Snapshot:
        """Everything that is visible now, all of it of one moment."""
        return self._thread.read(self._client.snapshot)

    # Calls

    @overload
    def mutation(
        self,
        path: str,
        args: Args | None = None,
        *,
        optimistic: Update | None = None,
        timeout: float | None = None,
    ) -> Any: ...

    @overload
    def mutation(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: type[T],
        optimistic: Update | None = None,
        timeout: float | None = None,
    ) -> T: ...

    def mutation(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: Any = None,
        optimistic: Update | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Call a mutation; a TimeoutError does not take it back."""
        mutate = partial(self._client.mutation, path, args, type=type, optimistic=optimistic)
        return self._wait(mutate, timeout=timeout)

    @overload
    def action(
        self, path: str, args: Args | None = None, *, timeout: float | None = None
    ) -> Any: ...

    @overload
    def action(
        self, path: str, args: Args | None = None, *, type: type[T], timeout: float | None = None
    ) -> T: ...

    def action(
        self,
        path: str,
        args: Args | None = None,
        *,
        type: Any = None,
        timeout: float | None = None,
    ) -> Any:
        """Call an action; a TimeoutError does not stop it."""
        return self._wait(partial(self._client.action, path, args, type=type), timeout=timeout)

    # Auth

    def set_auth(self, auth: str | Fetcher) -> None:
        """Be the user of this token, or of the tokens that this function returns."""
        self._call(self._client.set_auth, _as_async(auth))

    def set_admin_auth(self, key: str, acting_as: Mapping[str, Value] | None = None) -> None:
        """Be an administrator, or the user that an administrator acts as."""
        self._call(self._client.set_admin_auth, key, acting_as)

    def clear_auth(self) -> None:
        """Be nobody."""
        self._call(self._client.clear_auth)

    @property
    def auth(self) -> AuthState:
        """Where the identity stands."""
        return self._thread.read(lambda: self._client.auth)

    def auth_changes(self, *, timeout: float | None = None) -> Stream[AuthState]:
        """The identity's state now, and each time the server has decided about it."""
        return Stream(self._thread, self._call(self._client.auth_changes), timeout)

    # The connection

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands, and why."""
        return self._thread.read(lambda: self._client.state)

    def states(self, *, timeout: float | None = None) -> Stream[ConnectionState]:
        """The state now, and each other one that follows."""
        return Stream(self._thread, self._call(self._client.states), timeout)

    @property
    def in_flight(self) -> InFlight:
        """How many calls have not settled."""
        return self._thread.read(lambda: self._client.in_flight)

    def pause(self) -> None:
        """Send nothing until `resume`; what the server says is shown all the same."""
        self._call(self._client.pause)

    def resume(self) -> None:
        """Say what has gathered since `pause`."""
        self._call(self._client.resume)

    def reconnect_now(self) -> None:
        """Open a new connection at once, for instance when the network has changed."""
        self._call(self._client.reconnect_now)


#: Its name in the package itself, where `Client` is the one to await.
SyncClient = Client


def _as_async(auth: Any) -> Any:
    """A token as it is; a plain fetcher as one that runs in a thread and can be awaited."""
    if auth is None or isinstance(auth, str):
        return auth

    async def fetch(force_refresh: bool) -> Any:
        # A fetcher that hangs must hang by itself.
        return await anyio.to_thread.run_sync(auth, force_refresh, abandon_on_cancel=True)

    return fetch
