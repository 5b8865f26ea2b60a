"""Where results are shown: drawn in place on a terminal, a line of JSON each in a pipe.

Not here: what is shown (see cli).
"""

import json
import os
import shutil
from typing import TextIO

from .core.values import Json, Value, encode

#: Lines that are too long are cut by the terminal: a wrapped one would count as two.
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"
CLEAR_BELOW = "\x1b[J"
SPARE_LINES = 2


class Output:
    """The standard output of a command."""

    def __init__(self, file: TextIO, title: str) -> None:
        self.is_terminal = file.isatty() and os.environ.get("TERM") != "dumb"
        self._file = file
        self._title = title
        self._status = ""
        self._body: list[str] = []
        self._drawn = 0

    def result(self, value: Value) -> None:
        """Show a result of the function."""
        encoded = encode(value)
        if self._status:
            self._body = pretty(encoded).splitlines()
            self._draw()
        else:
            self._line(pretty(encoded) if self.is_terminal else json.dumps(encoded))

    def failure(self, sentence: str) -> None:
        """Show why there is no result."""
        self._body = [f"! {plain(sentence)}"]
        self._draw()

    def status(self, sentence: str) -> None:
        """Show how things stand, above the result; from now on both are drawn in place."""
        self._status = plain(sentence)
        self._draw()

    def facts(self, **facts: Json) -> None:
        """Show a few named facts."""
        told = ", ".join(f"{name} {each}" for name, each in facts.items() if each != "")
        self._line(f"{self._title}: {plain(told)}" if self.is_terminal else json.dumps(facts))

    def _line(self, text: str) -> None:
        self._file.write(text + "\n")
        self._file.flush()

    def _draw(self) -> None:
        room = max(1, shutil.get_terminal_size().lines - SPARE_LINES)
        body = self._body
        if len(body) > room:
            body = [*body[: room - 1], f"... {len(body) - room + 1} more lines"]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = [f"{self._title} ({self._status})", *body]
        self._file.write("".join(("\r", up, CLEAR_BELOW, NO_WRAP, "\n".join(lines), "\n", WRAP)))
        self._file.flush()
        self._drawn = len(lines)


def pretty(encoded: Json) -> str:
    """JSON for a person. What could steer a terminal is written as its number."""
    text = json.dumps(encoded, indent=2, ensure_ascii=False)
    return "".join(each if each.isprintable() or each == "\n" else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def plain(text: str) -> str:
    """One line, without anything that could steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
