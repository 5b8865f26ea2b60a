"""Plays the stories and workloads on a client and a real server together.

Spec: reading
Not here: one play (see pair_player), the stories (see stories).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from unisono_conformance.adapter import Adapter, AdapterError
from unisono_conformance.case import Case
from unisono_conformance.checker.synclog import write
from unisono_conformance.outcome import Outcome
from unisono_conformance.pair_player import PairPlayer
from unisono_conformance.runner import OnResult, Run, weigh
from unisono_conformance.sockets import ServerTarget


async def run_pair(
    command: Sequence[str] | str,
    target: ServerTarget,
    cases: Iterable[Case],
    *,
    seed: int = 0,
    time_scale: float = 1.0,
    out: Path | None = None,
    on_result: OnResult = lambda result: None,
) -> Run:
    """Play stories one after another; what a story's record shows wrong is left in `out`.

    Raises AdapterError when the adapter does not start, or has no sockets to play with.
    """
    adapter = await Adapter.start(command, seed=seed)
    run = Run("pair", {**adapter.hello, "url": target.url}, seed=seed)
    try:
        if "wire.inline" in adapter.features:
            raise AdapterError("a pair needs real sockets, and this adapter has a bare core")
        for number, case in enumerate(cases):
            if adapter.is_broken:
                await adapter.stop()
                adapter = await Adapter.start(command, seed=seed)
            player = PairPlayer(adapter, target, case, f"p{number}", time_scale=time_scale)
            result = weigh(await player.play())
            run.results.append(result)
            on_result(result)
            if out is not None and result.outcome in (Outcome.FAIL, Outcome.WARN):
                _keep(player, out / f"{case.id.replace('/', '-')}.jsonl")
    finally:
        run.peer["exit_code"] = await adapter.stop()
    return run


def _keep(player: PairPlayer, path: Path) -> None:
    """Write the witness of what is wrong, or the whole record where nothing was proved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    events = player.recorder.events if player.witness is None else player.witness.events
    with path.open("w", encoding="utf-8") as file:
        write(file, player.recorder.header, events)
