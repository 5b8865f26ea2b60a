"""The README: its examples run as they are printed, and its links lead somewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.tree import ROOT

README = (ROOT / "README.md").read_text()
PRINTED_URL = "http://127.0.0.1:3210"
#: Node 20 has no WebSocket of its own; later versions and browsers do.
NODE_20 = "import WebSocket from 'ws'; globalThis.WebSocket ??= WebSocket;\n"


def example(language: str) -> str:
    """The fenced block of the README in one language."""
    match = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert match
    return match.group(1)


@pytest.fixture
def chat_url() -> Iterator[str]:
    """The chat of the demo on a free port, in a process of its own."""
    command = [sys.executable, "-m", "unisono_mock", "examples.chat.backend:app", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        line = server.stdout.readline()
        yield line[line.index("http://") :].strip()
        server.terminate()


def test_the_python_example_runs(chat_url: str) -> None:
    """Twelve lines send a message and see it come back."""
    code = example("python").replace(PRINTED_URL, chat_url)

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30
    )

    assert (ended.stderr, ended.stdout) == ("", "1 messages, the last one: hello\n")


def test_the_typescript_example_runs(chat_url: str, tmp_path: Path) -> None:
    """Six lines do the same in Node."""
    source = tmp_path / "example.mts"
    source.write_text(NODE_20 + example("ts").replace(PRINTED_URL, chat_url))
    bundle = tmp_path / "example.mjs"
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--platform=node", "--format=esm", "--external:ws"]
    environment = {**os.environ, "NODE_PATH": str(ROOT / "node_modules")}
    subprocess.run(
        [esbuild, source, *options, f"--outfile={bundle}", "--log-level=error"],
        check=True,
        env=environment,
    )
    inside = ROOT / "reports" / "readme-example.mjs"
    inside.parent.mkdir(exist_ok=True)
    inside.write_text(bundle.read_text())

    ended = subprocess.run(["node", inside], capture_output=True, text=True, timeout=30)

    assert ended.stderr == ""
    assert "body: 'hello'" in ended.stdout


def test_the_examples_are_as_short_as_promised() -> None:
    """One screen: about twelve lines of Python, six of TypeScript."""
    lengths = [len(example(each).strip().splitlines()) for each in ("python", "ts")]

    assert lengths == [12, 6]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """A link to a file or folder that is not there is worse than none."""
    targets = re.findall(r"\]\(([^)#:]+)\)", README)

    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
