"""The commands of the peers that the tests of the suite play on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
REFERENCE = [sys.executable, str(HOME / "tests/peers/reference_client.py")]


def adapter_command(name: str, *words: str) -> list[str]:
    """The command of an adapter of ours, or a skip with the reason."""
    if name == "reference":
        return [*REFERENCE, *words]
    if name == "python":
        return [sys.executable, str(_file("python/adapter.py")), *words]
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    return [node, str(_file("js/adapter.mjs")), *words]


def _file(name: str) -> Path:
    path = HOME / "adapters" / name
    if not path.exists():
        pytest.skip(f"adapters/{name} is not there")
    return path
