"""Time to first result: a new client object, connect, subscribe, the first value.

One run is the mean of many clients, one after the other, in a process that is warm. It is taken
twice: with a server whose kernel acknowledges at once, and with one that may delay it.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "Time to first result"
TARGETS = (
    Target("first result", "seconds", "python_unisono", "python_convex", 1.0),
    Target("first result", "seconds", "js_unisono", "js_convex", 1.0),
)
_QUANTITIES = {"seconds": "s", "processor": "s"}


async def run(bench: Bench) -> list[Contest]:
    question = {"op": "first", "times": bench.pick(40, 2)}
    contests = await bench.race("first result", _QUANTITIES, question)
    bench.server.acknowledges_at_once = False
    try:
        late = "first result, acknowledged late"
        return contests + await bench.race(late, _QUANTITIES, question)
    finally:
        bench.server.acknowledges_at_once = True
