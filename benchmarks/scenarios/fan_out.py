"""One changed result to 200, 1,000 and 5,000 sockets, beside a bare broadcast on the same loop.

One run is the time from the write that changes the result until the last socket has it. The bare
server is told the very bytes and hands them to everybody by `websockets.broadcast`.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target, growth

TITLE = "Fan-out"
TARGETS = (Target("1,000 sockets", "seconds", "unisono_mock", "websockets", round(1 / 0.6, 2)),)


async def run(bench: Bench) -> list[Contest]:
    sizes = {"200 sockets": (200, 2), "1,000 sockets": (1000, 5), "5,000 sockets": (5000, 10)}
    contests: list[Contest] = []
    runs: dict[str, dict[int, list[float]]] = {"unisono_mock": {}, "websockets": {}}
    async with bench.servers() as (_, load, urls):
        for case, size in sizes.items():
            sockets = bench.pick(*size)
            answer = await load.ask(
                op="fan_out", urls=urls, sockets=sockets, rounds=bench.rounds * 2
            )
            contests.append(Contest(case, "seconds", "s", answer["runs"]))
            for name, numbers in answer["runs"].items():
                runs[name][sockets] = numbers
    return [*contests, *(growth("growth with sockets", name, runs[name]) for name in runs)]
