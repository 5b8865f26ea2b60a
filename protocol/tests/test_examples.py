"""The examples are what they say: good ones match the schemas, bad ones break a named rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from unisono_protocol import schemas
from unisono_protocol.data import V1
from unisono_protocol.rules import load

REGISTRY: Registry[Any] = Registry().with_contents(list(schemas.by_id().items()))
DIRECTIONS = ("client", "server")
FILES = [
    (side, path.stem) for side in DIRECTIONS for path in sorted((V1 / "examples" / side).iterdir())
]


def examples(name: str) -> dict[str, list[dict[str, Any]]]:
    document: dict[str, list[dict[str, Any]]] = json.loads(
        (V1 / "examples" / f"{name}.json").read_text(encoding="utf-8")
    )
    return document


def validator(reference: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference}, registry=REGISTRY)


@pytest.mark.parametrize("side", DIRECTIONS)
def test_every_message_has_examples(side: str) -> None:
    """Each message of the schema has a file, and each file is of a message."""
    here = sorted(name for where, name in FILES if where == side)

    assert here == sorted(schemas.message_types(f"{side}-message"))


@pytest.mark.parametrize(("side", "name"), FILES)
def test_valid_examples_match(side: str, name: str) -> None:
    """A good example matches its own definition and its direction's schema."""
    own = validator(f"urn:unisono:v1:{side}-message#/$defs/{name}")
    any_message = validator(f"urn:unisono:v1:{side}-message")
    valid = examples(f"{side}/{name}")["valid"]

    assert valid
    assert [e["name"] for e in valid if not own.is_valid(e["message"])] == []
    assert [e["name"] for e in valid if not any_message.is_valid(e["message"])] == []


@pytest.mark.parametrize(("side", "name"), FILES)
def test_invalid_examples_are_refused(side: str, name: str) -> None:
    """A bad example is refused by its direction's schema and names a rule that exists."""
    any_message, rules = validator(f"urn:unisono:v1:{side}-message"), load()
    invalid = examples(f"{side}/{name}")["invalid"]

    assert invalid
    assert [e["name"] for e in invalid if any_message.is_valid(e["message"])] == []
    assert [e["rule"] for e in invalid if e["rule"] not in rules] == []


def test_function_spec_examples() -> None:
    """The schema of function specs takes the good ones and refuses the bad ones."""
    spec, document = validator("urn:unisono:v1:function-spec"), examples("function-spec")

    assert [e["name"] for e in document["valid"] if not spec.is_valid(e["message"])] == []
    assert [e["name"] for e in document["invalid"] if spec.is_valid(e["message"])] == []
