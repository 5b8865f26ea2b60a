"""A result of 20,000 rows with two int64 values each: from subscribing until it is there."""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "A result of 20,000 rows"
TARGETS = (
    Target("20,000 rows", "seconds", "python_unisono", "python_convex", 0.5),
    Target("20,000 rows", "seconds", "js_unisono", "js_convex", 0.7),
)

_QUANTITIES = {"seconds": "s", "processor": "s"}


async def run(bench: Bench) -> list[Contest]:
    question = {"op": "rows", "count": bench.pick(20_000, 20)}
    return await bench.race("20,000 rows", _QUANTITIES, question)
