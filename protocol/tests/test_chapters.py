"""What the chapters show as JSON is JSON, and right."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from unisono_protocol import schemas
from unisono_protocol.data import V1
from unisono_protocol.rules import ID, chapters, load
from unisono_protocol.walkthroughs import walkthroughs

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


# What a reader of the specification alone has to be able to say.
QUESTIONS = (
    "mutation's response arrives after the Transition",
    "socket dies with an action in flight",
    "Two Transitions carry the same versions",
    "token expires while a mutation is queued",
    "`Remove` crosses an update",
    "chunk is lost",
    "`maxObservedTimestamp` is ahead of the server",
    "`Add` arrives for an id already there",
    "fetcher never returns",
)


def answers() -> list[list[str]]:
    """The rows of the table of questions: question, answer, rules, races."""
    _, _, section = (
        (V1 / "00-reading.md").read_text(encoding="utf-8").partition("\n## What happens when\n")
    )
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[part.strip() for part in line.strip("|").split(" | ")] for line in lines[1:]]


def test_every_question_is_answered() -> None:
    """The questions that tell a specification from a description stand there, once each."""
    asked = [question for question, *_ in answers()]

    assert len(asked) == len(QUESTIONS)
    assert [q for q in QUESTIONS if not any(q in question for question in asked)] == []


@pytest.mark.parametrize(("question", "answer", "rules", "races"), answers())
def test_an_answer_names_its_rules_and_its_race(
    question: str, answer: str, rules: str, races: str
) -> None:
    """An answer says which rules it follows from, and each race it points to shows one of them."""
    named = set(re.findall(rf"\[({ID})\]", rules))
    told = re.findall(r"\(appendix-a-walkthroughs\.md#([a-z-]+)\)", races)

    assert answer
    assert named
    assert named <= load().keys()
    assert told
    assert [race for race in told if not named & set(walkthroughs()[race]["rules"])] == []
