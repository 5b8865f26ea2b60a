"""One name per idea: chapter, module, folder of cases and test are called alike."""

from pathlib import Path

import pytest

from house.tree import CASES, CHAPTERS, CLIENT_ONLY, JS_CORE, PYTHON_CORE, ROOT, SERVER_CORE, names


def missing(folder: Path, pattern: str, ideas: list[str]) -> list[str]:
    return [name for name in ideas if not (folder / pattern.format(name)).exists()]


def test_there_are_twelve_ideas() -> None:
    """The chapters 01 to 12 are the ideas that every room is furnished with."""
    assert len(names()) == 12


@pytest.mark.parametrize(
    ("folder", "pattern", "exempt"),
    [
        pytest.param(PYTHON_CORE, "{}.py", frozenset(), id="python-core"),
        pytest.param(JS_CORE, "{}.ts", frozenset(), id="js-core"),
        pytest.param(SERVER_CORE, "{}.py", CLIENT_ONLY, id="server-core"),
        pytest.param(CASES, "{}", frozenset(), id="cases"),
        pytest.param(ROOT / "python_client/tests", "test_{}.py", frozenset(), id="python-tests"),
        pytest.param(ROOT / "js_client/tests", "{}.test.ts", frozenset(), id="js-tests"),
        pytest.param(ROOT / "mock_server/tests", "test_{}.py", CLIENT_ONLY, id="server-tests"),
    ],
)
def test_every_room_has_every_name(folder: Path, pattern: str, exempt: frozenset[str]) -> None:
    """A reader who knows one room finds each idea under the same name in all the others."""
    ideas = [name for name in names() if name not in exempt]

    assert missing(folder, pattern, ideas) == []


@pytest.mark.parametrize("core", [PYTHON_CORE, JS_CORE], ids=["python", "js"])
def test_client_cores_hold_nothing_but_the_shared_names(core: Path) -> None:
    """A module of a client's core is an idea with a chapter, or it does not belong there."""
    modules = {path.stem for path in core.iterdir() if path.suffix in (".py", ".ts")}

    assert modules - set(names()) - {"__init__"} == set()


def test_cases_are_filed_under_chapters() -> None:
    """Each folder of cases is a chapter, also of those without a module (limits, extensions)."""
    chapters = {path.stem.split("-", 1)[1] for path in CHAPTERS.glob("[01][0-9]-*.md")}

    assert {path.name for path in CASES.iterdir() if path.is_dir()} - chapters == set()


def test_every_package_says_that_it_is_typed() -> None:
    """Type checkers read a package only if it carries the marker."""
    packages = [path.parent for path in ROOT.glob("*/src/*/__init__.py")]

    assert packages
    assert [path for path in packages if not (path / "py.typed").exists()] == []
