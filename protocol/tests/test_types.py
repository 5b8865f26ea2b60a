"""The TypeScript types of messages take what the schemas take, at compile time."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from unisono_protocol.data import V1

ROOT = Path(__file__).parents[2]
TSC = ROOT / "node_modules/.bin/tsc"
OPTIONS = (
    "--ignoreConfig --noEmit --strict --skipLibCheck --target es2022 --lib es2024,dom "
    "--module esnext --moduleResolution bundler --types node"
).split()

# A message as it is on the wire, where the client's types say what it is when it was read.
HEAD = """
import type {{ ClientMessage, ServerMessage }} from "{core}/messages.js";
import type {{ Json, Value }} from "{core}/values.js";
type Wire<T> = [Value] extends [T] ? Json
  : T extends bigint ? string
  : T extends undefined ? undefined | null
  : T extends readonly (infer Item)[] ? readonly Wire<Item>[]
  : T extends object ? {{ readonly [Key in keyof T]: Wire<T[Key]> }}
  : T;
declare function server<T extends Wire<ServerMessage>>(message: T): void;
declare function client<T extends ClientMessage>(message: T): void;
"""

# The client never says it, so it has no type.
UNSAID = "Event"
# What is wrong with these is the range of a number, or what a text says.
UNTOLD = {
    "Action: a bare tag of the wrong length",
    "Action: a path that is empty",
    "Authenticate: acting as nobody in particular",
    "Connect: a count of 2^32",
    "Connect: a fraction in the clock",
    "Connect: a negative count",
    "Connect: a session that is no UUID",
    "Connect: a timestamp above 2^63 - 1",
    "Connect: a timestamp of seven bytes",
    "ModifyQuerySet: a fractional version",
    "ModifyQuerySet: a key with a dollar",
    "ModifyQuerySet: a negative id",
    "ModifyQuerySet: a path that cannot be one",
    "ModifyQuerySet: a version of 2^32",
    "Mutation: a bare tag of the wrong length",
    "Mutation: a path that is empty",
    "Transition: a timestamp above 2^63 - 1",
    "Transition: a value with a bad tag",
    "Transition: a value with an unknown tag",
    "TransitionChunk: a negative part",
    "TransitionChunk: of none",
}
# Fields that depend on each other: the client has one type for all responses, and one for
# every kind of token.
MERGED = {
    "ActionResponse: with a timestamp",
    "Authenticate: a user without a token",
    "MutationResponse: a failure with a timestamp",
    "MutationResponse: a failure without a text",
    "MutationResponse: a success with error data",
    "MutationResponse: a success without a timestamp",
}


def examples(kind: str) -> dict[str, str]:
    """Every example as a line of TypeScript, by its side, message and name."""
    out = {}
    for side in ("client", "server"):
        for path in sorted((V1 / "examples" / side).iterdir()):
            for example in json.loads(path.read_text(encoding="utf-8"))[kind]:
                text = json.dumps(example["message"])
                if path.stem != UNSAID:
                    out[f"{path.stem}: {example['name']}"] = f"{side}({text});"
    return out


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The examples, good and bad, that do not compile."""
    if not TSC.exists():
        pytest.skip("typescript is not installed")
    lines = {**examples("valid"), **examples("invalid")}
    head = HEAD.format(core=ROOT / "js_client/src/core").strip().splitlines()
    source = tmp_path_factory.mktemp("types") / "examples.mts"
    source.write_text("\n".join([*head, *lines.values()]) + "\n", encoding="utf-8")
    printed = subprocess.run(
        [TSC, *OPTIONS, source],
        cwd=ROOT / "js_client",
        capture_output=True,
        text=True,
    ).stdout
    names = list(lines)
    wrong = re.findall(r"examples\.mts\((\d+),\d+\): error", printed)
    assert len(wrong) == len(re.findall("error TS", printed)), printed
    return {names[int(line) - len(head) - 1] for line in wrong}


def test_valid_examples_compile(refused: set[str]) -> None:
    """Every good message is one of the client's types."""
    assert refused & examples("valid").keys() == set()


def test_invalid_examples_do_not_compile(refused: set[str]) -> None:
    """Every bad message is none of them, unless a type cannot tell."""
    assert examples("invalid").keys() - refused == UNTOLD | MERGED
