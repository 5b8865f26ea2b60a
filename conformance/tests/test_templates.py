"""The templates for new authors: short, and a start that the doctor understands."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from suite_peers import HOME

from unisono_conformance.case import load_cases
from unisono_conformance.doctor import examine
from unisono_conformance.outcome import Outcome
from unisono_conformance.runner import run_client

LINES = 150
TEMPLATES = {"python": "adapter.py", "javascript": "adapter.mjs", "go": "adapter.go"}


def template(language: str, tmp_path: Path) -> list[str]:
    """The command that starts a template, or a skip with the reason."""
    path = HOME / "templates" / language / TEMPLATES[language]
    if language == "python":
        return [sys.executable, str(path)]
    tool = shutil.which("node" if language == "javascript" else "go")
    if tool is None:
        pytest.skip(f"there is no {language} on this machine")
    if language == "javascript":
        return [tool, str(path)]
    built = tmp_path / "adapter"
    subprocess.run([tool, "build", "-o", str(built), str(path)], check=True, timeout=50)
    return [str(built)]


@pytest.mark.parametrize("language", TEMPLATES)
def test_a_template_is_short(language: str) -> None:
    text = (HOME / "templates" / language / TEMPLATES[language]).read_text("utf-8")

    assert len(text.splitlines()) <= LINES


@pytest.mark.asyncio
@pytest.mark.parametrize("language", TEMPLATES)
async def test_the_doctor_begins_with_open(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It greets and parts as it should, and the first thing to write is the first operation."""
    assert await examine(template(language, tmp_path)) == 1

    said = capsys.readouterr().out
    assert "missing open, subscribe, update" in said
    assert "ok      bye" in said
    assert "next: build `open`" in said


@pytest.mark.asyncio
async def test_a_template_passes_nothing_and_fails_nothing(tmp_path: Path) -> None:
    """What is not built is unsupported; nobody is blamed for it."""
    run = await run_client(template("python", tmp_path), load_cases(role="client"))

    outcomes = {result.outcome for result in run.results}
    assert outcomes <= {Outcome.UNSUPPORTED, Outcome.NOT_APPLICABLE}
    assert run.peer["exit_code"] == 0
