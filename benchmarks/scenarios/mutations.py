"""Mutations that change the one subscribed result: one after the other, and 500 at once.

One run is the mean time from call to settled, of one mutation.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "Mutations"
TARGETS = (
    Target("one by one", "seconds", "python_unisono", "python_convex", 1.0),
    Target("one by one", "seconds", "js_unisono", "js_convex", 1.0),
    Target("500 at once", "seconds", "js_unisono", "js_convex", 1.0),
)

_QUANTITIES = {"seconds": "s", "processor": "s"}


async def run(bench: Bench) -> list[Contest]:
    question = {"op": "mutations", "count": bench.pick(1000, 10)}
    together = bench.pick(500, 5)
    one_by_one = await bench.race("one by one", _QUANTITIES, {**question, "together": 1})
    at_once = await bench.race("500 at once", _QUANTITIES, {**question, "together": together})
    return one_by_one + at_once
