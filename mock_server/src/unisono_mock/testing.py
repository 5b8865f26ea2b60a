"""For tests: a fresh backend for each test, or a server on a port of its own.

    # conftest.py
    pytest_plugins = ["unisono_mock.testing"]

    @pytest.fixture
    def unisono_app() -> App:
        return app

A test then asks for `mock_backend` (in process, virtual clock, seeded ids) or `mock_server`
(a real port, served from a thread, so that plain tests, asyncio and trio can all use it).

Spec: session
Not here: what they do (see backend, server).
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, TypeVar

import pytest

from .app import App
from .backend import Backend
from .server import Server

T = TypeVar("T")

START_LIMIT_S = 10.0


class ServerThread:
    """A server in a thread of its own. `url` says where; `call` runs something in there."""

    def __init__(self, app: App, *, port: int = 0, redact: bool = False) -> None:
        self._app = app
        self._port = port
        self._redact = redact
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="unisono-mock", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self.server: Server

    @property
    def url(self) -> str:
        """Where the server is."""
        return self.server.url

    @property
    def backend(self) -> Backend:
        """Its backend; use `call` to touch it."""
        return self.server.backend

    def call(self, function: Callable[[Backend], T]) -> T:
        """Run a function of the backend in the thread of the server."""

        async def run() -> T:
            result = function(self.server.backend)
            self.server.backend.pump()
            return result

        return self.wait_for(run())

    def wait_for(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread of the server and wait for its result."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def __enter__(self) -> "ServerThread":
        self._thread.start()
        if not self._started.wait(START_LIMIT_S):
            raise TimeoutError("the server did not start")
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.server = Server(self._app, redact=self._redact)
        try:
            await self.server.start("127.0.0.1", self._port)
        except OSError as error:
            self._failure = error
            return
        finally:
            self._started.set()
        await self._stop.wait()
        await self.server.stop()


@pytest.fixture
def unisono_app() -> App:
    """The app under test. Define a fixture of this name in your conftest.py."""
    raise pytest.UsageError("define a fixture `unisono_app` that returns your App")


@pytest.fixture
def mock_backend(unisono_app: App) -> Backend:
    """A fresh backend in this process: virtual clock, seeded ids, no port."""
    return Backend(unisono_app)


@pytest.fixture
def mock_server(unisono_app: App) -> Iterator[ServerThread]:
    """A fresh server on a free port, in a thread of its own."""
    with ServerThread(unisono_app) as server:
        yield server
