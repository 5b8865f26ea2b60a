"""One changed query among 1,000: what a Transition costs a client that holds many results.

One run is the mean time per Transition until the last of them was seen.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "One changed query among many"
TARGETS: tuple[Target, ...] = ()


async def run(bench: Bench) -> list[Contest]:
    count, queries = bench.pick(300, 3), bench.pick(1000, 20)
    question = {"op": "transitions", "size": 100, "count": count, "queries": queries}
    return await bench.race("one of 1,000", {"seconds": "s"}, question)
