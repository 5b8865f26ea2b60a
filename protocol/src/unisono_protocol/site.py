"""The documentation as a site that works offline: `python -m unisono_protocol.site FOLDER`.

Specification with an anchor per rule, guides, API reference, diagrams; every link is checked.
Beside it lies `spec.txt`, the whole text in one file, and `rules.json`, the rules as data.

Not here: how one page is made (see pages), where the reference comes from (see api).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag

from unisono_protocol import api, pages
from unisono_protocol.coverage import uncovered
from unisono_protocol.data import V1
from unisono_protocol.pages import Menu
from unisono_protocol.rules import Rule, chapters, load
from unisono_protocol.walkthroughs import walkthroughs

ROOT = V1.parents[1]
GUIDES = (
    "README.md",
    "CONTRIBUTING.md",
    "STYLE.md",
    "CHANGELOG.md",
    "protocol/*.md",
    "protocol/v1/*/README.md",
    "python_client/*.md",
    "js_client/*.md",
    "mock_server/*.md",
    "conformance/**/*.md",
    "benchmarks/**/*.md",
    "examples/**/*.md",
    "changes/*.md",
    "docs/**/*.md",
)
PYTHON = {
    "unisono": "python_client/src/unisono",
    "unisono_mock": "mock_server/src/unisono_mock",
    "unisono_conformance": "conformance/src/unisono_conformance",
}
TYPESCRIPT = {"unisono (npm)": "js_client/src"}

_LINK = re.compile(r'(?:href|src)="([^"]+)"')
_ANCHOR = re.compile(r'id="([^"]+)"')

Texts = dict[str, str]


def place_of(source: str) -> str:
    """Return where the page of a Markdown file is, seen from the root of the site."""
    return source.removesuffix(".md") + ".html"


def title_of(text: str, fallback: str) -> str:
    """Return the first heading of a Markdown text."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1].replace("`", "") if found else fallback


def sources(root: Path) -> Texts:
    """Return the Markdown of every page by its path in the repository."""
    files = [path for pattern in GUIDES for path in sorted(root.glob(pattern))]
    files += chapters(root / "protocol/v1")
    texts = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in dict.fromkeys(files)
        if "node_modules" not in path.parts
    }
    texts["rules.md"] = rules_page(load(), root / "conformance/cases")
    return texts | references(root)


def references(root: Path) -> Texts:
    """Return the pages of the API reference, of those packages that are there."""
    found = {}
    for name, place in PYTHON.items():
        entries = api.python_package(root / place)
        if entries:
            found[f"api/{name}.md"] = api.markdown(name, entries)
    for name, place in TYPESCRIPT.items():
        if (root / place / "index.ts").exists():
            page = api.markdown(name, api.typescript_package(root / place))
            found["api/unisono-js.md"] = page
    return found


def rules_page(rules: dict[str, Rule], cases: Path) -> str:
    """Return the list of all rules, which marks those that no case names yet."""
    open_rules = {rule.id for rule in uncovered(rules, cases)}
    rows = [
        f"| [{rule.id}] | {rule.keyword} | {', '.join(rule.roles)} | {', '.join(rule.observe)} | "
        f"{'not yet' if rule.id in open_rules else ''} |"
        for rule in rules.values()
    ]
    head = "| rule | keyword | role | observe | case |\n|---|---|---|---|---|\n"
    return f"# All {len(rules)} rules\n\n{head}" + "\n".join(rows) + "\n"


def menu_of(texts: Texts) -> Menu:
    """Return the navigation: the specification first, then guides, then the reference."""
    spec = [name for name in texts if re.match(r"protocol/v1/[^/]+\.md", name)]
    reference = [name for name in texts if name.startswith("api/")]
    aside = re.compile(r"(changes|docs/decisions|examples)/")
    guides = [n for n in texts if n not in (*spec, *reference, "rules.md") and not aside.match(n)]
    more = [name for name in texts if aside.match(name)]

    def entries(names: list[str]) -> list[tuple[str, str]]:
        return [(title_of(texts[name], Path(name).stem), place_of(name)) for name in names]

    return [
        ("Specification", [*entries(spec), ("All rules", "rules.html")]),
        ("Guides", entries(guides)),
        ("API reference", entries(reference)),
        *([("More", entries(more))] if more else []),
    ]


def build(root: Path, out: Path) -> list[str]:
    """Build the site in a folder of its own and return its broken links."""
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    texts, rules, told = sources(root), load(), walkthroughs()
    menu = menu_of(texts)
    for name, text in texts.items():
        place = place_of(name)
        content = pages.body(text, place, rules, told)
        write(out / place, pages.page(title_of(text, name), content, place, menu))
    write(out / "style.css", pages.STYLE)
    write(out / "index.html", _start(texts))
    write(out / "spec.txt", whole_text())
    write(out / "rules.json", json.dumps([asdict(rule) for rule in rules.values()], indent=1))
    shutil.copytree(root / "protocol/v1", out / "protocol/v1", dirs_exist_ok=True)
    _bring_linked_files(root, out, menu)
    return broken_links(out)


def _start(texts: Texts) -> str:
    first = "README.html" if "README.md" in texts else "protocol/README.html"
    return f'<!doctype html><meta http-equiv="refresh" content="0; url={first}"><a href="{first}">'


def write(path: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def whole_text() -> str:
    """Return the specification as one text."""
    parts = [path.read_text(encoding="utf-8").rstrip() for path in chapters()]
    return ("\n\n" + "=" * 80 + "\n\n").join(parts) + "\n"


def links(out: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield each local link of the site: the page it is on, its target and its anchor."""
    for page in sorted(out.rglob("*.html")):
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            target, anchor = urldefrag(link)
            if not re.match(r"[a-z]+:", link):
                yield page, unquote(target), anchor


def _bring_linked_files(root: Path, out: Path, menu: Menu) -> None:
    """Copy what pages link to, and list folders that they link to."""
    for page, target, _ in list(links(out)):
        place = (page.parent / target).resolve()
        if not target or not place.is_relative_to(out.resolve()):
            continue
        name = place.relative_to(out.resolve()).as_posix()
        source = root / name
        if source.is_dir() and not (place / "index.html").exists():
            write(place / "index.html", _listing(source, name, menu))
        elif source.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def _listing(folder: Path, name: str, menu: Menu) -> str:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".md")
    rows = "".join(f"<li>{escape(path.name)}</li>" for path in files)
    place = (PurePosixPath(name) / "index.html").as_posix()
    return pages.page(name, f"<h1>{escape(name)}</h1><ul>{rows}</ul>", place, menu)


def broken_links(out: Path) -> list[str]:
    """Return every local link of the site that leads to no file or to no anchor."""
    anchors: dict[Path, set[str]] = {}
    broken = []
    for page, target, anchor in links(out):
        place = (page.parent / target).resolve() if target else page.resolve()
        if place.is_dir():
            place = place / "index.html"
        said = f"{page.relative_to(out)}: {target}{'#' + anchor if anchor else ''}"
        if not place.is_file():
            broken.append(said)
        elif anchor and place.suffix == ".html":
            if place not in anchors:
                anchors[place] = set(_ANCHOR.findall(place.read_text(encoding="utf-8")))
            if anchor not in anchors[place]:
                broken.append(said)
    return broken


def main(arguments: list[str] | None = None) -> int:
    """Build the site, say where it is, and fail when a link is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m unisono_protocol.site", description="Build the documentation as a site."
    )
    parser.add_argument(
        "folder", nargs="?", default="site", type=Path, help="is emptied first (default: site)"
    )
    out: Path = parser.parse_args(arguments).folder
    broken = build(ROOT, out)
    if broken:
        print("broken links:", *broken, sep="\n  ")
        return 1
    print(f"The documentation is in {out / 'index.html'}; the text alone in {out / 'spec.txt'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
