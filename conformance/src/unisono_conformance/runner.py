"""Plays many cases on one peer: in turn or side by side, with crashes caught and blamed.

Spec: reading
Not here: one play (see client_player, server_player), the verdict over all (see results).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Final

from unisono_conformance.adapter import Adapter, AdapterError
from unisono_conformance.case import Case, CaseError, load_cases
from unisono_conformance.client_player import ClientPlayer
from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.rules import Severity, severity_of
from unisono_conformance.server_player import ServerPlayer
from unisono_conformance.sockets import ServerTarget
from unisono_conformance.values import Json
from unisono_conformance.wires import Permutation

SIDE_BY_SIDE: Final = 16

OnResult = Callable[[Result], None]


@dataclass
class Run:
    """What one run played, on whom, and what came of it."""

    role: str
    peer: dict[str, Json]
    results: list[Result] = field(default_factory=list)
    seed: int = 0
    defects: list[str] = field(default_factory=list)


@dataclass
class _Pool:
    """The adapter that the plays share, started again when it dies."""

    command: Sequence[str] | str
    seed: int
    time_scale: float = 1.0
    adapter: Adapter | None = None
    _names: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self) -> Adapter:
        async with self._lock:
            if self.adapter is None or self.adapter.is_broken:
                if self.adapter is not None:
                    await self.adapter.stop()
                self.adapter = await Adapter.start(self.command, seed=self.seed)
            return self.adapter

    async def replace(self) -> None:
        if self.adapter is not None:
            await self.adapter.kill()
            self.adapter = None

    def name(self) -> str:
        self._names += 1
        return f"c{self._names}"

    async def stop(self) -> int | None:
        return await self.adapter.stop() if self.adapter is not None else None


async def run_client(
    command: Sequence[str] | str,
    cases: Iterable[Case],
    *,
    seed: int = 0,
    side_by_side: int = SIDE_BY_SIDE,
    permute: bool = False,
    time_scale: float = 1.0,
    fresh: bool = False,
    on_result: OnResult = lambda result: None,
) -> Run:
    """Play client cases on the client behind an adapter command.

    With `fresh` each play gets a process of its own, for clients that cannot be closed.
    """
    pool = _Pool(command, seed, time_scale)
    adapter = await pool.get()
    run = Run("client", dict(adapter.hello), seed=seed)
    is_inline = "wire.inline" in adapter.features
    plays = [
        (case, permutation)
        for case in cases
        for permutation in _permutations(case, permute and not is_inline)
    ]
    try:
        if is_inline or fresh:
            side_by_side = 1
        # A case that asks for time would take it from those beside it, so it is played alone.
        light = [play for play in plays if play[0].budget_s is None]
        heavy = [play for play in plays if play[0].budget_s is not None]
        crashed = await _play_all(pool, light, run, side_by_side, on_result, fresh=fresh)
        crashed += await _play_all(pool, heavy, run, 1, on_result, fresh=fresh)
        # A crash fails every play beside it. Each of them gets a process of its own now,
        # so that only the one that is to blame keeps its mark.
        await _play_all(pool, crashed, run, 1, on_result, is_last=True)
    finally:
        code = await pool.stop()
    run.peer["exit_code"] = code
    _apply_controls(run)
    return run


async def run_server(
    target: ServerTarget,
    cases: Iterable[Case],
    *,
    seed: int = 0,
    side_by_side: int = SIDE_BY_SIDE,
    time_scale: float = 1.0,
    on_result: OnResult = lambda result: None,
) -> Run:
    """Play server cases against a running server that has the fixture's functions."""
    cases = list(cases)
    run = Run("server", {"name": target.name, "url": target.url}, seed=seed)
    gate = asyncio.Semaphore(side_by_side)

    async def play(case: Case) -> None:
        async with gate:
            try:
                played = await ServerPlayer(target, case, time_scale=time_scale).play()
            except CaseError as error:
                run.defects.append(str(error))
                return
        result = weigh(played)
        run.results.append(result)
        on_result(result)

    # A clock that is moved is moved for everybody.
    alone = {case.id for case in cases if target.control and "time" in case.requires}
    async with asyncio.TaskGroup() as group:
        for case in cases:
            if case.id not in alone:
                group.create_task(play(case))
    for case in cases:
        if case.id in alone:
            await play(case)
    run.results.sort(key=lambda result: result.id)
    _apply_controls(run)
    return run


def weigh(result: Result) -> Result:
    """A case of nothing but SHOULD rules warns instead of failing."""
    if result.outcome is Outcome.FAIL and all(
        severity_of(rule) is Severity.SHOULD for rule in result.rules
    ):
        return replace(result, outcome=Outcome.WARN)
    return result


def _permutations(case: Case, is_wanted: bool) -> list[Permutation]:
    if not is_wanted:
        return [Permutation()]
    return [
        Permutation(fragment="fragment" in words, compress="compress" in words)
        for size in range(len(case.matrix) + 1)
        for words in combinations(case.matrix, size)
    ]


async def _play_all(
    pool: _Pool,
    plays: Sequence[tuple[Case, Permutation]],
    run: Run,
    side_by_side: int,
    on_result: OnResult,
    *,
    is_last: bool = False,
    fresh: bool = False,
) -> list[tuple[Case, Permutation]]:
    gate = asyncio.Semaphore(side_by_side)
    crashed: list[tuple[Case, Permutation]] = []

    async def play(case: Case, permutation: Permutation) -> None:
        async with gate:
            try:
                adapter = await pool.get()
            except AdapterError as error:
                result = Result(case.id, Outcome.FAIL, case.rules, f"no adapter: {error}")
            else:
                player = ClientPlayer(
                    adapter, case, pool.name(), permutation, time_scale=pool.time_scale
                )
                try:
                    result = await player.play()
                except CaseError as error:
                    run.defects.append(str(error))
                    return
                if fresh:
                    await pool.replace()
                elif adapter.is_broken and not is_last:
                    crashed.append((case, permutation))
                    return
        result = weigh(result)
        run.results.append(result)
        on_result(result)

    async with asyncio.TaskGroup() as group:
        for case, permutation in plays:
            group.create_task(play(case, permutation))
    run.results.sort(key=lambda result: result.id)
    return crashed


def _apply_controls(run: Run) -> None:
    passed = {result.case_id for result in run.results if result.outcome is Outcome.PASS}
    played = {result.case_id for result in run.results}
    controls = {case.id: case.control for case in _controlled(run)}
    run.results = [
        replace(
            result,
            outcome=Outcome.INCONCLUSIVE,
            detail=f"its control {controls[result.case_id]} did not pass",
        )
        if result.outcome is Outcome.PASS and controls.get(result.case_id) in played - passed
        else result
        for result in run.results
    ]


def _controlled(run: Run) -> list[Case]:
    wanted = {result.case_id for result in run.results}
    return [case for case in load_cases() if case.control and case.id in wanted]
