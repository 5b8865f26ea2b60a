"""A burst of Transitions, each with a new result of 100 B, 10 kB or 1 MB.

One run is the mean time per Transition until the last of them was seen by the application. `seen`
is the share of the values that it saw: a reader who is slower than the burst gets the newest.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "Transitions"
TARGETS = tuple(
    Target(case, "seconds", f"{language}_unisono", f"{language}_convex", 1.0)
    for case in ("100 B", "10 kB")
    for language in ("python", "js")
)

_CASES = {"100 B": (100, 5000), "10 kB": (10_000, 600), "1 MB": (1_000_000, 12)}
_QUANTITIES = {"seconds": "s", "processor": "s", "seen": ""}


async def run(bench: Bench) -> list[Contest]:
    contests = []
    for case, (size, count) in _CASES.items():
        question = {"op": "transitions", "size": size, "count": bench.pick(count, 3)}
        contests += await bench.race(case, _QUANTITIES, question)
    return contests
