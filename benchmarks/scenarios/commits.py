"""Small mutations by 10 clients over sockets, each waiting for its response, by contention.

`shared` is the part of the mutations that write the one shared counter; the functions of `slow`
cases let others run between reading and writing, so that commits really conflict; `lost` counts the
connections that the server ended because of that, per commit. Beside them the same work without a
socket: called in process, and the part of it that is the store's (what `ctx.db` does, and the
commit). `processor` is the server's own time.
"""

from benchmarks.bench import Asked, Bench
from benchmarks.measure import Contest, Target, growth

TITLE = "Commits"
_CLIENTS = 10
_QUICK, _SLOW = "bench:add", "bench:addSlowly"
_PLAIN_CASE = "no contention"
TARGETS = (Target(_PLAIN_CASE, "seconds", "unisono_mock", "store", 2.0),)
_CASES = {
    _PLAIN_CASE: (0, _QUICK),
    "half shared": (50, _QUICK),
    "all shared": (100, _QUICK),
    "no contention, slow": (0, _SLOW),
    "half shared, slow": (50, _SLOW),
    "all shared, slow": (100, _SLOW),
}
_CROWDS = (1, 10, 40)


async def run(bench: Bench) -> list[Contest]:
    runs: dict[str, dict[str, list[float]]] = {case: {} for case in _CASES}
    busy: dict[str, list[float]] = {}
    lost: dict[str, list[float]] = {case: [] for case, (_, path) in _CASES.items() if path == _SLOW}
    crowds: dict[int, list[float]] = {clients: [] for clients in _CROWDS}
    async with bench.servers() as (server, load, urls):
        sockets = _Sockets(bench, server, load, urls["unisono_mock"])
        for _ in range(bench.rounds):
            for case, (percent, path) in _CASES.items():
                answer = await sockets.commits(bench.pick(_CLIENTS, 2), percent, path)
                runs[case].setdefault("unisono_mock", []).append(answer["seconds"])
                if case == _PLAIN_CASE:
                    busy.setdefault("unisono_mock", []).append(answer["processor"])
                if case in lost:
                    lost[case].append(answer["lost"])
            for clients in _CROWDS:
                answer = await sockets.commits(clients, 0, _QUICK)
                crowds[clients].append(answer["seconds"])
            for contender in ("in_process", "store"):
                count = bench.pick(1000, 20)
                answer = await server.numbers(op=f"commits_{contender}", count=count, names=10)
                busy.setdefault(contender, []).append(answer["processor"])
                for each in runs.values():
                    each.setdefault(contender, []).append(answer["seconds"])
    return [
        *(Contest(case, "seconds", "s", each) for case, each in runs.items()),
        *(Contest(case, "lost", "", {"unisono_mock": each}) for case, each in lost.items()),
        Contest(_PLAIN_CASE, "processor", "s", busy),
        growth("growth with clients", "unisono_mock", crowds),
    ]


class _Sockets:
    """Clients on sockets that commit."""

    def __init__(self, bench: Bench, server: Asked, load: Asked, url: str) -> None:
        self._bench = bench
        self._server = server
        self._load = load
        self._url = url

    async def commits(self, clients: int, shared_percent: int, path: str) -> dict[str, float]:
        count = self._bench.pick(200 if path == _SLOW else 1000, max(clients, 10))
        before = (await self._server.numbers(op="processor"))["processor"]
        answer = await self._load.numbers(
            op="commits",
            url=self._url,
            clients=clients,
            count=count,
            shared_percent=shared_percent,
            path=path,
        )
        after = (await self._server.numbers(op="processor"))["processor"]
        return {**answer, "processor": (after - before) / count}
