"""Diagrams of timelines: as mermaid text for readers of Markdown, as SVG for the site.

Spec: appendix-a-walkthroughs
Not here: what a step means (see timeline).
"""

from __future__ import annotations

from html import escape
from typing import Any

from unisono_protocol.timeline import Line, Message, Note, lanes, lines

LANE_WIDTH = 330
LINE_HEIGHT = 34
MARGIN = 150
HEAD = 46
NOTE_CHARACTERS = 46


def mermaid(case: Any) -> str:
    """Return the sequence diagram of a case as mermaid text."""
    names = {lane: f"P{number}" for number, lane in enumerate(lanes(case))}
    out = [
        "sequenceDiagram",
        *(f"    participant {name} as {lane}" for lane, name in names.items()),
    ]
    for line in lines(case):
        match line:
            case Message(source, target, text, is_lost):
                arrow = "--x" if is_lost else "->>"
                out.append(f"    {names[source]}{arrow}{names[target]}: {_plain(text)}")
            case Note(lane, text):
                out.append(f"    Note over {names[lane]}: {_plain(text)}")
    return "\n".join(out)


def _plain(text: str) -> str:
    return text.replace("#", "#35;").replace(";", "#59;") if ";" in text or "#" in text else text


def svg(case: Any) -> str:
    """Return the sequence diagram of a case as an SVG element."""
    names, told = lanes(case), lines(case)
    places = {lane: MARGIN + number * LANE_WIDTH for number, lane in enumerate(names)}
    height = HEAD + LINE_HEIGHT * (len(told) + 1)
    width = 2 * MARGIN + LANE_WIDTH * (len(names) - 1)
    parts = [
        f'<svg class="timeline" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(case["title"])}</title>'
    ]
    for lane, x in places.items():
        parts.append(f'<line class="life" x1="{x}" y1="{HEAD}" x2="{x}" y2="{height}"/>')
        parts.append(f'<text class="lane" x="{x}" y="{HEAD - 16}">{escape(lane)}</text>')
    for number, line in enumerate(told, 1):
        parts.append(_drawn(line, places, HEAD + LINE_HEIGHT * number))
    return "".join(parts) + "</svg>"


def _drawn(line: Line, places: dict[str, int], y: int) -> str:
    match line:
        case Message(source, target, text, is_lost):
            start, end = places[source], places[target]
            tip = end - 7 if end > start else end + 7
            kind = "message lost" if is_lost else "message"
            return (
                f'<line class="{kind}" x1="{start}" y1="{y}" x2="{tip}" y2="{y}"/>'
                f'<path class="tip" d="M{end} {y} L{tip} {y - 4} L{tip} {y + 4} Z"/>'
                f'<text class="said" x="{(start + end) / 2}" y="{y - 5}">{escape(text)}</text>'
            )
        case Note(lane, text):
            width = min(2 * MARGIN, 12 + 6.4 * len(text))
            x = places[lane]
            shown = text if len(text) <= NOTE_CHARACTERS else text[: NOTE_CHARACTERS - 1] + "…"
            return (
                f'<g class="note"><title>{escape(text)}</title>'
                f'<rect x="{x - width / 2}" y="{y - 20}" width="{width}" height="22" rx="4"/>'
                f'<text x="{x}" y="{y - 5}">{escape(shown)}</text></g>'
            )
