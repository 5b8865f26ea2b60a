"""The file for GitHub's actions: its commands are run here as a runner would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from suite_peers import HOME, PYTHON

TEXT = (HOME / "action.yml").read_text("utf-8")
STEP = re.compile(
    r"^    - name: (?P<name>.+?)\n(?P<body>.*?)(?=^    - name: |\Z)", re.MULTILINE | re.DOTALL
)
INPUT = re.compile(r"^  (\w+):\n    description: .+\n    default: (.+)$", re.MULTILINE)


def commands(name: str) -> str:
    """The script of a step."""
    bodies = {found["name"]: found["body"] for found in STEP.finditer(TEXT)}
    lines = bodies[name].partition("run: |\n")[2].splitlines()
    return "\n".join(line.removeprefix("        ") for line in lines)


def run(name: str, folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    given = {"CASES": "", "EXPECTED": "", "COMMAND": "", "URL": "", "MODE": "client", "OUT": "out"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    summary = {"GITHUB_STEP_SUMMARY": str(folder / "page.md"), "PATH": path}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", commands(name)],
        cwd=folder,
        env={**os.environ, **given, **inputs, **summary},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_every_input_of_a_step_is_declared() -> None:
    used = set(re.findall(r"inputs\.(\w+)", TEXT))

    assert used == {name for name, _ in INPUT.findall(TEXT)}


def test_its_commands_play_and_show_the_summary(tmp_path: Path) -> None:
    command = " ".join([*PYTHON, "--core"])
    played = run("Play the suite", tmp_path, COMMAND=command, CASES="queries.share values")
    shown = run("Show the summary", tmp_path)

    assert (played.returncode, shown.returncode) == (0, 0), played.stderr
    assert "conformant" in (tmp_path / "page.md").read_text("utf-8")
    assert (tmp_path / "out" / "junit.xml").exists()


def test_a_wrong_mode_is_a_usage_error(tmp_path: Path) -> None:
    played = run("Play the suite", tmp_path, MODE="guess")

    assert played.returncode == 2
    assert "client, server or pair" in played.stderr


def test_a_pair_gets_both_sides(tmp_path: Path) -> None:
    """An address where nobody listens fails the story, not the command."""
    played = run(
        "Play the suite",
        tmp_path,
        MODE="pair",
        COMMAND=" ".join([*PYTHON, "asyncio"]),
        URL="http://127.0.0.1:9",
        CASES="pair/a-query-stays-up-to-date",
    )

    assert played.returncode == 1, played.stderr
    assert "the HTTP request failed" in played.stdout
