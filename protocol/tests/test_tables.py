"""The state tables of the chapters are total, and the tables of the packages are the same."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unisono.core import mutations
from unisono_protocol.tables import IMPOSSIBLE, Table, tables

ROOT = Path(__file__).parents[2]
ESBUILD = ROOT / "node_modules/.bin/esbuild"
ENTRANCES = ("expecting",)
MACHINES = {"connection (client)": "connection", "auth (client)": "auth"}


def spoken(word: str) -> str:
    """`GIVE_UP` and `giveUp` are both `give up`."""
    parts = "".join(" " + c if c.isupper() and not word.isupper() else c for c in word)
    return " ".join(parts.replace("_", " ").lower().split())


def as_cells(table: dict[str, dict[str, str]]) -> dict[tuple[str, str], str]:
    """Return a nested table of names as the chapter's cells."""
    return {
        (spoken(state), spoken(event)): spoken(following)
        for state, row in table.items()
        for event, following in row.items()
    }


def test_the_machines_are_there() -> None:
    """Connection, query, call and auth have their tables, auth on both sides."""
    assert set(tables()) == {
        "connection (client)",
        "query (client)",
        "call (client)",
        "auth (client)",
        "auth (server)",
    }


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.machine)
def test_tables_are_total(table: Table) -> None:
    """Each state has a cell for each event, and each cell leads to a state."""
    assert table.problems() == []


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.machine)
def test_every_state_can_be_reached(table: Table) -> None:
    """No state of a table is an island."""
    first = table.states[0]
    reached = {cell.next for (state, _), cell in table.cells.items() if cell.next != state}

    assert [state for state in table.states if state not in reached | {first}] in (
        [],
        ["expecting"],
    )


@pytest.mark.parametrize("table", tables().values(), ids=lambda table: table.machine)
def test_possible_cells_say_what_they_do(table: Table) -> None:
    """A cell that is possible names its effects, if only to say that there are none."""
    silent = [
        key for key, cell in table.cells.items() if cell.next != IMPOSSIBLE and not cell.effects
    ]

    assert silent == []


def waiting_states() -> Iterator[tuple[str, str]]:
    """Every state in which the client holds something back by itself, with what ends it."""
    yield from [("opening", "give up"), ("waiting", "retry"), ("held", "release")]


@pytest.mark.parametrize(("state", "event"), list(waiting_states()))
def test_waits_of_the_connection_end(state: str, event: str) -> None:
    """[session.pause-bounded] A state of waiting is left by an event of the clock or of auth."""
    assert tables()["connection (client)"].cells[state, event].next not in (state, IMPOSSIBLE)


@pytest.mark.parametrize("state", ["fetching", "fetching forced", "refreshing", "replacing"])
def test_fetches_end(state: str) -> None:
    """[auth.fetch-deadline] A fetch that returns nothing in time leaves its state."""
    assert tables()["auth (client)"].cells[state, "nothing"].next not in (state, IMPOSSIBLE)


@pytest.mark.parametrize(("machine", "module"), MACHINES.items())
def test_python_follows_the_chapter(machine: str, module: str) -> None:
    """The table of the Python core has the chapter's states, events and cells."""
    core: Any = importlib.import_module(f"unisono.core.{module}")
    table = {
        state.name: {event.name: following.name for event, following in row.items()}
        for state, row in core.TRANSITIONS.items()
    }

    assert as_cells(table) == tables()[machine].possible()


def test_python_calls_have_the_chapter_s_table() -> None:
    """The table of calls has exactly the chapter's cells that lead to another state."""
    table = {
        (state.value, event.value): following.value
        for state, row in mutations.TRANSITIONS.items()
        for event, following in row.items()
    }
    chapter = {
        # Sent in an opening, or at once: for a call that is the same.
        (state, event.replace("opened", "flush")): following
        for (state, event), following in tables()["call (client)"].possible().items()
        if following != state
    }

    assert table == chapter


# The thin client takes states and events together that need no telling apart there.
COARSER_STATES = {
    "connection": {
        "new": "idle",
        "opening": "opening",
        "live": "live",
        "waiting": "waiting",
        "held": "stopped",
        "closed": "closed",
    },
    "auth": {
        "nobody": "nobody",
        "failed": "nobody",
        "expecting": "expecting",
        "fetching": "fetching",
        "fetching forced": "forcing",
        "confirming cached": "cached",
        "confirming fresh": "fresh",
        "valid": "steady",
        "refreshing": "refreshing",
        "replacing": "recovering",
        "admin": "admin",
    },
}
COARSER_EVENTS = {
    "connection": {
        "start": "start",
        "retry": "start",
        "release": "start",
        "opened": "opened",
        "lost": "lost",
        "give up": "lost",
        "hold": "stop",
        "close": "close",
    },
    "auth": {
        "token": "token",
        "same": "same",
        "nothing": "nothing",
        "confirmed": "confirmed",
        "refused": "refused",
        "refused for good": "exhausted",
        "refresh due": "due",
    },
}
# Cells in which the thin client may differ, each for a reason.
FREEDOMS = {
    # Cells for what cannot happen: the chapter leaves them empty.
    ("connection", "stopped", "lost"),
    ("connection", "opening", "stop"),
    ("connection", "waiting", "stop"),
    # [auth.force-after-cached] It fetches again at once, as that rule allows.
    ("auth", "cached", "confirmed"),
    # It has no tokens without a fetcher, so only a fresh one can be the last attempt.
    ("auth", "cached", "exhausted"),
    ("auth", "steady", "exhausted"),
    ("auth", "refreshing", "exhausted"),
    ("auth", "admin", "exhausted"),
}


def typescript_table(module: str) -> dict[str, dict[str, str]]:
    """Return the table STEPS of a module of the TypeScript core."""
    folder = ROOT / "js_client/src/core"
    source = (folder / f"{module}.ts").read_text(encoding="utf-8") + "\nexport { STEPS };\n"
    bundled = subprocess.run(
        [ESBUILD, "--bundle", "--format=cjs", "--platform=node", "--loader=ts"],
        input=source,
        cwd=folder,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    script = bundled + "\nconsole.log(JSON.stringify(module.exports.STEPS))"
    printed = subprocess.run(["node", "-e", script], capture_output=True, check=True, text=True)
    table: dict[str, dict[str, str]] = json.loads(printed.stdout)
    return table


@pytest.mark.parametrize(("machine", "module"), MACHINES.items())
def test_typescript_follows_the_chapter(machine: str, module: str) -> None:
    """The thin client's table is the chapter's with some states and events taken together."""
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed")
    states, events = COARSER_STATES[module], COARSER_EVENTS[module]
    theirs = {
        (state, event): following
        for state, row in typescript_table(module).items()
        for event, following in row.items()
    }
    ours = {
        (states[state], events[event]): states[following]
        for (state, event), following in tables()[machine].possible().items()
        if event in events and states[state] != states[following]
    }
    differing = {(module, *cell) for cell in theirs | ours if theirs.get(cell) != ours.get(cell)}

    assert differing - FREEDOMS == set()
