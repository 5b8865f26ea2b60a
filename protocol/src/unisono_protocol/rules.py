"""The rules: sentences of the chapters with a permanent name.

Spec: 00-reading
Not here: whether the text is in order (see lint), whether it has changed (see lock).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unisono_protocol.data import V1

ROLES = frozenset({"client", "server"})
OBSERVATIONS = frozenset({"wire", "view", "process", "statistical", "none"})
KEYWORD = re.compile(
    r"\b(?:MUST|SHALL|SHOULD)(?: NOT)?\b|\b(?:MAY|REQUIRED|RECOMMENDED|OPTIONAL)\b"
)
ID = r"[a-z0-9]+\.[a-z0-9]+(?:-[a-z0-9]+)*"

_FIRST = re.compile(rf"^> \*\*\[({ID})\]\*\* (.+)$")
_LAST = re.compile(r"^> \*role:\* (.+?) · \*observe:\* (.+?) · \*since:\* (\d+)$")


@dataclass(frozen=True)
class Rule:
    """One rule, as it stands in its chapter."""

    id: str
    text: str
    roles: tuple[str, ...]
    observe: tuple[str, ...]
    reason: str
    since: int
    file: str
    line: int

    @property
    def keyword(self) -> str:
        """The keyword of the sentence, such as MUST NOT."""
        return " ".join(KEYWORD.findall(self.text))

    @property
    def hash(self) -> str:
        """The fingerprint of everything that binds: sentence, roles, observation."""
        bound = "\n".join([self.text, ",".join(self.roles), ",".join(self.observe)])
        return hashlib.sha256(bound.encode()).hexdigest()


class MalformedRule(ValueError):
    """A block that looks like a rule and does not read as one."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        self.file, self.line, self.problem = file, line, problem
        super().__init__(f"{file}:{line}: {problem}")


def chapters(folder: Path = V1) -> list[Path]:
    """Return the files of the specification's text, in reading order."""
    return sorted(folder.glob("[0-9][0-9]-*.md")) + sorted(folder.glob("appendix-*.md"))


def chapter_name(path: Path) -> str:
    """Return the name that the ids of a chapter begin with: its file name without number."""
    return path.stem.partition("-")[2]


def blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each block quote outside code fences, with the number of its first line."""
    fenced, start, block = False, 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.startswith("```"):
            fenced = not fenced
        if line.startswith(">") and not fenced:
            start = start or number
            block.append(line)
        elif block:
            yield start, block
            start, block = 0, []


def parse(path: Path) -> list[Rule]:
    """Return the rules of one chapter in order."""
    return [
        _rule(path.name, line, block)
        for line, block in blocks(path.read_text(encoding="utf-8"))
        if "**[" in block[0]
    ]


def _rule(file: str, line: int, block: list[str]) -> Rule:
    first, last = _FIRST.match(block[0]), _LAST.match(block[-1])
    if first is None or last is None or len(block) != 2:
        raise MalformedRule(file, line, "a rule is two lines: its sentence, then role and so on")
    observe, _, reason = last[2].partition(" (")
    return Rule(
        id=first[1],
        text=first[2],
        roles=tuple(last[1].split(", ")),
        observe=tuple(observe.split(", ")),
        reason=reason.removesuffix(")"),
        since=int(last[3]),
        file=file,
        line=line,
    )


def load(folder: Path = V1) -> dict[str, Rule]:
    """Return every rule of the specification by its id, in reading order."""
    return {rule.id: rule for path in chapters(folder) for rule in parse(path)}
