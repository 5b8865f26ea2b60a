"""Many subscriptions: from the first call until every one has its value, and the memory then.

One run is one fresh process. Memory is what the process grew by; in JavaScript, its heap.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "Many subscriptions"
TARGETS = (
    Target("1,000", "seconds", "python_unisono", "python_convex", 1.0),
    Target("1,000", "memory", "python_unisono", "python_convex", 1.0),
    Target("1,000", "seconds", "js_unisono", "js_convex", 1.0),
)


async def run(bench: Bench) -> list[Contest]:
    contests = []
    for case, count, rounds in (("1,000", 1000, 5), ("10,000", 10_000, 3)):
        contests += await bench.race(
            case,
            {"seconds": "s", "memory": "B"},
            {"op": "subscriptions", "count": bench.pick(count, 10)},
            is_fresh=True,
            rounds=min(bench.rounds, rounds),
        )
    return contests
