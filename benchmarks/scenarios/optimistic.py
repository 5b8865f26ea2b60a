"""100 pending mutations, each with an optimistic update of one list.

`layer` is the mean time to lay one; `seconds` the mean time of a Transition under all of them.
The floor and the official Python client have no optimistic updates.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "100 optimistic layers"
TARGETS: tuple[Target, ...] = ()


async def run(bench: Bench) -> list[Contest]:
    layers, count = bench.pick(100, 5), bench.pick(100, 3)
    question = {"op": "optimistic", "layers": layers, "count": count}
    return await bench.race("100 layers", {"seconds": "s", "layer": "s"}, question)
