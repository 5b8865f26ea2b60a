"""The JSON Schemas, found by name and knowing each other.

Spec: 02-messages
Not here: validation itself, which is any JSON Schema 2020-12 library's work.
"""

from __future__ import annotations

import json
from typing import Any

from unisono_protocol.data import V1

FOLDER = V1 / "schema"


def names() -> list[str]:
    """Return the names of all schemas, such as `client-message`."""
    return sorted(path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.schema.json"))


def schema(name: str) -> dict[str, Any]:
    """Return one schema as it is in its file; it may refer to others by their `$id`."""
    text = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def by_id() -> dict[str, dict[str, Any]]:
    """Return every schema by its `$id`, to fill a validator's registry with."""
    return {content["$id"]: content for content in map(schema, names())}


def message_types(name: str) -> list[str]:
    """Return the types of messages that one direction's schema describes, in order."""
    return [str(option["$ref"]).rpartition("/")[2] for option in schema(name)["oneOf"]]
