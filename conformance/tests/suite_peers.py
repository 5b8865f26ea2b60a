"""The commands of the peers that the tests of the suite play on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
PYTHON = [sys.executable, str(HOME / "adapters/python/adapter.py")]


def adapter_command(name: str, *words: str) -> list[str]:
    """The command of an adapter of ours, or a skip with the reason."""
    if name == "python":
        return [*PYTHON, *words]
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    return [node, str(HOME / "adapters/js/adapter.mjs"), *words]
