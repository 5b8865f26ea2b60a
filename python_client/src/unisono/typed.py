"""Types at the edges: arguments from models, results into the type that was asked for.

Arguments may be mappings, pydantic models or dataclasses; enums, UUIDs and datetimes with a
time zone are written as their value, their text and their milliseconds since 1970. A result
is validated into the `type` of the call, by pydantic.

Not here: the values themselves (see core/values).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar, overload

from .core.errors import InvalidTypeError
from .core.values import Value

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


class ModelLike(Protocol):
    """A pydantic model."""

    def model_dump(self) -> dict[str, Any]:
        """Its fields."""
        ...


class DataclassLike(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Args: TypeAlias = Mapping[str, Value] | ModelLike | DataclassLike
"""The arguments of a function: always named."""


class Query(Generic[T]):
    """A query and the type of its result, to be asked for together with others."""

    @overload
    def __init__(self: "Query[Any]", path: str, args: Args | None = None) -> None: ...

    @overload
    def __init__(self, path: str, args: Args | None = None, *, type: type[T]) -> None: ...

    def __init__(self, path: str, args: Args | None = None, *, type: Any = None) -> None:
        self.path = path
        self.args = args
        self.type = type

    def __repr__(self) -> str:
        return f"Query({self.path!r}, {self.args!r})"


def reader(path: str, wanted: Any) -> Callable[[Value], Any]:
    """What makes the wanted type of a result. It raises InvalidTypeError."""
    if wanted is None:
        return _as_it_is
    adapter = _adapter(wanted)

    def read(value: Value) -> Any:
        from pydantic import ValidationError

        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = "".join(f"[{step!r}]" for step in first["loc"])
            name = getattr(wanted, "__name__", str(wanted))
            raise InvalidTypeError(path, name, f"{place} {first['msg']}".strip()) from error

    return read


@lru_cache(maxsize=512)
def _adapter(wanted: Any) -> "TypeAdapter[Any]":
    # pydantic is loaded when the first type is asked for, not on import.
    from pydantic import TypeAdapter

    return TypeAdapter(wanted)


def _as_it_is(value: Value) -> Value:
    return value
