"""Walks the author of an adapter through it, operation by operation, and names the next one.

Spec: reading (and ADAPTER.md)
Not here: the verdict over a client (see runner).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unisono_conformance.adapter import Adapter, AdapterError
from unisono_conformance.case import load_cases
from unisono_conformance.client_player import ClientPlayer
from unisono_conformance.outcome import Outcome


@dataclass(frozen=True)
class Visit:
    """One thing that an adapter can do, the case that shows it, and what to write for it."""

    ops: str
    case: str
    advice: str
    is_inline: bool = False
    """Only for a core without I/O; for a client with sockets there is nothing to build."""


VISITS: Final = (
    Visit(
        "open, subscribe, update",
        "queries/first-result-is-shown",
        "build `open` (make a client and let it connect), `subscribe`, and the event `update`",
    ),
    Visit(
        "unsubscribe",
        "queries/last-unsubscribe-removes",
        "build `unsubscribe`; a query goes when its last subscriber has gone",
    ),
    Visit(
        "update with an error",
        "queries/a-failed-query-shows-its-error",
        'report a failed query as `{"sub", "error": {"message", "data"?}}` in `update`',
    ),
    Visit(
        "one update for one Transition",
        "transitions/all-changes-come-in-one-batch",
        "report all changes of one callback in one `update` event",
    ),
    Visit("close", "connection/user-closes", "build `close`: the socket goes, for good"),
    Visit(
        "mutate, settled",
        "mutations/settles-at-the-covering-transition",
        "build `mutate` and the event `settled`; list `mutations` in the features",
    ),
    Visit(
        "settled with an error",
        "mutations/application-errors-keep-their-data",
        "report failures in `settled` as `error` with kind, message and data",
    ),
    Visit(
        "action",
        "mutations/actions-settle-at-once",
        "build `action`; list `actions` in the features",
    ),
    Visit(
        "a lost action",
        "mutations/sent-action-is-lost-with-its-socket",
        "report an action that was lost with its socket with kind `lost`",
    ),
    Visit(
        "set_auth static",
        "auth/is-sent-again-on-every-connection",
        "build `set_auth` with mode `static`; list `auth` in the features",
    ),
    Visit(
        "set_auth fetcher, token_wanted, token",
        "auth/nothing-is-sent-while-the-first-token-is-fetched",
        "build mode `fetcher`: the token function emits `token_wanted` and waits for `token`",
    ),
    Visit(
        "state",
        "session/the-connection-can-be-seen",
        "answer `state` with connected, ever_connected, connections, retries and inflight",
    ),
    Visit(
        "optimistic",
        "optimistic/shows-before-it-sends",
        "build the field `optimistic` of `mutate`; list `optimistic` in the features",
    ),
    Visit(
        "pagination",
        "pagination/first-page",
        "build `pagination` of `subscribe` and `load_more`; list `pagination` in the features",
    ),
    Visit(
        "advance",
        "connection/backoff-waits-before-the-next-attempt",
        "let all timers run on a clock that `advance` moves; list `clock.virtual`",
        is_inline=True,
    ),
)


async def examine(command: Sequence[str]) -> int:
    """Visit everything in order; prints what works and what to write next. Returns 0 or 1."""
    try:
        adapter = await Adapter.start(command)
    except AdapterError as error:
        print(f"hello: {error}")
        print("next: start, read a line, answer `hello` with your name and features, as JSON")
        return 1
    hello = adapter.hello
    print(f"hello: {hello.get('name')} {hello.get('version')}, {hello.get('language')}")
    print(f"       features: {', '.join(sorted(adapter.features)) or 'none'}")
    cases = {case.id: case for case in load_cases(role="client")}
    advice: list[str] = []
    try:
        for number, visit in enumerate(VISITS):
            if visit.is_inline and "wire.inline" not in adapter.features:
                print(f"-       {visit.ops}   (for a bare core with `wire.inline` only)")
                continue
            player = ClientPlayer(adapter, cases[visit.case], f"visit{number}")
            result = await player.play()
            print(f"{_word(result.outcome):<8}{visit.ops}   ({visit.case})")
            if result.outcome is not Outcome.PASS:
                print(f"        {result.detail}")
                advice.append(visit.advice)
            if adapter.is_broken:
                break
    finally:
        code = await adapter.stop()
    print("ok      bye" if code == 0 else f"wrong   bye: the process ended with {code}")
    print(f"next: {advice[0]}" if advice else "everything is there; now play the cases")
    return 1 if advice or code != 0 else 0


def _word(outcome: Outcome) -> str:
    if outcome is Outcome.PASS:
        return "ok"
    return "wrong" if outcome in (Outcome.FAIL, Outcome.WARN) else "missing"
