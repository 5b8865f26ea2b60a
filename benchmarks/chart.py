"""Bars for ratios, as SVG: 1 in the middle, less to the left, more to the right.

Not here: which ratios (see report).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_LABELS, _PLOT, _NUMBERS, _ROW, _TOP = 410, 340, 70, 22, 44
_SPAN = 2.0
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.t{font-size:14px;font-weight:600}"
    ".g{stroke:#ddd}.o{stroke:#222}.m{fill:#2a7f62}.p{fill:#6f8fae}.x{fill:#b5543a}.l{stroke:#222;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.g{stroke:#444}.o,.l{stroke:#ddd}}"
)


@dataclass(frozen=True)
class Bar:
    """One ratio; `limit` is its target, if it has one."""

    label: str
    ratio: float
    is_bound: bool = False
    limit: float | None = None


def chart(title: str, bars: Sequence[Bar]) -> str:
    """An SVG with one bar per ratio, on a logarithmic scale from 1/100 to 100.

    Green meets its target (the tick), red misses it, blue has none.
    """
    width, height = _LABELS + _PLOT + _NUMBERS, _TOP + _ROW * len(bars) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text class="t" x="8" y="18">{escape(title)} (below 1 is less)</text>',
    ]
    for power in (-2, -1, 0, 1, 2):
        x = _x(10.0**power)
        kind = "o" if power == 0 else "g"
        parts.append(f'<line class="{kind}" x1="{x}" y1="{_TOP}" x2="{x}" y2="{height - 12}"/>')
        parts.append(f'<text x="{x}" y="{_TOP - 6}" text-anchor="middle">{10.0**power:g}</text>')
    for at, bar in enumerate(bars):
        parts += _row(bar, _TOP + _ROW * at + 4)
    return "\n".join([*parts, "</svg>", ""])


def _x(ratio: float) -> float:
    power = min(_SPAN, math.log10(max(ratio, 10.0**-_SPAN)))
    return round(_LABELS + _PLOT * (power + _SPAN) / (2 * _SPAN), 1)


def _kind(bar: Bar) -> str:
    """Met, missed, or without a target."""
    if bar.limit is None:
        return "p"
    return "m" if bar.ratio <= bar.limit else "x"


def _row(bar: Bar, y: int) -> list[str]:
    start, end = sorted((_x(1.0), _x(bar.ratio)))
    sign = "&lt; " if bar.is_bound else ""
    row = [
        f'<text x="{_LABELS - 8}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="{_kind(bar)}" x="{start}" y="{y}" '
        f'width="{round(max(end - start, 1), 1)}" height="{_ROW - 8}"/>',
        f'<text x="{_LABELS + _PLOT + 8}" y="{y + 12}">{sign}{bar.ratio:.2f}</text>',
    ]
    if bar.limit is not None:
        x = _x(bar.limit)
        row.append(f'<line class="l" x1="{x}" y1="{y - 2}" x2="{x}" y2="{y + _ROW - 6}"/>')
    return row
