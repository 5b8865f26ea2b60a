"""What a function is given: `ctx.db`, `ctx.auth`, `ctx.log`, other functions, the time.

Spec: queries
Not here: the database (see database), running functions (see execution).
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Protocol

from .core.auth import Identity
from .core.errors import FunctionError
from .database import DatabaseReader, DatabaseWriter
from .scheduling import Scheduler
from .storage import ActionStorage, StorageReader, StorageWriter

MAX_LOG_LINES = 256
MAX_LOG_BYTES = 32_768


class Log:
    """Lines that travel to the client with the result, as a console would print them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, *values: Any) -> None:
        """One line with level LOG."""
        self._add("LOG", values)

    def debug(self, *values: Any) -> None:
        """One line with level DEBUG."""
        self._add("DEBUG", values)

    def info(self, *values: Any) -> None:
        """One line with level INFO."""
        self._add("INFO", values)

    def warn(self, *values: Any) -> None:
        """One line with level WARN."""
        self._add("WARN", values)

    def error(self, *values: Any) -> None:
        """One line with level ERROR."""
        self._add("ERROR", values)

    def _add(self, level: str, values: tuple[Any, ...]) -> None:
        if len(self.lines) == MAX_LOG_LINES:
            self.lines.append(f"[ERROR] Log overflow (maximum {MAX_LOG_LINES})")
        if len(self.lines) > MAX_LOG_LINES:
            return
        line = f"[{level}] {' '.join(map(repr, values))}"
        raw = line.encode("utf-8", "replace")
        if len(raw) > MAX_LOG_BYTES:
            line = raw[:MAX_LOG_BYTES].decode("utf-8", "ignore") + " (truncated due to length)"
        self.lines.append(line)


class Auth:
    """Who is asking. Only looking makes the result depend on it."""

    def __init__(self, identity: Identity, failure: str | None = None) -> None:
        self._identity = identity
        self._failure = failure
        self.observed = False

    def user(self) -> Mapping[str, Any] | None:
        """The attributes of the user (`subject`, `issuer`, `name`, ...), or None."""
        self.observed = True
        if self._failure is not None:
            raise FunctionError(self._failure)
        attributes = self._identity.attributes
        return None if attributes is None else dict(attributes)


class Services(Protocol):
    """What a context reaches when its function asks for it."""

    def query(self, path: Any, args: Mapping[str, Any]) -> Any:
        """Run a query."""

    def mutation(self, path: Any, args: Mapping[str, Any]) -> Any:
        """Run a mutation."""

    def action(self, path: Any, args: Mapping[str, Any]) -> Any:
        """Run an action."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait."""

    def seed(self) -> bytes:
        """What the chance of this run begins with."""

    def scheduler(self) -> Scheduler:
        """The scheduler of this run."""

    def storage(self) -> ActionStorage:
        """The files, as this run sees them."""


class Context:
    """What every function is given."""

    def __init__(self, auth: Auth, log: Log, now_s: float, services: Services) -> None:
        self.auth = auth
        self.log = log
        self.now_ms = now_s * 1000
        self._services = services

    @cached_property
    def random(self) -> random.Random:
        """Chance that is drawn once for each run."""
        return random.Random(self._services.seed())

    def run_query(self, path: str | Callable[..., Any], /, **args: Any) -> Any:
        """Run another query; to be awaited in an async function."""
        return self._services.query(path, args)


class QueryContext(Context):
    """What a query is given: one snapshot to read."""

    db: DatabaseReader

    @cached_property
    def storage(self) -> StorageReader:
        """The files: their addresses and what is known of them."""
        return self._services.storage()


class MutationContext(Context):
    """What a mutation is given: one transaction to read and write."""

    db: DatabaseWriter

    @cached_property
    def scheduler(self) -> Scheduler:
        """Functions that run later, if this mutation commits."""
        return self._services.scheduler()

    @cached_property
    def storage(self) -> StorageWriter:
        """The files: addresses to upload to, and deletion."""
        return self._services.storage()

    def run_mutation(self, path: str | Callable[..., Any], /, **args: Any) -> Any:
        """Run another mutation inside this one; if it raises, its writes alone are undone."""
        return self._services.mutation(path, args)


class ActionContext(Context):
    """What an action is given: no database of its own, but every function."""

    @cached_property
    def scheduler(self) -> Scheduler:
        """Functions that run later; what is scheduled is committed at once."""
        return self._services.scheduler()

    @cached_property
    def storage(self) -> ActionStorage:
        """The files, to read and to write."""
        return self._services.storage()

    async def sleep(self, seconds: float) -> None:
        """Wait on the clock of the backend, which a test may move."""
        await self._services.sleep(seconds)

    def run_mutation(self, path: str | Callable[..., Any], /, **args: Any) -> Any:
        """Run a mutation in its own transaction."""
        return self._services.mutation(path, args)

    def run_action(self, path: str | Callable[..., Any], /, **args: Any) -> Any:
        """Run another action."""
        return self._services.action(path, args)
