"""What the chapters show as JSON is JSON, and right."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from unisono_protocol import schemas
from unisono_protocol.rules import chapters

REGISTRY: Registry[Any] = Registry().with_contents(list(schemas.by_id().items()))
FENCED = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def shown() -> list[Any]:
    """Every JSON block of the text, with the place where it stands."""
    return [
        pytest.param(block, id=f"{path.stem}-{number}")
        for path in chapters()
        for number, block in enumerate(FENCED.findall(path.read_text(encoding="utf-8")))
    ]


def reference_of(content: dict[str, Any]) -> str:
    """The schema that a shown document belongs to."""
    for side in ("client-message", "server-message"):
        if content.get("type") in schemas.message_types(side):
            return f"urn:unisono:v1:{side}"
    return "urn:unisono:v1:http#/$defs/result"


@pytest.mark.parametrize("block", shown())
def test_shown_documents_match_their_schema(block: str) -> None:
    """A message or an answer that a chapter shows is a valid one."""
    content = json.loads(block)
    validator = Draft202012Validator({"$ref": reference_of(content)}, registry=REGISTRY)

    assert [error.message for error in validator.iter_errors(content)] == []
