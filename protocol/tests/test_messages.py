"""The packages read what the schemas describe, and refuse what they refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from unisono.core import messages as client_messages
from unisono.core.errors import RemoteProtocolError
from unisono_mock.core import errors as server_errors
from unisono_mock.core import messages as server_messages
from unisono_protocol.data import V1

ROOT = Path(__file__).parents[2]
ESBUILD = ROOT / "node_modules/.bin/esbuild"

# What a server takes as a message and refuses later, as the failure of a function.
DEFERRED = ("messages.args-array", "values.", "extensions.", "auth.acting-as")
# What a reader is free to overlook: it binds the writer, and nothing is read wrongly.
OVERLOOKED = (
    "messages.required-field",
    "mutations.action-no-ts",
    "errors.application-data",
    "mutations.failure-at-once",
    "transitions.chunk-set",
)
IGNORED = "messages.unknown-type"

READ_IN_TYPESCRIPT = """
console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0, "utf8")).map((text) => {
  try { return module.exports.parse(text)?.type ?? "ignored"; }
  catch (error) { return "kind" in error ? "refused" : String(error); }
})));
"""


def examples(side: str, kind: str) -> list[tuple[str, str, str]]:
    """The name, the rule and the text of every example of one direction."""
    out = []
    for path in sorted((V1 / "examples" / side).iterdir()):
        for example in json.loads(path.read_text(encoding="utf-8"))[kind]:
            name = f"{path.stem}: {example['name']}"
            out.append((name, example.get("rule", ""), json.dumps(example["message"])))
    return out


def named(found: list[tuple[str, str, str]]) -> list[Any]:
    return [pytest.param(rule, text, id=name) for name, rule, text in found]


@pytest.mark.parametrize(("rule", "text"), named(examples("server", "valid")))
def test_python_reads_what_servers_say(rule: str, text: str) -> None:
    """Every good message of a server is read as what it is."""
    assert type(client_messages.read(text)).__name__ == json.loads(text)["type"]


@pytest.mark.parametrize(("rule", "text"), named(examples("server", "invalid")))
def test_python_refuses_what_is_none(rule: str, text: str) -> None:
    """Every bad message of a server is refused, or ignored where that is the rule."""
    if rule == IGNORED:
        assert isinstance(client_messages.read(text), client_messages.Unknown)
    elif rule not in OVERLOOKED:
        with pytest.raises(RemoteProtocolError):
            client_messages.read(text)


@pytest.mark.parametrize(("rule", "text"), named(examples("client", "valid")))
def test_the_server_reads_what_clients_say(rule: str, text: str) -> None:
    """Every good message of a client is read."""
    server_messages.parse(text)


@pytest.mark.parametrize(("rule", "text"), named(examples("client", "invalid")))
def test_the_server_refuses_what_is_none(rule: str, text: str) -> None:
    """Every bad message of a client is a violation, or fails its function later."""
    if rule.startswith(DEFERRED):
        server_messages.parse(text)
    elif rule not in OVERLOOKED:
        with pytest.raises((server_errors.ProtocolError, server_errors.ConnectionFailure)):
            server_messages.parse(text)


def read_in_typescript(texts: list[str]) -> list[str]:
    """What the TypeScript core makes of each text: a type, `ignored`, or `refused`."""
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed")
    source = ROOT / "js_client/src/core/messages.ts"
    bundled = subprocess.run(
        [ESBUILD, source, "--bundle", "--format=cjs", "--platform=node"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    printed = subprocess.run(
        ["node", "-e", bundled + READ_IN_TYPESCRIPT],
        input=json.dumps(texts),
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    names: list[str] = json.loads(printed)
    return names


def test_typescript_reads_what_servers_say() -> None:
    """Every good message of a server is read as what it is."""
    good = examples("server", "valid")
    read = read_in_typescript([text for _, _, text in good])

    assert read == [json.loads(text)["type"] for _, _, text in good]


def test_typescript_refuses_what_is_none() -> None:
    """Every bad message of a server is refused, or ignored where that is the rule."""
    bad = [example for example in examples("server", "invalid") if example[1] not in OVERLOOKED]
    read = read_in_typescript([text for _, _, text in bad])
    wanted = ["ignored" if rule == IGNORED else "refused" for _, rule, _ in bad]

    assert dict(zip([n for n, _, _ in bad], read, strict=True)) == dict(
        zip([n for n, _, _ in bad], wanted, strict=True)
    )
