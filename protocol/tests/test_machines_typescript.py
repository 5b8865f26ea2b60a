"""The machines of the TypeScript core go where the chapters' tables say (see machines.mjs)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from unisono_protocol.tables import tables

ROOT = Path(__file__).parents[2]
ESBUILD = ROOT / "node_modules/.bin/esbuild"
DRIVER = Path(__file__).parent / "machines.mjs"

Cell = tuple[str, str, str]
FETCHES = {"fetching", "forcing", "refreshing", "recovering"}
# The state of the chapter that each state of this core stands for.
STATES = {
    "nobody": "nobody",
    "expecting": "expecting",
    "fetching": "fetching",
    "forcing": "fetching forced",
    "cached": "confirming cached",
    "fresh": "confirming fresh",
    "steady": "valid",
    "refreshing": "refreshing",
    "recovering": "replacing",
    "admin": "admin",
}
NAMES = {**{theirs: ours for ours, theirs in STATES.items()}, "failed": "nobody"}
ENDS_OF_FETCHES = {
    "fetch returns a token": "token",
    "fetch returns the same token": "same",
    "fetch returns null": "nothing",
    "fetch rejects": "nothing",
    "fetch never returns": "nothing",
}
CONFIRMATIONS = ("server confirms", "server confirms what nobody said")
TOLD_TWICE = "the newest token expires, told twice"
AWAITING = ("cached", "fresh", "admin")
BY_USER = {
    "user sets a fetcher": "set fetcher",
    "user sets an admin key": "set admin",
    "user clears": "clear",
}
ERRORS = {
    f"AuthError, attempted {attempted}, of {age} token": (attempted, age)
    for attempted in (True, False, None)
    for age in ("an older", "the newest")
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The core's session and auth as modules that Node can load."""
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed")
    out = tmp_path_factory.mktemp("bundles")
    parts = [str(ROOT / f"js_client/src/core/{name}.ts") for name in ("session", "auth")]
    options = ["--bundle", "--format=esm", "--out-extension:.js=.mjs", f"--outdir={out}"]
    subprocess.run([ESBUILD, *parts, *options], capture_output=True, check=True)
    return [str(out / f"{name}.mjs") for name in ("session", "auth")]


def driven(bundles: list[str], cells: list[Cell]) -> dict[Cell, str]:
    """Where each cell led."""
    printed = subprocess.run(
        ["node", DRIVER, *bundles], input=json.dumps(cells), capture_output=True, text=True
    )
    assert printed.returncode == 0, printed.stderr
    return dict(zip(cells, json.loads(printed.stdout), strict=True))


@pytest.mark.parametrize("machine", ["query", "call"])
def test_machines_follow_the_chapter(machine: str, bundles: list[str]) -> None:
    """Every event that is possible leads from every state where the chapter says."""
    chapter = {
        (machine, state, event): following
        for (state, event), following in tables()[f"{machine} (client)"].possible().items()
    }

    assert driven(bundles, list(chapter)) == chapter


def event_of(state: str, name: str) -> str:
    """The event of the chapter that something is in a state of this core; empty for none."""
    if name in BY_USER:
        return BY_USER[name]
    if name in CONFIRMATIONS:
        return "" if state == "expecting" else "confirmed"
    if name == "the clock goes on" and state == "steady":
        return "refresh due"
    if name == TOLD_TWICE:
        return "refused"
    if name in ENDS_OF_FETCHES or name == "the clock goes on":
        if state not in FETCHES:
            return ""
        # Only a forced fetch is compared with the token in use.
        is_first = state == "fetching" and name == "fetch returns the same token"
        return "token" if is_first else ENDS_OF_FETCHES.get(name, "nothing")
    attempted, age = ERRORS.get(name, (None, "an older"))
    awaits = state in ("cached", "fresh", "admin", "nobody")
    is_none = state == "expecting" or age == "an older" or (attempted is False and awaits)
    return "" if is_none else "refused"


def grid() -> list[Cell]:
    """Every state and everything that can happen in it."""
    names = [*ENDS_OF_FETCHES, "the clock goes on", *CONFIRMATIONS, TOLD_TWICE]
    names += ["socket is lost", *BY_USER, *ERRORS]
    return [
        ("identity", state, name)
        for state in STATES
        for name in names
        # Without a socket no such message can come.
        if not (state == "recovering" and name in (*ERRORS, *CONFIRMATIONS, TOLD_TWICE))
        # There is no fetch, and the clock's other event has a row of its own.
        and (state in FETCHES or name != "fetch never returns")
        # What is confirmed, or was not said at all, is refused the first time.
        and (state in AWAITING or name != TOLD_TWICE)
    ]


def test_auth_follows_the_chapter_whatever_happens(bundles: list[str]) -> None:
    """Fetchers, servers, sockets and users lead each state where the chapter's table says."""
    cells, chapter = grid(), tables()["auth (client)"].cells
    wanted = {}
    for cell in cells:
        _, state, name = cell
        event = event_of(state, name)
        following = chapter[STATES[state], event].next if event else STATES[state]
        # [auth.force-after-cached] This core fetches again as soon as a cached token is good.
        is_early = (state, event) == ("cached", "confirmed")
        wanted[cell] = "refreshing" if is_early else NAMES[following]

    assert driven(bundles, cells) == wanted


SOCKETS = {
    "idle": "new",
    "opening": "opening",
    "live": "live",
    "waiting": "waiting",
    "stopped": "held",
    "closed": "closed",
}
# What happens to a connection, and which event that is in the chapter's states.
TO_CONNECTIONS = {
    "the line breaks": {"opening": "lost", "live": "lost"},
    # A fetch that never returns is nothing, and the next connection is opened.
    "the server is silent": {
        "opening": "give up",
        "live": "give up",
        "waiting": "retry",
        "held": "release",
    },
    "what is no message comes": {"live": "give up"},
    "an unknown message comes": {},
    "a Ping comes": {},
    "the token is refused": {"live": "hold"},
    "a FatalError comes": {"live": "close"},
    "the fetcher returns another token": {"held": "release"},
    "the user signs out": {"held": "release"},
    "the user pauses": {},
    "the user resumes": {},
    "the user closes": dict.fromkeys(SOCKETS.values(), "close"),
}


def test_connections_follow_the_chapter_whatever_happens(bundles: list[str]) -> None:
    """Sockets, servers, clocks and users lead each state along cells of the chapter's table."""
    chapter = tables()["connection (client)"].cells
    wanted = {
        ("connection", theirs, name): chapter[ours, events[ours]].next if ours in events else ours
        for theirs, ours in SOCKETS.items()
        for name, events in TO_CONNECTIONS.items()
    }
    led = driven(bundles, list(wanted))

    assert {cell: SOCKETS[state] for cell, state in led.items()} == wanted
