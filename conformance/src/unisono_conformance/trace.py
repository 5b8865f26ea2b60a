"""What happened in a play, line by line, with the time: for people and for replay.

Spec: reading
Not here: the judging of it (see checker).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Final

from unisono_conformance.values import Json

LONGEST: Final = 600
LONG_TEXT: Final = 100_000


@dataclass
class Trace:
    """A list of rows, each with the milliseconds since the start."""

    rows: list[dict[str, Json]] = field(default_factory=list)
    _start: float = field(default_factory=time.monotonic)

    def add(self, what: str, body: Json = None, **more: Json) -> None:
        """Note one thing: `op`, `answer`, `event`, `c2s`, `s2c`, `accepted`, `closed`, ..."""
        at = round((time.monotonic() - self._start) * 1000, 1)
        body = shortened(body)
        self.rows.append({"at": at, "what": what, "body": body, **more})

    def lines(self, last: int | None = None) -> list[str]:
        """Write the rows out for a person; long ones are cut."""
        rows = self.rows if last is None else self.rows[-last:]
        return [_line(row) for row in rows]


def shortened(value: Json) -> Json:
    """The value with its very long texts cut, which nobody would read."""
    if isinstance(value, str):
        return value if len(value) <= LONG_TEXT else f"{value[:20]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    return value


def _line(row: dict[str, Json]) -> str:
    more = {key: item for key, item in row.items() if key not in ("at", "what", "body")}
    parts = [f"{row['at']:>9.1f} ms  {row['what']:<9}"]
    if row["body"] is not None:
        parts.append(json.dumps(row["body"], ensure_ascii=False))
    if more:
        parts.append(json.dumps(more, ensure_ascii=False))
    text = " ".join(parts)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
