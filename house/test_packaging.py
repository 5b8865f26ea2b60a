"""What an installation brings along: the client no server, nobody a test tool."""

import re
import tomllib
from importlib.metadata import requires

import pytest

from house.tree import ROOT

MEMBERS = ("protocol", "python_client", "mock_server", "conformance")
TEST_TOOLS = frozenset({"pytest", "hypothesis", "convex", "trio", "mypy", "ruff"})
NAME = re.compile(r"[A-Za-z0-9._-]+")


def project(folder: str) -> dict[str, object]:
    table = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    assert isinstance(table, dict)
    return table


def requirement_names(lines: list[str]) -> set[str]:
    """The distributions that unconditional requirement lines name."""
    names = set()
    for line in lines:
        match = NAME.match(line)
        if match and "extra ==" not in line and "python_version <" not in line:
            names.add(match.group().lower().replace("_", "-"))
    return names


def closure(distribution: str) -> set[str]:
    """Everything that installing a distribution brings along, itself included."""
    seen: set[str] = set()
    queue = [distribution]
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue += requirement_names(requires(name) or [])
    return seen


def test_the_client_brings_no_server_and_no_test_tool() -> None:
    """`pip install ./python_client` installs the client and the four libraries it stands on."""
    direct = requirement_names(requires("unisono") or [])

    assert direct == {"anyio", "httpx", "pydantic", "websockets"}
    assert closure("unisono") & (TEST_TOOLS | {"unisono-mock", "sortedcontainers"}) == set()


@pytest.mark.parametrize("folder", MEMBERS)
def test_no_member_can_be_uploaded_by_accident(folder: str) -> None:
    """Registries refuse a distribution with this classifier."""
    assert "Private :: Do Not Upload" in project(folder)["classifiers"]  # type: ignore[operator]


def test_the_house_depends_on_none_of_its_members() -> None:
    """Plain pip would look the members' names up in a registry."""
    assert project(".")["dependencies"] == []


def test_every_pinned_version_is_exact() -> None:
    """`constraints.txt` pins what was tested, one version a line."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert len(pins) > 20
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.+!-]+", line)] == []
