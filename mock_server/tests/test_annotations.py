"""Annotations as validators: what is accepted, what is handed over, what is said."""

import dataclasses
from typing import Any, Literal, NotRequired, Optional, TypedDict

import pydantic
import pytest

from unisono_mock import Id, Int64
from unisono_mock.annotations import UnsupportedAnnotation, arguments_of, validator_of
from unisono_mock.core.ids import encode_id
from unisono_mock.core.validators import ValidationFailure
from unisono_mock.core.values import normalize


class Tables:
    def table_name(self, number: int) -> str | None:
        return {10001: "tasks", 10002: "users", 540: "_storage"}.get(number)


TASK, USER, FILE, UNKNOWN = (encode_id(number, bytes(16)) for number in (10001, 10002, 540, 10003))


class Point(TypedDict):
    x: float
    label: NotRequired[str]


@dataclasses.dataclass
class Pair:
    left: int
    right: int = 7


class Model(pydantic.BaseModel):
    name: str
    tags: list[str] = []


def load(annotation: Any, value: Any) -> Any:
    validator = validator_of(annotation)
    validator.check(normalize(value), "", Tables())
    return validator.load(normalize(value), Tables())


@pytest.mark.parametrize(
    ("annotation", "value", "loaded"),
    [
        (None, None, None),
        (bool, True, True),
        (str, "a", "a"),
        (bytes, b"a", b"a"),
        (float, 1, 1.0),
        (int, 3.0, 3),
        (Int64, Int64(3), Int64(3)),
        (Any, {"a": [1]}, {"a": [1.0]}),
        (list[int], [1, 2], [1, 2]),
        (tuple[int, ...], [1, 2], (1, 2)),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Optional[int], None, None),  # noqa: UP045
        (int | str, "a", "a"),
        (Literal["a", "b"], "b", "b"),
        (Literal[1], 1.0, 1),
        (Point, {"x": 1}, {"x": 1.0}),
        (Pair, {"left": 1}, Pair(1, 7)),
        (list[Pair], [{"left": 1, "right": 2}], [Pair(1, 2)]),
        (Pair | None, {"left": 1}, Pair(1)),
        (Model, {"name": "n"}, Model(name="n")),
        (Id["tasks"], TASK, TASK),
        (Id["tasks"] | None, None, None),
        (list[Id["users"]], [USER], [USER]),  # noqa: F821
    ],
)
def test_what_is_accepted_is_handed_over_as_annotated(
    annotation: Any, value: Any, loaded: Any
) -> None:
    """The function gets the Python object that it asked for."""
    found = load(annotation, value)
    assert (found, type(found)) == (loaded, type(loaded))


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (int, 1.5, "Value does not match validator.\n\nValue: 1.5\nValidator: v.float64()"),
        (float, Int64(1), "Value does not match validator.\n\nValue: 1\nValidator: v.float64()"),
        (Int64, 1.0, "Value does not match validator.\n\nValue: 1.0\nValidator: v.int64()"),
        (str, None, "Value does not match validator.\n\nValue: null\nValidator: v.string()"),
        (
            list[str],
            ["a", True],
            "Value does not match validator.\nPath: [1]\nValue: true\nValidator: v.string()",
        ),
        (
            dict[str, int],
            {"a": "x"},
            'Value does not match validator.\nPath: .values()\nValue: "x"\nValidator: v.float64()',
        ),
        (
            Point,
            {"x": 1, "y": 2},
            "Object contains extra field `y` that is not in the validator.\n\n"
            "Object: {x: 1.0, y: 2.0}\nValidator: v.object({label: v.optional(v.string()), "
            "x: v.float64()})",
        ),
        (
            list[Pair],
            [{}],
            "Object is missing the required field `left`. Consider wrapping the field validator "
            "in `v.optional(...)` if this is expected.\nPath: [0]\nObject: {}\n"
            "Validator: v.object({left: v.float64(), right: v.optional(v.float64())})",
        ),
        (Literal["a"], "b", '`"b"` does not match literal validator `v.literal("a")`.'),
        (
            Literal["a"] | int,
            "b",
            'Value does not match validator.\n\nValue: "b"\n'
            'Validator: v.union(v.literal("a"), v.float64())',
        ),
        (
            Id["tasks"],
            USER,
            f'Found ID "{USER}" from table `users`, which does not match the table name in '
            'validator `v.id("tasks")`.',
        ),
        (
            Id["tasks"],
            FILE,
            f'Found ID "{FILE}" from a system table, which does not match the table name in '
            'validator `v.id("tasks")`.',
        ),
        (
            Id["tasks"],
            UNKNOWN,
            f'Value does not match validator.\n\nValue: "{UNKNOWN}"\nValidator: v.id("tasks")',
        ),
        (
            Id["tasks"],
            "x",
            'Value does not match validator.\n\nValue: "x"\nValidator: v.id("tasks")',
        ),
    ],
)
def test_what_is_refused_is_said_in_the_layout_of_the_chapter(
    annotation: Any, value: Any, text: str
) -> None:
    """Path, value and validator, to the letter."""
    with pytest.raises(ValidationFailure) as failure:
        load(annotation, value)
    assert failure.value.message == text


def test_the_json_of_validators() -> None:
    """What makers of typed clients read."""

    def function(
        ctx: Any,
        id: Id["tasks"],  # noqa: F821
        kind: Literal["a", "b"],
        point: Point,
        more: Any = None,
    ) -> None: ...

    assert arguments_of(function).json() == {
        "type": "object",
        "value": {
            "id": {"fieldType": {"type": "id", "tableName": "tasks"}, "optional": False},
            "kind": {
                "fieldType": {
                    "type": "union",
                    "value": [
                        {"type": "literal", "value": "a"},
                        {"type": "literal", "value": "b"},
                    ],
                },
                "optional": False,
            },
            "more": {"fieldType": {"type": "any"}, "optional": True},
            "point": {
                "fieldType": {
                    "type": "object",
                    "value": {
                        "label": {"fieldType": {"type": "string"}, "optional": True},
                        "x": {"fieldType": {"type": "number"}, "optional": False},
                    },
                },
                "optional": False,
            },
        },
    }


@pytest.mark.parametrize("annotation", [set[int], complex, Path := object.__class__])
def test_an_annotation_without_a_validator_is_an_error_at_once(annotation: Any) -> None:
    """The app hears of it when the function is registered, not when it is called."""
    with pytest.raises(UnsupportedAnnotation):
        validator_of(annotation)
