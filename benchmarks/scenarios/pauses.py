"""What the rest of the program feels: a ticker of 1 ms beside the client, on the same loop.

`lost` is the share of ticks that did not come in their millisecond, relative to the same ticker in
an idle loop; `pause` is the longest time without a tick. The light loads are steady: Transitions of
100 B at 500 per second and of 10 kB at 100 per second, and mutations one by one; the heavy load is
the result of 20,000 rows.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "Pauses of the event loop"
_LIGHT = ("steady 100 B", "steady 10 kB", "mutations")
TARGETS = (
    *(Target(case, "lost", "python_unisono", None, 0.05) for case in _LIGHT),
    Target("20,000 rows", "pause", "python_unisono", None, 0.05),
)


async def run(bench: Bench) -> list[Contest]:
    quantities = {"lost": "", "pause": "s"}
    loads = {
        "steady 100 B": {"load": "paced", "count": 200, "size": 100, "rate": 500},
        "steady 10 kB": {"load": "paced", "count": 50, "size": 10_000, "rate": 100},
        "mutations": {"load": "mutations", "count": 500, "size": 100, "rate": 0},
        "20,000 rows": {"load": "rows", "count": 20_000, "size": 0, "rate": 0},
    }
    contests = []
    for case, load in loads.items():
        if bench.is_tiny:
            load = {**load, "count": 10, "rate": 1000}
        contests += await bench.race(case, quantities, {"op": "pauses", **load})
    return contests
