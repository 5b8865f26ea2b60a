"""The state tables of the chapters are total, and the machines of the packages follow them."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unisono.core import messages, mutations
from unisono.core.errors import ClientClosedError
from unisono_mock.core.auth import ANONYMOUS, Authentication, Identity
from unisono_mock.core.errors import ConnectionFailure
from unisono_mock.core.messages import Authenticate
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


def call_in(state: str, kind: str) -> mutations.Calls:
    """The calls of a client with one call of a kind, brought to a state."""
    calls = mutations.Calls()
    calls.add(kind, "m:f", {}, 0.0)
    if state != "unsent":
        calls.unsent()
    if state == "completed":
        answer(calls, is_success=True)
    if state == "settled":
        calls.reject_all(ClientClosedError())
    return calls


def answer(calls: mutations.Calls, *, is_success: bool, kind: str = "Mutation") -> None:
    """A response arrives for the only call."""
    body = {"type": f"{kind}Response", "requestId": 0, "success": is_success, "logLines": []}
    timed = {"ts": "CgAAAAAAAAA=" if is_success else None} if kind == "Mutation" else {}
    text = json.dumps({**body, **timed, "result": "x"})
    response = messages.read(text)
    assert isinstance(response, messages.MutationResponse | messages.ActionResponse)
    call = calls.awaiting(response)
    if call is not None:
        calls.responded(call, response)


EVENTS: dict[str, Callable[[mutations.Calls], object]] = {
    "flush": lambda calls: calls.unsent(),
    "opened": lambda calls: calls.opening(),
    "success of a mutation": lambda calls: answer(calls, is_success=True),
    "failure or answer of an action": lambda calls: answer(calls, is_success=False),
    "covering transition": lambda calls: calls.reached(10),
    "lost, a mutation": lambda calls: list(calls.lost()),
    "lost, an action": lambda calls: list(calls.lost()),
    "end": lambda calls: calls.reject_all(ClientClosedError()),
}


@pytest.mark.parametrize(("state", "event"), tables()["call (client)"].possible())
def test_python_calls_follow_the_chapter(state: str, event: str) -> None:
    """Each event leads a call of the Python core where the chapter says."""
    calls = call_in(state, "Action" if "an action" in event and "lost" in event else "Mutation")
    EVENTS[event](calls)
    (left,) = [call.state.value for call in calls._pending.values()] or ["settled"]

    assert left == tables()["call (client)"].cells[state, event].next


# The end of a connection, and what ends it, is not in that module; cases look at it.
ELSEWHERE = ("bad token", "provider in trouble", "lost")
ROWS = [
    (state, event)
    for state, event in tables()["auth (server)"].possible()
    if state != "ended" and event not in ELSEWHERE
]


@pytest.mark.parametrize(("state", "event"), ROWS)
def test_the_server_follows_the_chapter(state: str, event: str) -> None:
    """Each event leads the identity of a connection where the chapter says."""
    user = Identity({"tokenIdentifier": "i|u"}, expires_at=100.0)
    found = Authentication()
    if state == "identified":
        found.accept(Authenticate(0, "User", "t", None), user, 0.0)
    version = found.version

    try:
        match event:
            case "good token":
                found.accept(Authenticate(version, "User", "t", None), user, 0.0)
            case "nobody":
                found.accept(Authenticate(version, "None", None, None), ANONYMOUS, 0.0)
            case "good token, wrong base":
                found.accept(Authenticate(version + 1, "User", "t", None), user, 0.0)
            case _:
                found.use(200.0 if event == "use after expiry" else 0.0)
    except ConnectionFailure:
        reached = "ended"
    else:
        reached = "anonymous" if found.identity is ANONYMOUS else "identified"

    assert reached == tables()["auth (server)"].cells[state, event].next
