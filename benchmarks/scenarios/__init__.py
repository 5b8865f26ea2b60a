"""What is measured: one module per scenario, each runnable alone.

A scenario has `TITLE`, `TARGETS` and `async def run(bench)`; its docstring says what one run is.
"""

from collections.abc import Awaitable
from typing import Protocol, cast

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target
from benchmarks.scenarios import (
    cold_start,
    commits,
    fan_out,
    first_result,
    footprint,
    large_result,
    memory,
    mutations,
    one_of_many,
    optimistic,
    pauses,
    reconnect,
    subscriptions,
    transitions,
    untouched,
)


class Scenario(Protocol):
    """What every module of this package offers."""

    __name__: str
    TITLE: str
    TARGETS: tuple[Target, ...]

    def run(self, bench: Bench) -> Awaitable[list[Contest]]: ...


_MODULES = (
    first_result,
    mutations,
    transitions,
    one_of_many,
    subscriptions,
    large_result,
    reconnect,
    optimistic,
    pauses,
    footprint,
    commits,
    fan_out,
    untouched,
    cold_start,
    memory,
)

SCENARIOS = {module.__name__.rpartition(".")[2]: cast(Scenario, module) for module in _MODULES}
