"""Who may know whom: pure cores, and a client and a server that are strangers."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.tree import JS_CORE, PYTHON_CORE, ROOT, SERVER_CORE, names

#: What a core may import from outside: computing, no I/O, no clock, no chance, no log.
PURE = frozenset(
    "abc base64 bisect binascii collections contextlib copy dataclasses decimal enum functools "
    "hashlib hmac heapq inspect itertools json keyword math operator re string struct textwrap "
    "types typing unicodedata urllib uuid zlib __future__ datetime annotationlib "
    "pydantic pydantic_core sortedcontainers typing_extensions annotated_types".split()
)
#: Parts that every other part may know.
SHARED_PARTS = frozenset({"values", "messages", "errors"})
MEETING_POINT = "session"


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a module imports, relative ones with their leading dots."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            if node.module:
                yield prefix
            else:
                yield from (prefix + alias.name for alias in node.names)


def part(name: str, package: str) -> str | None:
    """The sibling of the core that an import names, if it names one."""
    match = re.fullmatch(rf"(?:\.|{package}\.core\.)([a-z_]+)", name)
    return match.group(1) if match else None


@pytest.mark.parametrize("core", [PYTHON_CORE, SERVER_CORE], ids=["client", "server"])
def test_a_python_core_is_pure(core: Path) -> None:
    """The core imports nothing that waits, reads a clock, draws a number or writes a log."""
    package = core.parent.name
    foreign = {
        (path.name, name)
        for path in core.glob("**/*.py")
        for name in imports(path)
        if not name.startswith((".", f"{package}.core"))
        and name.split(".")[0] not in PURE
        and name not in {"collections.abc"}
    }

    assert foreign == set()
    assert "time" in sys.stdlib_module_names - PURE


def test_the_parts_of_the_python_client_do_not_know_each_other() -> None:
    """Only the session knows the parts; they share values, messages and errors."""
    acquainted = {
        (path.stem, other)
        for path in PYTHON_CORE.glob("*.py")
        if path.stem not in {MEETING_POINT, "__init__"}
        for name in imports(path)
        if (other := part(name, "unisono")) and other in set(names()) - SHARED_PARTS
    }

    assert acquainted == set()


def test_the_parts_of_the_js_client_do_not_know_each_other() -> None:
    """Only the session knows the parts; they share values, messages and errors."""
    pattern = re.compile(r"^(?:import|export)\s.*?from\s+\"([^\"]+)\"", re.MULTILINE | re.DOTALL)
    acquainted = {
        (path.stem, target)
        for path in JS_CORE.glob("*.ts")
        if path.stem != MEETING_POINT
        for target in pattern.findall(path.read_text())
        if target.removeprefix("./").removesuffix(".js") not in SHARED_PARTS
    }

    assert acquainted == set()


@pytest.mark.parametrize(
    ("folder", "stranger"),
    [("python_client/src", "unisono_mock"), ("mock_server/src", "unisono")],
)
def test_client_and_server_are_strangers(folder: str, stranger: str) -> None:
    """Shared code could be wrong on both sides and stay green."""
    met = {
        (path.name, name)
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
        if name.split(".")[0] == stranger
    }

    assert met == set()
