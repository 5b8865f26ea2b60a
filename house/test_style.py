"""What a machine can check of STYLE.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from house.tree import ROOT, sources

MODULE_LINES = 400
FUNCTION_LINES = 50
VAGUE = re.compile(r"(^|_)(utils?|common|base|managers?|impl|helpers?|misc)$")
PACKAGES = tuple(ROOT.glob("*/src"))
GENERATED = "generated"


def source_modules(*suffixes: str) -> list[Path]:
    """The modules of the packages themselves: no tests, no generated files."""
    found = [path for path in sources(*suffixes) if any(map(path.is_relative_to, PACKAGES))]
    return [path for path in found if GENERATED not in path.read_text().partition("\n")[0].lower()]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    if not ast.get_docstring(node):
        return total
    docstring = node.body[0]
    return total - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def test_a_module_fits_in_the_head() -> None:
    """No module is longer than 400 lines."""
    long = {
        str(path.relative_to(ROOT)): count
        for path in source_modules(".py", ".ts", ".tsx")
        if (count := len(path.read_text().splitlines())) > MODULE_LINES
    }

    assert long == {}


def test_a_function_fits_on_a_screen() -> None:
    """No Python function is longer than 50 lines."""
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": lines_of(node)
        for path in source_modules(".py")
        for node in functions(path)
        if lines_of(node) > FUNCTION_LINES
    }

    assert long == {}


def test_module_names_say_what() -> None:
    """A module is never called utils, common, base, manager or impl."""
    assert [path for path in sources(".py", ".ts", ".tsx", ".mjs") if VAGUE.search(path.stem)] == []


def test_core_modules_name_their_chapter() -> None:
    """A module of a core that has a chapter points at it in its first lines."""
    chapters = {path.stem.split("-", 1)[1] for path in (ROOT / "protocol/v1").glob("[01]*-*.md")}
    silent = [
        str(path.relative_to(ROOT))
        for path in source_modules(".py", ".ts")
        if path.parent.name == "core"
        and path.stem in chapters
        and f"Spec: {path.stem}" not in path.read_text()[:1200]
    ]

    assert silent == []


def test_nothing_is_left_to_do_in_comments() -> None:
    """A thing that is not built is an issue, not a comment."""
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    marked = [
        str(path.relative_to(ROOT))
        for path in sources(".py", ".ts", ".tsx", ".mjs")
        if path != Path(__file__) and marks.search(path.read_text())
    ]

    assert marked == []
