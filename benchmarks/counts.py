"""Counts that do not depend on the machine: what is sent, parsed, run and allocated.

They are kept in `results/counts.json`; `python -m benchmarks.counts --record` writes it anew.

    wire     what a client sends in a story of fixed size: connections, messages, bytes
    python   one Transition in our Python core: calls of Python functions, JSON parses, memory
    js       JSON parses and base64 decodings of our JavaScript client, per Transition
    server   one commit with 100 watchers: function runs, frames, bytes; with and without strangers

Not here: times (see the scenarios).
"""

import argparse
import asyncio
import gc
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks import app, frames
from benchmarks.driver import Driver
from benchmarks.drivers.server import Wire
from benchmarks.scripted import ScriptedServer
from unisono.core.session import Session
from unisono_mock import Backend

PATH = Path(__file__).parent / "results" / "counts.json"
#: Counts that may be smaller than recorded but not much greater: they move with the interpreter.
ABOUT = frozenset({"calls", "peak_bytes", "left_bytes"})
TOLERANCE = 1.2
#: ... and beside it: a count that is nearly nothing would fail by one byte.
SLACK = 10

Counts = dict[str, dict[str, int]]

_STORIES: dict[str, dict[str, Any]] = {
    "first": {"op": "first", "times": 3},
    "mutations": {"op": "mutations", "count": 20, "together": 1},
    "mutations at once": {"op": "mutations", "count": 20, "together": 20},
    "transitions": {"op": "transitions", "count": 20, "size": 100},
    "subscriptions": {"op": "subscriptions", "count": 50},
    "reconnect": {"op": "reconnect", "count": 20, "token": "counted"},
}
_PARSES = frozenset({"from_json", "loads", "raw_decode", "scan_once"})
_BURST = 50
_NOW, _JITTER = 1_755_000_000.0, 0.5


async def collect() -> Counts:
    """All counts."""
    wire = {
        f"wire {client} {story}": counts
        for client in ("python_unisono", "js_unisono")
        for story, counts in (await _wire(client)).items()
    }
    js = {"js transition": await _js()}
    return {**wire, **js, **_python(), **_server()}


async def _wire(client: str) -> Counts:
    """What the server hears of each story."""
    found = {}
    driver = await Driver.start(client)
    try:
        for story, question in _STORIES.items():
            async with ScriptedServer() as server:
                if await driver.ask(20.0, **question, url=server.url) is None:
                    raise TimeoutError(f"{client} does not end the story {story!r}")
                found[story] = dict(server.counts)
    finally:
        await driver.end()
    return found


async def _js() -> dict[str, int]:
    """JSON parses and base64 decodings of a burst without tagged values."""
    driver = await Driver.start("js_unisono")
    try:
        async with ScriptedServer() as server:
            question = {"question": "transitions", "count": _BURST, "size": 10_000}
            answer = await driver.ask(20.0, op="counted", **question, url=server.url)
            if answer is None:
                raise TimeoutError("the JavaScript client does not end its burst")
            return {name: int(number) for name, number in answer.items()}
    finally:
        await driver.end()


def _python() -> Counts:
    """One Transition of 100 B, one of 10 kB, and one of 100 B among 1,000 queries."""
    cases = {"100 B": (100, 1), "10 kB": (10_000, 1), "100 B of 1,000": (100, 1000)}
    return {
        f"python transition {case}": _transitions(size, queries)
        for case, (size, queries) in cases.items()
    }


def _transitions(size: int, queries: int) -> dict[str, int]:
    counted = _profile(_burst(size, queries))
    calls = {"calls": counted["calls"] // _BURST, "parses": counted["parses"] // _BURST}
    return {**calls, **_allocations(_burst(size, queries))}


def _burst(size: int, queries: int) -> Callable[[], None]:
    """A session with subscriptions, and a function that feeds it a burst of Transitions."""
    session = Session("123e4567-e89b-42d3-a456-426614174000", None)
    session.start(now=_NOW)
    for number in range(queries):
        session.subscribe("bench:value", {"i": number}, now=_NOW)
    session.opened(now=_NOW)
    first = [frames.updated(number, frames.value(0, size)) for number in range(queries)]
    session.received(frames.transition((0, 1), (0, 1), first), now=_NOW, jitter=_JITTER)
    session.take_effects()
    texts = [
        frames.transition(
            (1, 1), (at, at + 1), [frames.updated(queries // 2, frames.value(at, size))]
        ).encode()
        for at in range(1, 2 * _BURST + 1)
    ]
    upcoming = iter(texts)

    def feed() -> None:
        for _ in range(_BURST):
            session.received(next(upcoming), now=_NOW, jitter=_JITTER)
            session.take_effects()

    return feed


def _profile(job: Callable[[], None]) -> Counter[str]:
    """The calls of Python functions and of JSON parsers in a job."""
    counted: Counter[str] = Counter()

    def seen(_: FrameType, event: str, called: Any) -> None:
        if event == "call":
            counted["calls"] += 1
        elif event == "c_call" and getattr(called, "__name__", "") in _PARSES:
            counted["parses"] += 1

    sys.setprofile(seen)
    try:
        job()
    finally:
        sys.setprofile(None)
    return counted


def _allocations(job: Callable[[], None]) -> dict[str, int]:
    """The most that a second run holds beyond what the first left, and what it leaves behind."""
    tracemalloc.start()
    try:
        job()
        gc.collect()
        gc.disable()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        job()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    return {"peak_bytes": peak - before, "left_bytes": max(0, after - before) // _BURST}


def _server() -> Counts:
    """One commit with 100 watchers of one result; the same beside 500 other subscriptions."""
    return {
        "server commit": _commit(watchers=100, strangers=0),
        "server commit among strangers": _commit(watchers=100, strangers=500),
    }


def _commit(watchers: int, strangers: int) -> dict[str, int]:
    backend = Backend(app.app)
    crowd = [Wire(backend, number) for number in range(watchers)]
    for each in crowd:
        each.add([{"name": "hot"}])
    other = Wire(backend, 5000)
    other.add([{"name": f"cold-{number}"} for number in range(strangers)])
    writer = Wire(backend, 6000)
    everybody = [*crowd, other, writer]
    writer.mutate("bench:add", {"name": "hot"})
    app.RUNS.clear()
    frames_before = sum(each.frames for each in everybody)
    bytes_before = sum(each.bytes for each in everybody)
    counted = _profile(lambda: writer.mutate("bench:add", {"name": "hot"}))
    return {
        "runs": sum(app.RUNS.values()),
        "frames": sum(each.frames for each in everybody) - frames_before,
        "bytes": sum(each.bytes for each in everybody) - bytes_before,
        "calls": counted["calls"],
    }


def differences(recorded: Counts, found: Counts) -> list[str]:
    """Where the counts differ from the recorded ones, in words."""
    missing = [f"{name} is not recorded" for name in found.keys() - recorded.keys()]
    gone = [f"{name} is not counted any more" for name in recorded.keys() - found.keys()]
    changed = [
        f"{name}: {what} was {was}, is {found[name].get(what)}"
        for name, counts in recorded.items()
        for what, was in counts.items()
        if name in found and not _is_as_recorded(what, was, found[name].get(what))
    ]
    return sorted(missing + gone + changed)


def _is_as_recorded(what: str, was: int, found: int | None) -> bool:
    if found is None:
        return False
    return found <= max(was * TOLERANCE, was + SLACK) if what in ABOUT else found == was


def main() -> int:
    """Print where the counts differ from the recorded ones, or record them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counts", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write them down anew")
    found = asyncio.run(collect())
    if parser.parse_args().record:
        PATH.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    found_differences = differences(json.loads(PATH.read_text()), found)
    print("\n".join(found_differences) or "as recorded")
    return int(bool(found_differences))


if __name__ == "__main__":
    sys.exit(main())
