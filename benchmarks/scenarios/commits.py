"""Small mutations by 10 clients over sockets, each waiting for its response, by contention.

`shared` is the part of the mutations that write the one shared counter; the functions of `slow`
cases let others run between reading and writing, so that commits really conflict; `lost` counts the
connections that the server ended because of that, per commit. Beside them the same work without a
socket: called in process, and done on the bare store.
"""

from benchmarks.bench import Bench, servers
from benchmarks.measure import Contest, Target

TITLE = "Commits"
TARGETS = (Target("no contention", "seconds", "unisono_mock", "store", 2.0),)
_CLIENTS = 10
_CASES = {
    "no contention": (0, "bench:add"),
    "half shared": (50, "bench:add"),
    "all shared": (100, "bench:add"),
    "no contention, slow": (0, "bench:addSlowly"),
    "half shared, slow": (50, "bench:addSlowly"),
    "all shared, slow": (100, "bench:addSlowly"),
}


async def run(bench: Bench) -> list[Contest]:
    runs: dict[str, dict[str, list[float]]] = {case: {} for case in _CASES}
    lost: dict[str, list[float]] = {case: [] for case in _CASES}
    async with servers() as (server, load, urls):
        for _ in range(bench.rounds):
            for case, (percent, path) in _CASES.items():
                answer = await load.numbers(
                    op="commits",
                    url=urls["unisono_mock"],
                    clients=_CLIENTS,
                    count=bench.pick(200 if case.endswith("slow") else 1000, _CLIENTS),
                    shared_percent=percent,
                    path=path,
                )
                runs[case].setdefault("unisono_mock", []).append(answer["seconds"])
                lost[case].append(answer["lost"])
            for name in ("in_process", "on_store"):
                answer = await server.numbers(
                    op=f"commits_{name}", count=bench.pick(1000, 20), names=_CLIENTS
                )
                for case in _CASES:
                    contender = name.removeprefix("on_")
                    runs[case].setdefault(contender, []).append(answer["seconds"])
    contests = [Contest(case, "seconds", "s", each) for case, each in runs.items()]
    conflicts = {case: numbers for case, numbers in lost.items() if case.endswith("slow")}
    return contests + [
        Contest(case, "lost", "", {"unisono_mock": numbers}) for case, numbers in conflicts.items()
    ]
