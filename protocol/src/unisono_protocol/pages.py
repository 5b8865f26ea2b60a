"""Pages: Markdown of this repository as HTML, with an anchor and a link for every rule.

Not here: which pages there are, and whether their links lead anywhere (see site).
"""

from __future__ import annotations

import re
from html import escape
from pathlib import PurePosixPath
from typing import Any

from markdown_it import MarkdownIt

from unisono_protocol import machines
from unisono_protocol.diagrams import svg
from unisono_protocol.rules import ID, Rule
from unisono_protocol.tables import tables

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --mark: #2962a8 }
@media (prefers-color-scheme: dark) { :root { --mark: #8ab4f8 } }
body { margin: 0; font: 16px/1.6 system-ui, sans-serif; display: flex }
nav { width: 15rem; flex: none; padding: 1rem; border-right: 1px solid var(--line);
  height: 100vh; overflow: auto; position: sticky; top: 0; box-sizing: border-box }
nav a { display: block; padding: .1rem 0; font-size: .9rem }
nav b { display: block; margin-top: .8rem }
main { padding: 1rem 3rem 4rem; min-width: 0; max-width: 62rem }
a { color: var(--mark); text-decoration: none }
a:hover { text-decoration: underline }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: .92rem }
td, th { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left;
  vertical-align: top }
code, pre { font: .88em/1.5 ui-monospace, monospace; background: var(--soft) }
code { padding: .1em .3em; border-radius: 3px }
pre { padding: .8rem; overflow: auto; border-radius: 6px }
pre code { background: none; padding: 0 }
blockquote { margin: 1rem 0; padding: .1rem 1rem; border-left: 4px solid var(--mark);
  background: var(--soft) }
blockquote:target, :target { outline: 2px solid var(--mark); outline-offset: 3px }
svg.timeline { max-width: 100%; height: auto; font: 12px system-ui, sans-serif }
.wide { overflow-x: auto }
svg text { text-anchor: middle; fill: currentColor }
svg .lane { font-weight: 600; font-size: 14px }
svg.machine, svg.machine .lane { font: 11px system-ui, sans-serif }
svg.machine .lane { font-weight: 600 }
svg .life { stroke: var(--line) }
svg .message { stroke: currentColor }
svg .lost { stroke-dasharray: 5 4 }
svg .tip { fill: currentColor }
svg rect { fill: var(--soft); stroke: var(--line) }
@media (max-width: 50rem) { body { display: block } nav { width: auto; height: auto;
  position: static } main { padding: 1rem } }
"""

_CODE = re.compile(r"(`+[^`]*`+)")
_DEFINITION = re.compile(rf"^> \*\*\[({ID})\]\*\*")
_BOUND = re.compile(r"^> \*role:\*")
_REFERENCE = re.compile(rf"(?<!\*)\[({ID})\](?!\()")
_DIAGRAM = re.compile(r"<!-- walkthrough: ([a-z0-9-]+) -->\s*```mermaid\n.*?```", re.DOTALL)
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>")

Walkthroughs = dict[str, Any]
Menu = list[tuple[str, list[tuple[str, str]]]]


def relative(target: str, page: str) -> str:
    """Return how a page refers to a target; both are paths from the root of the site."""
    up = [".."] * len(PurePosixPath(page).parent.parts)
    return "/".join([*up, target])


def body(text: str, page: str, rules: dict[str, Rule], walkthroughs: Walkthroughs) -> str:
    """Return the HTML of one Markdown page."""
    drawn = _DIAGRAM.sub(lambda found: svg(walkthroughs[found[1]]), text)
    drawn = machines.BLOCK.sub(lambda found: machines.svg(tables()[found[1]]), drawn)
    linked = _linked(drawn, page, rules)
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    html = _pointed(markdown.render(linked))
    return _headed(html)


def _linked(text: str, page: str, rules: dict[str, Rule]) -> str:
    """Give every rule its anchor, and every mention of a rule its link."""

    def link(found: re.Match[str]) -> str:
        rule = rules.get(found[1])
        if rule is None:
            return found[0]
        place = f"protocol/v1/{rule.file.removesuffix('.md')}.html#{rule.id}"
        return f"[[{rule.id}]]({relative(place, page)})"

    out, fenced = [], False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced:
            defined = _DEFINITION.match(line)
            head = _anchored(defined[1]) if defined else ""
            pieces = _CODE.split(line[defined.end() :] if defined else line)
            pieces[::2] = [_REFERENCE.sub(link, piece) for piece in pieces[::2]]
            line = _BOUND.sub("> <br>*role:*", head + "".join(pieces))
        out.append(line)
    return "\n".join(out)


def _anchored(id: str) -> str:
    return f'> <a id="{id}"></a>**[[{id}]](#{id})**'


def _pointed(html: str) -> str:
    """Let links to Markdown files lead to their pages."""
    return re.sub(
        r'href="(?!https?:)([^"#]*)\.md(#[^"]*)?"',
        lambda found: f'href="{found[1]}.html{found[2] or ""}"',
        html,
    )


def slug(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    plain = re.sub(r"<[^>]*>", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")


def _headed(html: str) -> str:
    seen: dict[str, int] = {}

    def anchor(found: re.Match[str]) -> str:
        name = slug(found[2])
        seen[name] = seen.get(name, -1) + 1
        unique = f"{name}-{seen[name]}" if seen[name] else name
        return f'<h{found[1]} id="{unique}">{found[2]}</h{found[1]}>'

    return _HEADING.sub(anchor, html)


def page(
    title: str, content: str, place: str, menu: list[tuple[str, list[tuple[str, str]]]]
) -> str:
    """Return a whole HTML document; the menu is groups of (title, target)."""
    navigation = "".join(
        f"<b>{escape(group)}</b>"
        + "".join(f'<a href="{relative(target, place)}">{escape(t)}</a>' for t, target in entries)
        for group, entries in menu
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{relative("style.css", place)}"></head>'
        f"<body><nav>{navigation}</nav><main>{content}</main></body></html>\n"
    )
