"""The registries agree with the chapters, the vectors and each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from unisono_protocol import reference
from unisono_protocol.data import V1
from unisono_protocol.rules import chapters, load

SERVER = Path(__file__).parents[2] / "mock_server/src/unisono_mock"


def registry(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (V1 / "registry" / f"{name}.json").read_text(encoding="utf-8")
    )
    return document


def test_every_close_code_of_the_errors_chapter_is_registered() -> None:
    """The codes that the table of closes names are in the registry."""
    chapter = (V1 / "03-errors.md").read_text(encoding="utf-8")
    named = {int(code) for code in re.findall(r"\b(1\d\d\d|4\d\d\d)\b", chapter)}
    registered = {entry["code"] for entry in registry("close-codes")["codes"]}

    assert named <= registered | {1000}


def test_every_reason_of_the_backoff_table_is_registered() -> None:
    """A reason that chooses a delay is a registered short code, with that delay."""
    delays = {e["code"]: e.get("backoff_ms") for e in registry("error-codes")["codes"]}

    for reason, initial_ms in reference.BACKOFF_REASONS:
        assert delays[reason] == initial_ms


@pytest.mark.parametrize("entry", registry("error-codes")["codes"], ids=lambda e: str(e["code"]))
def test_short_codes_are_short_codes(entry: dict[str, Any]) -> None:
    """A short code fits into a close frame and is written in one piece."""
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]{2,122}", entry["code"])
    assert entry["where"]
    assert entry["meaning"].endswith(".")


def test_codes_are_registered_once() -> None:
    """No code stands twice."""
    codes = [entry["code"] for entry in registry("error-codes")["codes"]]

    assert len(codes) == len(set(codes))


def test_the_backoff_chapter_lists_the_reasons_of_the_vectors() -> None:
    """Chapter and arithmetic name the same reasons."""
    chapter = (V1 / "04-connection.md").read_text(encoding="utf-8")
    reasons = [*reference.BACKOFF_CLIENT_REASONS, *(r for r, _ in reference.BACKOFF_REASONS)]

    assert [reason for reason in reasons if f"`{reason}`" not in chapter] == []


#: Codes of what is no part of the protocol: stored files, and the tools around the server.
BACKEND_CODES = {
    "BadHeader",
    "BadLifetime",
    "BodyTooLarge",
    "FileNotFound",
    "InvalidStoragePath",
    "RecordingIsOver",
    "Sha256Mismatch",
    "StorageTokenExpired",
    "StorageTokenInvalid",
    "UpstreamUnreachable",
}
#: What else the chapters write in one word with capitals: messages, events, states of a page.
OTHER_NAMES = {
    "AuthError",
    "ClientConnect",
    "ClientReceivedTransition",
    "CloseMessageWithoutFrame",
    "FatalError",
    "InvalidCursor",
    "ModifyQuerySet",
    "NaN",
    "NetworkRecoveryReconnect",
    "QueryFailed",
    "QueryRemoved",
    "QueryUpdated",
    "SplitRecommended",
    "SplitRequired",
    "TransitionChunk",
    "UpgradeRequired",
}
IN_CHAPTERS = re.compile(r"`([A-Z][a-z]+(?:[A-Z][A-Za-z]*)+)`")
IN_THE_SERVER = re.compile(
    r'(?:refusal|HttpFailure)\(\s*\d+,\s*"(\w+)"|ConnectionFailure\(\s*[\w.]+,\s*"(\w+)"'
)


def registered() -> set[str]:
    return {entry["code"] for entry in registry("error-codes")["codes"]}


def test_every_code_of_the_chapters_is_registered() -> None:
    """A short code that the text names stands in the registry."""
    texts = [path.read_text(encoding="utf-8") for path in chapters()]
    named = {name for text in texts for name in IN_CHAPTERS.findall(text)}

    assert named - registered() == OTHER_NAMES


def test_every_code_of_the_mock_server_is_registered() -> None:
    """A short code that the mock server says stands in the registry, or is no protocol's."""
    texts = [path.read_text(encoding="utf-8") for path in SERVER.rglob("*.py")]
    said = {code for text in texts for pair in IN_THE_SERVER.findall(text) for code in pair if code}

    assert said
    assert said - registered() <= BACKEND_CODES


@pytest.mark.parametrize("name", ["close-codes", "error-codes", "extensions"])
def test_registries_name_their_rules(name: str) -> None:
    """Each registry says which rules it belongs to, and its page describes it."""
    page = (V1 / "registry/README.md").read_text(encoding="utf-8")

    assert set(registry(name)["rules"]) <= load().keys()
    assert f"`{name}.json`" in page
