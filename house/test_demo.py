"""The demo: three programs agree, and whoever starts it wrongly is told so in one sentence."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from house.tree import ROOT

PATIENCE_S = 60


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def sentences(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.timeout(PATIENCE_S)
def test_three_programs_agree_on_one_list() -> None:
    """The Python client, the page and the official npm client end on the same messages."""
    ended = run(sys.executable, "-m", "examples.chat.demo", "--once")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == "All three see the same list."
    for greeting in ("hello from Python", "hello from the page", "hello from the official client"):
        assert ended.stdout.count(greeting) == 3


def test_ctrl_c_ends_the_live_demo_and_leaves_nothing_running() -> None:
    """After Ctrl-C the port is free again and the exit code is zero."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "examples.chat.demo", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        for line in demo.stdout:
            if "hello from Python" in line:
                break
        demo.send_signal(signal.SIGINT)

        assert demo.wait(PATIENCE_S) == 0
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_a_port_in_use_is_one_sentence() -> None:
    """The server names the port and says what to do; there is no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        ended = run(sys.executable, "-m", "examples.chat.demo", "--port", port)

    assert ended.returncode != 0
    assert port in sentences(ended.stderr)[0]
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1", id="no-server"),
        pytest.param("ftp://127.0.0.1:1", id="wrong-scheme"),
        pytest.param("nonsense", id="no-url"),
    ],
)
def test_a_server_that_is_not_there_is_one_sentence(url: str) -> None:
    """The watcher says what it could not reach and exits non-zero."""
    ended = run(sys.executable, "-m", "examples.chat.watch", url, "--patience", "1")

    assert ended.returncode == 1
    assert len(sentences(ended.stderr)) == 1
    assert url in ended.stderr


def test_a_missing_node_is_one_sentence(tmp_path: Path) -> None:
    """`make` stops before it installs anything and says which tool to install."""
    (tmp_path / "python3").symlink_to(sys.executable)

    ended = run("/bin/sh", "house/tools.sh", PATH=str(tmp_path))

    assert ended.returncode == 1
    assert len(sentences(ended.stderr)) == 1
    assert "Node 20 or newer is needed and 'node' was not found" in ended.stderr


def test_an_old_python_is_one_sentence(tmp_path: Path) -> None:
    """An interpreter that is too old, or none, is named."""
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)

    ended = run("/bin/sh", "house/tools.sh", PATH=str(tmp_path))

    assert ended.returncode == 1
    assert sentences(ended.stderr)[0].startswith("unisono: Python 3.11 or newer is needed")
