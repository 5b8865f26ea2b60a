"""The checker is linear, and fast enough for long recordings."""

from __future__ import annotations

import time
from typing import Any

import pytest

from unisono_conformance.checker import Event, Recorder, check
from unisono_conformance.checker.wire import encode_ts

GOAL = 50_000


def version(query_set: int, ts: int) -> dict[str, Any]:
    return {"querySet": query_set, "identity": 0, "ts": encode_ts(ts)}


def long_history(transitions: int, queries: int = 6, per_key: int = 20) -> list[Event]:
    """One session with a bounded set of stamped and plain queries, renewed from time to time."""
    recorder = Recorder()
    recorder.c2s(1, {"type": "Connect", "sessionId": "s", "connectionCount": 0})
    query_set, ts, request, commits, first = 0, 1000, 0, [], 0
    for turn in range(transitions):
        changes = []
        if turn % (per_key * queries) == 0:
            edits: list[dict[str, Any]] = []
            if turn:
                edits += [{"type": "Remove", "queryId": first + n} for n in range(queries)]
                changes += [{"type": "QueryRemoved", "queryId": first + n} for n in range(queries)]
                first += queries
            keys = [f"k{first + n}" for n in range(queries)]
            lists: list[list[str]] = [[] for _ in keys]
            adds = [
                {"type": "Add", "queryId": first + n, "udfPath": "fx:list", "args": [{"key": key}]}
                for n, key in enumerate(keys)
            ]
            base, query_set = query_set, query_set + 1
            versions = {"baseVersion": base, "newVersion": query_set}
            recorder.c2s(1, {"type": "ModifyQuerySet", **versions, "modifications": edits + adds})
            changes += [updated(first + n, []) for n in range(queries)]
            start = version(query_set - 1, ts) if turn else version(0, 0)
        else:
            start = version(query_set, ts)
            slot, entry, args = turn % queries, f"m{turn}", {}
            args = {"key": keys[slot], "id": entry}
            frame = {"type": "Mutation", "requestId": request, "udfPath": "fx:append"}
            recorder.c2s(1, {**frame, "args": [args]})
            ts += 1
            response = {"type": "MutationResponse", "requestId": request, "success": True}
            recorder.s2c(1, {**response, "result": None, "ts": encode_ts(ts), "logLines": []})
            request += 1
            commits.append((entry, keys[slot]))
            lists[slot] = [*lists[slot], entry]
            changes.append(updated(first + slot, lists[slot]))
        end = version(query_set, ts)
        step = {"type": "Transition", "startVersion": start, "endVersion": end}
        recorder.s2c(1, {**step, "modifications": changes})
    for number, (entry, key) in enumerate(commits):
        recorder.commit(number, entry, key=key)
    return recorder.events


def updated(query: int, value: list[str]) -> dict[str, Any]:
    return {"type": "QueryUpdated", "queryId": query, "value": value, "logLines": []}


def rate(transitions: int) -> float:
    history = long_history(transitions)
    start = time.process_time()
    verdict = check(history)
    spent = time.process_time() - start
    assert verdict.findings == ()
    assert verdict.transitions == transitions
    return transitions / spent


def test_long_histories_are_judged_in_linear_time() -> None:
    """Four times the history takes about four times as long, at a tenth of the goal or better."""
    small, large = rate(5_000), rate(20_000)

    assert large > small / 3
    assert large > GOAL / 10


@pytest.mark.soak
def test_fifty_thousand_transitions_a_second() -> None:
    """The goal itself, on one core that is not shared too much; the best of three."""
    assert max(rate(60_000) for _ in range(3)) > GOAL
