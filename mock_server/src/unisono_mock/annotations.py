"""Annotations become validators: what a function's signature says is what is checked.

    None bool str bytes       exactly these          int      a number without a fraction
    float                     a number               Int64    a 64-bit integer
    Id["table"]               an id of that table    Literal, Optional, unions
    list[X] dict[str, X]      arrays, records        TypedDict, dataclass, pydantic model
    Any, or nothing           anything

Spec: values
Not here: what the validators do (see core.validators).
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypedDict,
    Union,
    get_args,
    get_origin,
)

from .core.validators import (
    BOOLEAN,
    BYTES,
    INT64,
    NULL,
    NUMBER,
    STRING,
    Anything,
    ArrayOf,
    DocumentIdOf,
    Field,
    Integer,
    LiteralOf,
    ObjectOf,
    RecordOf,
    UnionOf,
    Validator,
)
from .core.values import Int64, normalize

__all__ = ["Id", "PaginationOptions", "UnsupportedAnnotation", "validator_of"]

_PLAIN: Mapping[Any, Validator] = {
    None: NULL,
    type(None): NULL,
    bool: BOOLEAN,
    str: STRING,
    bytes: BYTES,
    int: Integer(),
    float: NUMBER,
    Int64: INT64,
    Any: Anything(),
    object: Anything(),
    dict: RecordOf(STRING, Anything()),
    list: ArrayOf(Anything()),
}


class UnsupportedAnnotation(TypeError):
    """An annotation for which there is no validator."""


if TYPE_CHECKING:
    # A type checker reads `Id["messages"]` as it reads a literal: the text in
    # the brackets is a text and not the name of a type.
    from typing import Literal as Id
else:

    class Id(str):
        """The id of a document. `Id["messages"]` accepts ids of that table only."""

        __slots__ = ()

        def __class_getitem__(cls, table: str) -> Any:
            """The annotation for ids of one table."""
            return Annotated[str, DocumentIdOf(table)]


def validator_of(annotation: Any) -> Validator:
    """The validator of one annotation."""
    if isinstance(annotation, typing.Hashable) and annotation in _PLAIN:
        return _PLAIN[annotation]
    origin = get_origin(annotation)
    if origin is not None:
        return _of_generic(annotation, origin, get_args(annotation))
    if typing.is_typeddict(annotation):
        return _of_typed_dict(annotation)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _of_dataclass(annotation)
    if isinstance(annotation, type) and hasattr(annotation, "__pydantic_fields__"):
        return _of_model(annotation)
    if isinstance(annotation, typing.NewType):
        return validator_of(annotation.__supertype__)
    raise UnsupportedAnnotation(f"no value has the type {annotation!r}")


def arguments_of(function: Callable[..., Any]) -> Validator:
    """The validator of the arguments after the context; `**kwargs` takes anything."""
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return Anything()
    fields = {}
    for parameter in parameters:
        declared = hints.get(parameter.name, Any)
        fields[parameter.name] = Field(
            validator_of(declared), parameter.default is not inspect.Parameter.empty
        )
    return ObjectOf(fields)


def returns_of(function: Callable[..., Any]) -> Validator | None:
    """The validator of the result, or None where nothing is annotated."""
    hints = typing.get_type_hints(function, include_extras=True)
    return validator_of(hints["return"]) if "return" in hints else None


def object_of(declared: Any) -> Validator:
    """The validator of a document: a mapping of annotations, or a class that names fields."""
    if isinstance(declared, Mapping):
        return ObjectOf({name: _field(annotation) for name, annotation in declared.items()})
    return validator_of(declared)


def _of_generic(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Validator:
    if origin is Annotated:
        for extra in arguments[1:]:
            if isinstance(extra, DocumentIdOf):
                return extra
        return validator_of(arguments[0])
    if origin is Literal:
        return _union([LiteralOf(normalize(value), value) for value in arguments])
    if origin in (Union, types.UnionType):
        return _union([validator_of(member) for member in arguments])
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return ArrayOf(validator_of(arguments[0]), tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return RecordOf(validator_of(arguments[0]), validator_of(arguments[1]))
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return ArrayOf(validator_of(arguments[0]))
    raise UnsupportedAnnotation(f"no value has the type {annotation!r}")


def _union(members: list[Validator]) -> Validator:
    return members[0] if len(members) == 1 else UnionOf(tuple(members))


def _field(annotation: Any, *, optional: bool = False) -> Field:
    origin = get_origin(annotation)
    if origin is NotRequired:
        return Field(validator_of(get_args(annotation)[0]), True)
    if origin is Required:
        return Field(validator_of(get_args(annotation)[0]), False)
    return Field(validator_of(annotation), optional)


def _of_typed_dict(declared: Any) -> Validator:
    hints = typing.get_type_hints(declared, include_extras=True)
    optional = declared.__optional_keys__
    return ObjectOf({name: _field(hint, optional=name in optional) for name, hint in hints.items()})


def _of_dataclass(declared: type) -> Validator:
    hints = typing.get_type_hints(declared, include_extras=True)
    fields = {}
    for each in dataclasses.fields(declared):
        has_default = (
            each.default is not dataclasses.MISSING
            or each.default_factory is not dataclasses.MISSING
        )
        fields[each.name] = Field(validator_of(hints[each.name]), has_default)
    return ObjectOf(fields, lambda values: declared(**values))


def _of_model(declared: Any) -> Validator:
    hints = typing.get_type_hints(declared, include_extras=True)
    fields = {
        name: Field(validator_of(hints[name]), not info.is_required())
        for name, info in declared.__pydantic_fields__.items()
    }
    return ObjectOf(fields, declared.model_validate)


class PaginationOptions(TypedDict):
    """What clients send as `paginationOpts`, for `ctx.db.query(...).paginate`."""

    numItems: float
    cursor: str | None
    endCursor: NotRequired[str | None]
    id: NotRequired[float]
    maximumRowsRead: NotRequired[float]
    maximumBytesRead: NotRequired[float]
