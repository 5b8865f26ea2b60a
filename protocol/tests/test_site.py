"""The documentation builds, works offline, and tells of every rule."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from unisono_protocol import api, diagrams, machines, pages, site, timeline, walkthroughs
from unisono_protocol.data import V1
from unisono_protocol.rules import load
from unisono_protocol.tables import Table, tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The site of this repository, and its broken links."""
    out = tmp_path_factory.mktemp("site") / "site"
    return out, site.build(ROOT, out)


def test_every_link_of_the_specification_leads_somewhere(built: tuple[Path, list[str]]) -> None:
    """No page of the specification links to nothing."""
    _, broken = built

    assert [link for link in broken if link.startswith(("protocol/", "rules.html"))] == []


def test_every_rule_has_its_anchor(built: tuple[Path, list[str]]) -> None:
    """Each rule can be linked to on the page of its chapter."""
    out, _ = built
    for rule in load().values():
        page = (out / "protocol/v1" / rule.file).with_suffix(".html").read_text(encoding="utf-8")
        assert f'id="{rule.id}"' in page


def test_the_site_needs_no_network(built: tuple[Path, list[str]]) -> None:
    """No page loads a style, a script or a picture from elsewhere."""
    out, _ = built
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"<(?:link|script|img)[^>]+(?:https?:)?//[^>]*>", text) == []


def test_the_whole_text_is_one_file(built: tuple[Path, list[str]]) -> None:
    """The plain text and the data beside the pages hold every rule."""
    out, _ = built
    text = (out / "spec.txt").read_text(encoding="utf-8")
    listed = json.loads((out / "rules.json").read_text(encoding="utf-8"))

    assert [id for id in load() if f"**[{id}]**" not in text] == []
    assert [rule["id"] for rule in listed] == list(load())


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """The check of links sees missing files and missing anchors."""
    site.write(tmp_path / "a.html", '<a href="b.html#there"></a><a href="c.html"></a>')
    site.write(tmp_path / "b.html", '<a href="a.html"></a><a href="https://example.org"></a>')

    assert site.broken_links(tmp_path) == ["a.html: b.html#there", "a.html: c.html"]


def test_the_appendix_is_generated() -> None:
    """The appendix of walkthroughs is what its files say."""
    appendix = (V1 / "appendix-a-walkthroughs.md").read_text(encoding="utf-8")

    assert appendix == walkthroughs.appendix()


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.machine)
def test_machines_are_drawn_from_their_tables(table: Table) -> None:
    """The diagram of a machine in its chapter is what its table says, and so is the site's."""
    chapter = (V1 / table.file).read_text(encoding="utf-8")

    assert machines.block(table) in chapter
    assert machines.svg(table).count('class="tip"') == len(machines.arrows(table))


def test_the_site_shows_the_machines(built: tuple[Path, list[str]]) -> None:
    """Each machine is a drawing on the page of its chapter."""
    out, _ = built
    for table in tables().values():
        page = (out / "protocol/v1" / table.file).with_suffix(".html").read_text(encoding="utf-8")
        assert f"<title>{table.machine}</title>" in page


def test_an_arrow_from_everywhere_is_one(tmp_path: Path) -> None:
    """Events that lead from every state to one are drawn once, and cells that stay are not."""
    (tmp_path / "01-x.md").write_text(
        "### State table: x\n\n| state | event | next | effects |\n|---|---|---|---|\n"
        "| a | go | b | . |\n| b | go | c | . |\n| c | go | c | . |\n"
        "| a | end | c | . |\n| b | end | c | . |\n| c | end | c | . |\n",
        encoding="utf-8",
    )
    table = tables(tmp_path)["x"]

    assert machines.arrows(table) == [("any state", "c", "end"), ("a", "b", "go"), ("b", "c", "go")]


@pytest.mark.parametrize("name", sorted(walkthroughs.walkthroughs()))
def test_every_step_that_is_seen_is_drawn(name: str) -> None:
    """Each frame of a walkthrough is an arrow of its diagram, in both forms."""
    case = walkthroughs.walkthroughs()[name]
    frames = [step for step in case["steps"] if {"c2s", "c2s!", "s2c", "s2c!"} & set(step)]
    told = [line for line in timeline.lines(case) if isinstance(line, timeline.Message)]

    assert len(told) >= len(frames)
    assert diagrams.mermaid(case).count("->>") + diagrams.mermaid(case).count("--x") == len(told)
    assert diagrams.svg(case).count('class="tip"') == len(told)


def test_help_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--help` is no folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        site.main(["--help"])

    assert list(tmp_path.iterdir()) == []


def test_rules_in_code_are_not_linked() -> None:
    """A rule's id inside code stays as it is."""
    html = pages.body("see `[transitions.chain]`, [transitions.chain]", "x.html", load(), {})

    assert html.count("<a ") == 1


def test_the_reference_reads_docstrings(tmp_path: Path) -> None:
    """A name in `__all__` is listed with signature, docstring and public members."""
    site.write(
        tmp_path / "__init__.py",
        '__all__ = ["Thing"]\n\n\nclass Thing(Base):\n    """A thing."""\n\n'
        '    async def go(self, far: int = 1) -> str:\n        """Go."""\n\n'
        "    def _secret(self) -> None:\n        pass\n",
    )
    (thing,) = api.python_package(tmp_path)

    assert thing.signature == "class Thing(Base)"
    assert [member.signature for member in thing.members] == ["async def go(far: int=1) -> str"]


def test_the_reference_reads_typescript(tmp_path: Path) -> None:
    """An exported declaration with a comment is listed."""
    site.write(tmp_path / "index.ts", 'export { Client } from "./client.js";\n')
    site.write(tmp_path / "client.ts", "/** A client. */\nexport class Client extends Base {\n}\n")
    (client,) = api.typescript_package(tmp_path)

    assert (client.signature, client.text) == ("class Client extends Base", "A client.")
