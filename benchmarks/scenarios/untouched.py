"""What a commit that touches 10 subscriptions costs among 100 to 100,000 that it does not touch.

In one process and without sockets; one run is the mean processor time of many commits. It must be
flat: the exponent of its growth stands beside the target.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target, growth

TITLE = "Commits beside untouched subscriptions"
TARGETS = (Target("growth", "exponent", "unisono_mock", None, 0.1),)
_SIZES = (100, 1000, 10_000, 100_000)


async def run(bench: Bench) -> list[Contest]:
    sizes = _SIZES[:2] if bench.is_tiny else _SIZES
    question = {"op": "untouched", "touched": 10, "commits": bench.pick(100, 5)}
    runs: dict[int, list[float]] = {}
    for size in sizes:
        async with bench.servers() as (server, _, _):
            answer = await server.ask(**question, subscriptions=size, rounds=bench.rounds)
        if answer["told"]:
            raise AssertionError("a commit told somebody of what it did not touch")
        runs[size] = answer["runs"]
    contests = [
        Contest(f"{size:,} untouched", "processor", "s", {"unisono_mock": numbers})
        for size, numbers in runs.items()
    ]
    return [*contests, growth("growth", "unisono_mock", runs)]
