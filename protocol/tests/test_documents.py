"""The AsyncAPI and OpenAPI documents are generated, and valid in the eyes of their own tools."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from unisono_protocol import documents, schemas
from unisono_protocol.data import V1

PARSER = Path(__file__).with_name("asyncapi_parser.mjs")
#: Newer editions of AsyncAPI exist; that is no fault of a document.
HARMLESS = {"asyncapi-latest-version"}


def said_of(path: Path) -> list[str]:
    """The complaints of AsyncAPI's own parser."""
    run = subprocess.run(
        ["node", PARSER, path], capture_output=True, text=True, check=True, timeout=50
    )
    diagnostics: list[dict[str, Any]] = json.loads(run.stdout)
    return [each["code"] for each in diagnostics if each["code"] not in HARMLESS]


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
    """The parser of AsyncAPI takes the document."""
    assert said_of(V1 / "schema" / "asyncapi.json") == []


def test_the_parser_sees_what_is_wrong(tmp_path: Path) -> None:
    """An operation without a channel is no AsyncAPI."""
    document = load("asyncapi.json")
    del document["operations"]["sendOnSync"]["channel"]
    path = tmp_path / "asyncapi.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    assert said_of(path) != []


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
