"""One changed result to 1,000 and 5,000 sockets, beside a bare broadcast on the same loop.

One run is the time from the write that changes the result until the last socket has it. The bare
server is told the very bytes and hands them to everybody by `websockets.broadcast`.
"""

from benchmarks.bench import Bench, servers
from benchmarks.measure import Contest, Target

TITLE = "Fan-out"
TARGETS = (Target("1,000 sockets", "seconds", "unisono_mock", "websockets", round(1 / 0.6, 2)),)


async def run(bench: Bench) -> list[Contest]:
    sizes = {"1,000 sockets": bench.pick(1000, 5), "5,000 sockets": bench.pick(5000, 10)}
    contests = []
    async with servers() as (_, load, urls):
        for case, sockets in sizes.items():
            answer = await load.ask(
                op="fan_out", urls=urls, sockets=sockets, rounds=bench.rounds * 2
            )
            contests.append(Contest(case, "seconds", "s", answer["runs"]))
    return contests
