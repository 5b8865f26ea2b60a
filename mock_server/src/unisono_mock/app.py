"""An app: named functions, a schema, and pages to serve beside them.

Spec: queries
Not here: running the functions (see execution), serving them (see server).
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .annotations import arguments_of, returns_of
from .core.messages import canonical_path
from .core.tokens import Provider
from .core.validators import Validator
from .core.values import Json
from .routing import Router
from .schema import Schema

if TYPE_CHECKING:
    from .asgi import AsgiApp

Function = TypeVar("Function", bound=Callable[..., Any])


class Kind(Enum):
    """What a function may do."""

    QUERY = "Query"
    MUTATION = "Mutation"
    ACTION = "Action"


@dataclass(frozen=True, slots=True)
class Definition:
    """One function of an app."""

    path: str
    kind: Kind
    handler: Callable[..., Any]
    arguments: Validator
    returns: Validator | None
    is_internal: bool = False

    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.handler))

    def spec(self) -> Json:
        """The entry of the function spec."""
        return {
            "args": self.arguments.json(),
            "functionType": self.kind.value,
            "identifier": self.path,
            "returns": {"type": "any"} if self.returns is None else self.returns.json(),
            "visibility": {"kind": "internal" if self.is_internal else "public"},
        }


@dataclass(slots=True)
class App:
    """Functions by path.

    `pages` maps URL paths to a file, or to a folder if they end in `/`. `auth` lists the
    providers whose tokens are accepted, `admin_keys` the keys that open everything.
    """

    schema: Schema = field(default_factory=Schema)
    pages: Mapping[str, Path] = field(default_factory=dict)
    auth: Sequence[Provider] = ()
    admin_keys: Sequence[str] = field(default=(), repr=False)
    functions: dict[str, Definition] = field(default_factory=dict)
    router: Router = field(default_factory=Router)

    @overload
    def query(self, function: Function, /) -> Function: ...
    @overload
    def query(self, path: str, /) -> Callable[[Function], Function]: ...
    def query(self, function: Any, /) -> Any:
        """Register a query: `@app.query` or `@app.query("messages:list")`."""
        return self._register(Kind.QUERY, function)

    @overload
    def mutation(self, function: Function, /) -> Function: ...
    @overload
    def mutation(self, path: str, /) -> Callable[[Function], Function]: ...
    def mutation(self, function: Any, /) -> Any:
        """Register a mutation: one transaction, all or nothing."""
        return self._register(Kind.MUTATION, function)

    @overload
    def action(self, function: Function, /) -> Function: ...
    @overload
    def action(self, path: str, /) -> Callable[[Function], Function]: ...
    def action(self, function: Any, /) -> Any:
        """Register an action: may do anything, sees the database through other functions."""
        return self._register(Kind.ACTION, function)

    @overload
    def internal_query(self, function: Function, /) -> Function: ...
    @overload
    def internal_query(self, path: str, /) -> Callable[[Function], Function]: ...
    def internal_query(self, function: Any, /) -> Any:
        """Register a query that only other functions may call."""
        return self._register(Kind.QUERY, function, is_internal=True)

    @overload
    def internal_mutation(self, function: Function, /) -> Function: ...
    @overload
    def internal_mutation(self, path: str, /) -> Callable[[Function], Function]: ...
    def internal_mutation(self, function: Any, /) -> Any:
        """Register a mutation that only other functions may call."""
        return self._register(Kind.MUTATION, function, is_internal=True)

    @overload
    def internal_action(self, function: Function, /) -> Function: ...
    @overload
    def internal_action(self, path: str, /) -> Callable[[Function], Function]: ...
    def internal_action(self, function: Any, /) -> Any:
        """Register an action that only other functions may call."""
        return self._register(Kind.ACTION, function, is_internal=True)

    def http(
        self, method: str, path: str = "", *, prefix: str = ""
    ) -> Callable[[Function], Function]:
        """Register an HTTP action for a path, or for all paths that begin with a prefix."""

        def register(handler: Function) -> Function:
            self.router.add(method, prefix or path, handler, prefix=bool(prefix))
            return handler

        return register

    def asgi(self, *, redact: bool = False) -> "AsgiApp":
        """This app as an ASGI application, to serve alone or to mount in another."""
        # The face needs the backend, which needs this module.
        from .asgi import AsgiApp

        return AsgiApp(self, redact=redact)

    def function_spec(self, url: str) -> Json:
        """The description of all functions, for makers of typed clients."""
        functions = [each.spec() for each in self.functions.values()]
        return {"url": url, "functions": [*functions, *self.router.spec()]}

    def _register(self, kind: Kind, function: Any, *, is_internal: bool = False) -> Any:
        if isinstance(function, str):
            return lambda handler: self._add(kind, handler, function, is_internal)
        module = function.__module__.rpartition(".")[2]
        return self._add(kind, function, f"{module}:{function.__name__}", is_internal)

    def _add(self, kind: Kind, handler: Function, name: str, is_internal: bool) -> Function:
        path = canonical_path(name)
        if path in self.functions:
            raise ValueError(f"two functions are called {name}")
        self.functions[path] = Definition(
            path, kind, handler, arguments_of(handler), returns_of(handler), is_internal
        )
        return handler
