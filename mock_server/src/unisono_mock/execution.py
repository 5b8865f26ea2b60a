"""One call of a function: find it, check what goes in, run it, check what comes out.

Everything here is a coroutine; with plain functions it finishes at the first step, so
that `finish_now` gives its result without an event loop.

Spec: queries
Not here: commits, sharing of results, sockets (see backend).
"""

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from .app import App, Definition, Kind
from .computing import (
    ACTION_SECONDS,
    QUERY_SECONDS,
    Limit,
    finish_now,
    is_stopping,
    limited,
)
from .context import ActionContext, Auth, Context, Log, MutationContext, QueryContext
from .core.auth import Identity
from .core.errors import ApplicationError, ConnectionFailure, FunctionError
from .core.messages import canonical_path, stripped_path
from .core.pagination import InvalidCursor, Pages
from .core.store import Document, Store, Transaction
from .core.validators import Anything, ValidationFailure
from .core.values import (
    InvalidValue,
    Json,
    Value,
    decode,
    encode,
    encode_text,
    normalize,
    show,
    size_bytes,
)
from .database import Chance, DatabaseReader, DatabaseWriter
from .scheduling import Scheduler
from .storage import ActionStorage
from .system_functions import system_function

MAX_ARGUMENT_BYTES = 2**24
MAX_RESULT_BYTES = 2**24
MAX_DEPTH = 8

logger = logging.getLogger("unisono_mock")
_PACKAGE = str(Path(__file__).parent)


class Failed(Exception):
    """A call that failed, as its caller shall hear it."""

    def __init__(self, message: str, frames: str = "", data: bytes | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.frames = frames
        self.data = data


class Commits(Protocol):
    """What an action needs of the backend: functions in transactions of their own."""

    def scheduler(self, scope: "Scope") -> Scheduler:
        """The scheduler of one call."""

    def storage(self, scope: "Scope") -> ActionStorage:
        """The files, as one call sees them."""

    async def nested_query(self, path: str, args: Value, scope: "Scope") -> Value:
        """Run a query at the latest snapshot."""

    async def nested_mutation(self, path: str, args: Value, scope: "Scope") -> Value:
        """Run a mutation and commit it."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait on the clock of the backend."""


@dataclass(slots=True)
class Scope:
    """What one call and the calls inside it have in common."""

    identity: Identity
    now_s: float
    draw: Callable[[int], bytes]
    transaction: Transaction | None
    pages: Pages
    log: Log = field(default_factory=Log)
    auth: Auth = field(init=False)
    depth: int = 0

    def __post_init__(self) -> None:
        self.auth = Auth(self.identity)


class Runner:
    """Runs the functions of an app."""

    def __init__(self, app: App, store: Store, commits: Commits, limit: Limit) -> None:
        self.app = app
        self.limit = limit
        self._store = store
        self.commits = commits

    def table_name(self, number: int) -> str | None:
        """The table of an id, for validators."""
        return self._store.names.get(number)

    def find(self, path: str, kind: Kind | None, *, internal: bool = False) -> Definition:
        """The function of a canonical path, or FunctionError."""
        found = self.app.functions.get(path) or system_function(self.app, path)
        if found is None or (found.is_internal and not internal):
            # [queries.unknown-function] One text for what is missing and what
            # is internal, so that names do not leak.
            if kind is None:
                raise FunctionError(f"Could not find function for '{stripped_path(path)}'.")
            raise FunctionError(f"Could not find public function for '{stripped_path(path)}'.")
        if kind is not None and found.kind is not kind:
            # [queries.wrong-kind] An error of the function, not of the message.
            raise FunctionError(
                f"Trying to execute {path} as {kind.value}, but it is defined as "
                f"{found.kind.value}."
            )
        return found

    def is_async(self, path: str) -> bool:
        """Whether a function may wait."""
        found = self.app.functions.get(path)
        return found is not None and found.is_async

    def name_of(self, function: Any) -> str:
        """The canonical path of a function that is given by path or as itself."""
        if isinstance(function, str):
            path = canonical_path(function)
            if path in self.app.functions:
                return path
            raise FunctionError(f"Could not find function for '{stripped_path(path)}'.")
        for definition in self.app.functions.values():
            if definition.handler is function:
                return definition.path
        raise FunctionError(f"{function!r} is not a function of this app")

    async def run(
        self, path: str, kind: Kind | None, args: Json, scope: Scope, *, internal: bool = False
    ) -> bytes:
        """Call a function as a client does: encoded arguments in, encoded value out."""
        try:
            definition = self.find(path, kind, internal=internal)
            value = await self.invoke(definition, self._arguments(definition, args), scope)
            text = encode_text(value)
            _check_result(definition.path, value, text)
            return text
        except Failed:
            raise
        except FunctionError as error:
            raise _failed(error) from error

    async def invoke(self, definition: Definition, args: Value, scope: Scope) -> Value:
        """Call a function with decoded arguments."""
        try:
            definition.arguments.check(args, "", self)
        except ValidationFailure as failure:
            raise FunctionError(f"ArgumentValidationError: {failure.message}") from None
        keywords = definition.arguments.load(args, self)
        context = self._context(definition, scope)
        try:
            if scope.depth > 0:
                returned = definition.handler(context, **keywords)
                if definition.is_async:
                    returned = await returned
            else:
                returned = await self._limited(definition, context, keywords)
        except (Failed, ConnectionFailure, ApplicationError):
            raise
        except Exception as error:
            raise _uncaught(definition, error) from error
        except (SystemExit, asyncio.CancelledError) as error:
            # A function ends neither this process nor the task that runs it.
            if is_stopping():
                raise
            raise _uncaught(definition, error) from error
        return self._returned(definition, returned)

    async def _limited(
        self, definition: Definition, context: Context, keywords: Mapping[str, Any]
    ) -> Any:
        seconds = ACTION_SECONDS if definition.kind is Kind.ACTION else QUERY_SECONDS
        call = partial(definition.handler, context, **keywords)
        return await limited(call, self.limit, seconds)

    def _arguments(self, definition: Definition, args: Json) -> Value:
        try:
            values = decode(args)
        except InvalidValue as error:
            raise FunctionError(f"Invalid arguments for {definition.path}: {error}") from None
        if type(values) is not list:
            raise FunctionError(f"Invalid arguments for {definition.path}: expected an array")
        # [messages.args-array] One object inside an array.
        if len(values) != 1:
            raise FunctionError(
                "ArgumentValidationError: Expected to receive a single object as the function's "
                f"argument. Instead received {len(values)} arguments: {show(values)}"
            )
        if type(values[0]) is not dict:
            raise FunctionError(
                "ArgumentValidationError: Expected to receive an object as the function's "
                f"argument. Instead received: {show(values[0])}"
            )
        size = size_bytes(values)
        if size > MAX_ARGUMENT_BYTES:
            raise FunctionError(
                f"Arguments for {definition.path} are too large (actual: {size / 2**20:.2f} MiB, "
                "limit: 16 MiB)"
            )
        return values[0]

    def _returned(self, definition: Definition, returned: Any) -> Value:
        try:
            value = normalize(returned)
        except InvalidValue as error:
            raise FunctionError(
                f"Function {definition.path} return value invalid: {error}"
            ) from None
        if definition.returns is not None:
            try:
                definition.returns.check(value, "", self)
            except ValidationFailure as failure:
                raise FunctionError(f"ReturnsValidationError: {failure.message}") from None
        return value

    def _context(self, definition: Definition, scope: Scope) -> Context:
        caller = _Caller(self, scope, definition)
        if definition.kind is Kind.ACTION:
            return ActionContext(scope.auth, scope.log, scope.now_s, caller)
        assert scope.transaction is not None
        if definition.kind is Kind.QUERY:
            query = QueryContext(scope.auth, scope.log, scope.now_s, caller)
            query.db = DatabaseReader(scope.transaction, scope.pages)
            return query
        mutation = MutationContext(scope.auth, scope.log, scope.now_s, caller)
        chance = Chance(scope.now_s, scope.draw)
        mutation.db = DatabaseWriter(scope.transaction, scope.pages, chance, self._check_document)
        return mutation

    def http_context(self, handler: Callable[..., Any], scope: Scope) -> ActionContext:
        """What an HTTP action is given: what an action is given."""
        definition = Definition("http.js:default", Kind.ACTION, handler, Anything(), None)
        caller = _Caller(self, scope, definition)
        return ActionContext(scope.auth, scope.log, scope.now_s, caller)

    def _check_document(self, table: str, document: Document) -> None:
        self.app.schema.check(table, document, self)


class _Caller:
    """The calls that one function makes of others."""

    def __init__(self, runner: Runner, scope: Scope, caller: Definition) -> None:
        self._runner = runner
        self._scope = scope
        self._caller = caller

    def query(self, path: Any, args: Mapping[str, Any]) -> Any:
        return self._start(Kind.QUERY, path, args)

    def mutation(self, path: Any, args: Mapping[str, Any]) -> Any:
        return self._start(Kind.MUTATION, path, args)

    def action(self, path: Any, args: Mapping[str, Any]) -> Any:
        return self._start(Kind.ACTION, path, args)

    def sleep(self, seconds: float) -> Awaitable[None]:
        return self._runner.commits.sleep(seconds)

    def seed(self) -> bytes:
        return self._scope.draw(16)

    def scheduler(self) -> Scheduler:
        return self._runner.commits.scheduler(self._scope)

    def storage(self) -> ActionStorage:
        return self._runner.commits.storage(self._scope)

    def _start(self, kind: Kind, path: Any, args: Mapping[str, Any]) -> Any:
        call = self._call(kind, path, args)
        return call if self._caller.is_async else finish_now(call)

    async def _call(self, kind: Kind, path: Any, args: Mapping[str, Any]) -> Value:
        scope, runner = self._scope, self._runner
        if scope.depth >= MAX_DEPTH:
            raise FunctionError("Cross component call depth limit exceeded")
        definition = runner.find(runner.name_of(path), kind, internal=True)
        value = normalize(args)
        scope.depth += 1
        try:
            if self._caller.kind is Kind.ACTION and kind is Kind.QUERY:
                return await runner.commits.nested_query(definition.path, value, scope)
            if self._caller.kind is Kind.ACTION and kind is Kind.MUTATION:
                return await runner.commits.nested_mutation(definition.path, value, scope)
            return await self._inside(definition, value)
        finally:
            scope.depth -= 1

    async def _inside(self, definition: Definition, args: Value) -> Value:
        transaction = self._scope.transaction
        if transaction is None or definition.kind is not Kind.MUTATION:
            return await self._runner.invoke(definition, args, self._scope)
        mark = transaction.savepoint()
        try:
            return await self._runner.invoke(definition, args, self._scope)
        except BaseException:
            # [mutations.failure-leaves-no-trace] What the inner mutation wrote is
            # undone; the outer one may catch the error and go on.
            transaction.rollback(mark)
            raise


def _check_result(path: str, value: Value, text: bytes) -> None:
    # A number counts nine bytes and is four in the text at least: the value is
    # measured only where its text is long.
    if len(text) * 9 <= MAX_RESULT_BYTES * 4:
        return
    size = size_bytes(value)
    if size > MAX_RESULT_BYTES:
        raise FunctionError(
            f"Function {path} return value is too large (actual: {size / 2**20:.2f} MiB, "
            "limit: 16 MiB)"
        )


def _failed(error: FunctionError) -> Failed:
    if not isinstance(error, ApplicationError):
        return Failed(error.message, error.frames)
    try:
        value = normalize(error.data)
    except InvalidValue as invalid:
        return Failed(f"Uncaught ConvexError with invalid data: {invalid}", _frames(error))
    text = value if isinstance(value, str) else json.dumps(encode(value), ensure_ascii=False)
    if isinstance(error, InvalidCursor):
        text = error.message
    return Failed(f"Uncaught ConvexError: {text}", _frames(error), encode_text(value))


def as_failed(error: Exception) -> Failed:
    """How any exception out of a function looks to whoever called it."""
    if isinstance(error, Failed):
        return error
    return _failed(error if isinstance(error, ApplicationError) else _described(error))


def _uncaught(definition: Definition, error: BaseException) -> FunctionError:
    logger.error("%s raised", definition.path, exc_info=error)
    return _described(error)


def _described(error: BaseException) -> FunctionError:
    name = "Error" if isinstance(error, FunctionError) else type(error).__name__
    text = str(error)
    return FunctionError(f"Uncaught {name}: {text}" if text else f"Uncaught {name}", _frames(error))


def _frames(error: BaseException) -> str:
    return "".join(
        f"    at {frame.name} ({frame.filename}:{frame.lineno})\n"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
        if not frame.filename.startswith(_PACKAGE)
    )
