"""The schemas are schemas, and agree with the vectors and with the chapters."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from unisono_protocol import schemas
from unisono_protocol.data import V1

REGISTRY: Registry[Any] = Registry().with_contents(
    [(id, content) for id, content in schemas.by_id().items()]
)


def validator(name: str, definition: str = "") -> Draft202012Validator:
    reference = schemas.schema(name)["$id"] + (f"#/$defs/{definition}" if definition else "")
    return Draft202012Validator({"$ref": reference}, registry=REGISTRY)


def vectors(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((V1 / "vectors" / name).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", schemas.names())
def test_schema_is_a_schema(name: str) -> None:
    """Every file is valid JSON Schema 2020-12, and every reference in it leads somewhere."""
    content = schemas.schema(name)
    Draft202012Validator.check_schema(content)
    resolver = REGISTRY.resolver_with_root(Resource.from_contents(content))

    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(content)):
        assert resolver.lookup(reference).contents is not None


def test_value_schema_takes_the_vectors() -> None:
    """Every encoded value of the vectors matches the schema of values."""
    value = validator("value")
    wires = [(v["name"], v["wire"]) for v in vectors("values.json")["vectors"]]

    assert [name for name, wire in wires if not value.is_valid(wire)] == []


def test_value_schema_refuses_the_broken() -> None:
    """Every broken value that a schema can see is refused."""
    value = validator("value")
    beyond = "values.special-float-only"
    broken = [v for v in vectors("values.json")["invalid_wire"] if "wire" in v]

    assert [v["name"] for v in broken if v["rule"] != beyond and value.is_valid(v["wire"])] == []


def test_timestamp_schema_is_exact() -> None:
    """The pattern of timestamps takes the good vectors and refuses the bad ones."""
    timestamp, document = validator("common", "timestamp"), vectors("timestamps.json")

    assert [v for v in document["vectors"] if not timestamp.is_valid(v["wire"])] == []
    assert [v for v in document["invalid"] if timestamp.is_valid(v["wire"])] == []


def test_path_schema_is_exact() -> None:
    """The pattern of function paths takes the good vectors and refuses the bad ones."""
    path, document = validator("common", "path"), vectors("paths.json")

    assert [v["path"] for v in document["vectors"] if not path.is_valid(v["path"])] == []
    assert [v["path"] for v in document["invalid"] if path.is_valid(v["path"])] == []


def test_chunks_match_the_schema() -> None:
    """Every message of the chunk vectors is a message that servers send."""
    message = validator("server-message")
    frames = [frame for v in vectors("chunks.json")["vectors"] for frame in v["frames"]]

    assert [frame for frame in frames if not message.is_valid(frame)] == []


@pytest.mark.parametrize("direction", ["client-message", "server-message"])
def test_every_message_is_in_the_chapter(direction: str) -> None:
    """Each type of the schemas is described in the chapter of messages."""
    chapter = (V1 / "02-messages.md").read_text(encoding="utf-8")

    assert [name for name in schemas.message_types(direction) if name not in chapter] == []
