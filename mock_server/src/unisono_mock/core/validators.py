"""Validators: what a function says its arguments and results are.

Each can check a value, print itself as error texts do, give its JSON for function specs,
and make the Python object that the annotation promised (`load`).

Spec: values
Not here: reading them from annotations (see annotations).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import FunctionError
from .ids import InvalidId, decode_id
from .keys import sort_key
from .values import Int64, Json, Value, encode, show


class ValidationFailure(FunctionError):
    """A value is not what was declared; the message is the detail."""


class Tables(Protocol):
    """What a validator of ids must know."""

    def table_name(self, number: int) -> str | None:
        """The table of a number."""


class Validator(Protocol):
    """One declared type."""

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Raise ValidationFailure unless the value is of this type."""

    def load(self, value: Value, tables: Tables) -> Any:
        """The Python object for a value that was checked."""

    def json(self) -> Json:
        """The JSON of function specs."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Every value."""

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept."""

    def load(self, value: Value, tables: Tables) -> Any:
        """The value itself."""
        return value

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": "any"}

    def __str__(self) -> str:
        return "v.any()"


@dataclass(frozen=True, slots=True)
class Plain:
    """Null, boolean, string, bytes, a Float64 or an Int64: exactly this type."""

    name: str
    text: str
    kind: type

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept this type and no other: an Int64 is not a number."""
        if type(value) is not self.kind:
            raise _mismatch(value, path, self)

    def load(self, value: Value, tables: Tables) -> Any:
        """The value itself."""
        return value

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": self.name}

    def __str__(self) -> str:
        return self.text


NULL = Plain("null", "v.null()", type(None))
BOOLEAN = Plain("boolean", "v.boolean()", bool)
STRING = Plain("string", "v.string()", str)
BYTES = Plain("bytes", "v.bytes()", bytes)
NUMBER = Plain("number", "v.float64()", float)
INT64 = Plain("bigint", "v.int64()", Int64)


@dataclass(frozen=True, slots=True)
class Integer:
    """A Float64 without a fraction, handed to the function as a Python int."""

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept numbers without a fraction."""
        if type(value) is not float or not value.is_integer():
            raise _mismatch(value, path, self)

    def load(self, value: Value, tables: Tables) -> Any:
        """The integer."""
        return int(value)

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": "number"}

    def __str__(self) -> str:
        return "v.float64()"


@dataclass(frozen=True, slots=True)
class DocumentIdOf:
    """An id of one table; whether the document exists is not asked."""

    table: str

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept ids whose number belongs to the table."""
        if type(value) is not str:
            raise _mismatch(value, path, self)
        try:
            actual = tables.table_name(decode_id(value).table)
        except InvalidId:
            actual = None
        if actual is None:
            raise _mismatch(value, path, self)
        if actual == self.table:
            return
        source = "a system table" if actual.startswith("_") else f"table `{actual}`"
        raise ValidationFailure(
            f'Found ID "{value}" from {source}, which does not match the table name in '
            f"validator `{self}`.{_place(path)}"
        )

    def load(self, value: Value, tables: Tables) -> Any:
        """The id."""
        return value

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": "id", "tableName": self.table}

    def __str__(self) -> str:
        return f'v.id("{self.table}")'


@dataclass(frozen=True, slots=True)
class LiteralOf:
    """Exactly this value."""

    value: Value
    host: Any

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept the value that is equal in the total order."""
        if sort_key(value) != sort_key(self.value):
            raise ValidationFailure(
                f"`{show(value)}` does not match literal validator `{self}`.{_place(path)}"
            )

    def load(self, value: Value, tables: Tables) -> Any:
        """The literal as the annotation wrote it."""
        return self.host

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": "literal", "value": encode(self.value)}

    def __str__(self) -> str:
        if type(self.value) is Int64:
            return f"v.literal({int(self.value)})"
        return f"v.literal({json.dumps(self.value, ensure_ascii=False)})"


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """A list of one type."""

    item: Validator
    build: Callable[[list[Any]], Any] = list

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept if every item is accepted."""
        if type(value) is not list:
            raise _mismatch(value, path, self)
        for position, item in enumerate(value):
            self.item.check(item, f"{path}[{position}]", tables)

    def load(self, value: Value, tables: Tables) -> Any:
        """The items, loaded."""
        return self.build([self.item.load(item, tables) for item in value])

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": "array", "value": self.item.json()}

    def __str__(self) -> str:
        return f"v.array({self.item})"


@dataclass(frozen=True, slots=True)
class RecordOf:
    """An object whose keys are data."""

    keys: Validator
    values: Validator

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept if every key and every value is accepted."""
        if type(value) is not dict:
            raise _mismatch(value, path, self)
        for key, item in value.items():
            self.keys.check(key, f"{path}.keys()", tables)
            self.values.check(item, f"{path}.values()", tables)

    def load(self, value: Value, tables: Tables) -> Any:
        """The items, loaded."""
        return {key: self.values.load(item, tables) for key, item in value.items()}

    def json(self) -> Json:
        """The JSON of function specs."""
        values = {"fieldType": self.values.json(), "optional": False}
        return {"type": "record", "keys": self.keys.json(), "values": values}

    def __str__(self) -> str:
        return f"v.record({self.keys}, {self.values})"


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field of an object."""

    validator: Validator
    optional: bool = False

    def __str__(self) -> str:
        return f"v.optional({self.validator})" if self.optional else str(self.validator)


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object with declared fields and no others."""

    fields: Mapping[str, Field]
    build: Callable[[dict[str, Any]], Any] = field(default=dict)

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept declared fields; the first problem in the order of keys is told."""
        if type(value) is not dict:
            raise _mismatch(value, path, self)
        for name in sorted(self.fields):
            declared = self.fields[name]
            if name in value:
                declared.validator.check(value[name], f"{path}.{name}", tables)
            elif not declared.optional:
                raise self._failure(
                    f"Object is missing the required field `{name}`. Consider wrapping the field "
                    "validator in `v.optional(...)` if this is expected.",
                    value,
                    path,
                )
        for name in value:
            if name not in self.fields:
                raise self._failure(
                    f"Object contains extra field `{name}` that is not in the validator.",
                    value,
                    path,
                )

    def load(self, value: Value, tables: Tables) -> Any:
        """The fields, loaded, in the object that the annotation names."""
        fields = self.fields
        return self.build(
            {name: fields[name].validator.load(value[name], tables) for name in value}
        )

    def json(self) -> Json:
        """The JSON of function specs."""
        return {
            "type": "object",
            "value": {
                name: {"fieldType": declared.validator.json(), "optional": declared.optional}
                for name, declared in sorted(self.fields.items())
            },
        }

    def __str__(self) -> str:
        inner = ", ".join(f"{name}: {self.fields[name]}" for name in sorted(self.fields))
        return f"v.object({{{inner}}})"

    def _failure(self, problem: str, value: Value, path: str) -> ValidationFailure:
        place = _place(path).strip()
        return ValidationFailure(f"{problem}\n{place}\nObject: {show(value)}\nValidator: {self}")


@dataclass(frozen=True, slots=True)
class UnionOf:
    """The first of these that accepts."""

    members: tuple[Validator, ...]

    def check(self, value: Value, path: str, tables: Tables) -> None:
        """Accept if one member accepts."""
        if len(self.members) == 1:
            self.members[0].check(value, path, tables)
        elif self._accepting(value, path, tables) is None:
            raise _mismatch(value, path, self)

    def load(self, value: Value, tables: Tables) -> Any:
        """What the first accepting member makes of it."""
        member = self._accepting(value, "", tables)
        return value if member is None else member.load(value, tables)

    def json(self) -> Json:
        """The JSON of function specs."""
        return {"type": "union", "value": [member.json() for member in self.members]}

    def __str__(self) -> str:
        return f"v.union({', '.join(map(str, self.members))})"

    def _accepting(self, value: Value, path: str, tables: Tables) -> Validator | None:
        for member in self.members:
            try:
                member.check(value, path, tables)
            except ValidationFailure:
                continue
            return member
        return None


def _mismatch(value: Value, path: str, validator: object) -> ValidationFailure:
    return ValidationFailure(
        f"Value does not match validator.\n{_place(path).strip()}\nValue: {show(value)}\n"
        f"Validator: {validator}"
    )


def _place(path: str) -> str:
    return f" Path: {path}" if path else ""
