"""Diagrams of the state machines, drawn from the tables of the chapters: mermaid text, and SVG.

Spec: connection, queries, mutations, auth
Not here: the tables themselves (see tables), the diagrams of walkthroughs (see diagrams).

`python -m unisono_protocol.machines` writes the generated blocks of the chapters anew.
"""

from __future__ import annotations

import re
from html import escape

from unisono_protocol.data import V1
from unisono_protocol.rules import chapters
from unisono_protocol.tables import Table, tables

ANY = "any state"
LANE_WIDTH = 128
LINE_HEIGHT = 30
MARGIN = 70
HEAD = 44

BLOCK = re.compile(r"<!-- machine: ([a-z ()]+) -->\s*```mermaid\n.*?```", re.DOTALL)

Arrow = tuple[str, str, str]


def arrows(table: Table) -> list[Arrow]:
    """Return source, target and events of every change of state.

    What leads from everywhere to the same place is one arrow, from `any state`.
    """
    events: dict[tuple[str, str], list[str]] = {}
    for event in table.events:
        cells = {s: n for (s, e), n in table.possible().items() if e == event}
        if len(cells) == len(table.states) > 2 and len(set(cells.values())) == 1:
            events.setdefault((ANY, next(iter(cells.values()))), []).append(event)
            continue
        for state, following in cells.items():
            if state != following:
                events.setdefault((state, following), []).append(event)
    order = [ANY, *table.states]
    return sorted(
        ((source, target, " / ".join(names)) for (source, target), names in events.items()),
        key=lambda arrow: order.index(arrow[0]),
    )


def lanes(table: Table) -> list[str]:
    """Return the states, after `any state` where an arrow starts there."""
    return [*dict.fromkeys(s for s, _, _ in arrows(table) if s == ANY), *table.states]


def mermaid(table: Table) -> str:
    """Return the diagram of a machine as mermaid text."""
    names = {lane: lane.replace(" ", "_") for lane in lanes(table)}
    out = ["stateDiagram-v2", f"    [*] --> {names[table.states[0]]}"]
    out += [f'    state "{lane}" as {name}' for lane, name in names.items() if lane != name]
    out += [f"    {names[s]} --> {names[t]}: {events}" for s, t, events in arrows(table)]
    return "\n".join(out)


def block(table: Table) -> str:
    """Return the generated block of a chapter."""
    return f"<!-- machine: {table.machine} -->\n\n```mermaid\n{mermaid(table)}\n```"


def svg(table: Table) -> str:
    """Return the diagram as SVG: a column for each state, an arrow for each change."""
    places = {lane: MARGIN + number * LANE_WIDTH for number, lane in enumerate(lanes(table))}
    told = arrows(table)
    height = HEAD + LINE_HEIGHT * (len(told) + 1)
    width = 2 * MARGIN + LANE_WIDTH * (len(places) - 1)
    parts = [
        f'<div class="wide"><svg class="machine" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" xmlns="http://www.w3.org/2000/svg"><title>{escape(table.machine)}</title>'
    ]
    for lane, x in places.items():
        parts.append(f'<line class="life" x1="{x}" y1="{HEAD}" x2="{x}" y2="{height}"/>')
        parts.append(f'<text class="lane" x="{x}" y="{HEAD - 16}">{escape(lane)}</text>')
    for number, (source, target, events) in enumerate(told, 1):
        y = HEAD + LINE_HEIGHT * number
        parts.append(_drawn(places[source], places[target], events, y))
    return "".join(parts) + "</svg></div>"


def _drawn(start: int, end: int, events: str, y: int) -> str:
    tip = end - 7 if end > start else end + 7
    return (
        f'<line class="message" x1="{start}" y1="{y}" x2="{tip}" y2="{y}"/>'
        f'<path class="tip" d="M{end} {y} L{tip} {y - 4} L{tip} {y + 4} Z"/>'
        f'<text class="said" x="{(start + end) / 2}" y="{y - 5}">{escape(events)}</text>'
    )


def renewed(text: str) -> str:
    """Return the text of a chapter with its diagrams drawn anew."""
    known = tables()
    return BLOCK.sub(lambda found: block(known[found[1]]), text)


def main() -> None:
    """Write the generated blocks of all chapters."""
    for path in chapters(V1):
        text = path.read_text(encoding="utf-8")
        if BLOCK.search(text):
            path.write_text(renewed(text), encoding="utf-8")


if __name__ == "__main__":
    main()
