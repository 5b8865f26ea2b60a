"""The state tables of the chapters, as data.

Spec: connection, queries, mutations, auth
Not here: the machines that follow them; tests compare theirs with these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from unisono_protocol.data import V1
from unisono_protocol.rules import chapters

IMPOSSIBLE = "impossible"

_HEADING = re.compile(r"^#+ State table: (.+)$")
_COLUMNS = "| state | event | next | effects |"


@dataclass(frozen=True)
class Cell:
    """What an event does in a state: where it leads, and what has to be done."""

    next: str
    effects: str


@dataclass(frozen=True)
class Table:
    """One machine: every state times every event."""

    machine: str
    file: str
    cells: dict[tuple[str, str], Cell]

    @property
    def states(self) -> list[str]:
        """The states, in the order in which they appear."""
        return list(dict.fromkeys(state for state, _ in self.cells))

    @property
    def events(self) -> list[str]:
        """The events, in the order in which they appear."""
        return list(dict.fromkeys(event for _, event in self.cells))

    def possible(self) -> dict[tuple[str, str], str]:
        """Return where each event leads that can happen at all."""
        return {key: cell.next for key, cell in self.cells.items() if cell.next != IMPOSSIBLE}

    def problems(self) -> list[str]:
        """Return what is missing for the table to be total, and what leads nowhere."""
        missing = [
            f"{self.machine}: no cell for {event} in {state}"
            for state in self.states
            for event in self.events
            if (state, event) not in self.cells
        ]
        astray = [
            f"{self.machine}: {event} in {state} leads to {cell.next}, which is no state"
            for (state, event), cell in self.cells.items()
            if cell.next not in (*self.states, IMPOSSIBLE)
        ]
        return missing + astray


def tables(folder: Path = V1) -> dict[str, Table]:
    """Return every state table of the specification by the name of its machine."""
    out: dict[str, Table] = {}
    for path in chapters(folder):
        machine = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            heading = _HEADING.match(line)
            if heading:
                machine = heading[1]
                out[machine] = Table(machine, path.name, {})
            elif line.startswith("#"):
                machine = ""
            elif machine and line.startswith("| ") and line != _COLUMNS:
                state, event, following, effects = _columns(line)
                out[machine].cells[state, event] = Cell(following, effects)
    return out


def _columns(line: str) -> tuple[str, str, str, str]:
    state, event, following, effects = (part.strip() for part in line.strip("|").split("|"))
    return state, event, following, effects
