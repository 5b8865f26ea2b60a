"""The AsyncAPI and OpenAPI documents are generated, and valid in the eyes of their own tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from openapi_spec_validator import validate

from unisono_protocol import documents, schemas
from unisono_protocol.data import V1

ASYNCAPI_SCHEMA = (
    Path(__file__).parents[2] / "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
)


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((V1 / "schema" / name).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", sorted(documents.FILES))
def test_documents_are_generated(name: str) -> None:
    """Computing a document anew gives the file that is there."""
    document = load(name)
    document.pop("x-generated")

    assert document == documents.FILES[name]()


def test_asyncapi_is_valid() -> None:
    """The official JSON Schema of AsyncAPI 3 takes the document."""
    schema = json.loads(ASYNCAPI_SCHEMA.read_text(encoding="utf-8"))

    assert [
        error.message for error in Draft7Validator(schema).iter_errors(load("asyncapi.json"))
    ] == []


def test_openapi_is_valid() -> None:
    """The validator of OpenAPI takes the document."""
    validate(load("openapi.json"))


def test_every_message_is_in_the_asyncapi_document() -> None:
    """Both directions are described in full, as operations of the right action."""
    document = load("asyncapi.json")

    for direction, action in documents.DIRECTIONS.items():
        operation = document["operations"][f"{action}OnSync"]
        named = [message["$ref"].rpartition("/")[2] for message in operation["messages"]]
        assert named == schemas.message_types(direction)
