"""What an open connection costs the server in memory, without and with 10 subscriptions.

One run holds many idle connections to a fresh server, and divides what it grew by. The bare socket
is an asyncio protocol that knows nothing; every subscription is another query.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target, growth

TITLE = "Memory of the server"
TARGETS = (Target("10 subscriptions, beyond the socket", "memory", "unisono_mock", None, 60_000),)
_QUERIES = 10


async def run(bench: Bench) -> list[Contest]:
    sockets = bench.pick(500, 5)
    idle: dict[str, list[float]] = {}
    full: list[float] = []
    for _ in range(min(bench.rounds, 3)):
        for name in ("socket", "websockets", "unisono_mock"):
            idle.setdefault(name, []).append(await _memory(bench, name, sockets, 0))
        full.append(await _memory(bench, "unisono_mock", sockets, _QUERIES))
    floor = sorted(idle["socket"])[len(idle["socket"]) // 2]
    one = [(with_ten - without) / _QUERIES for with_ten, without in _pairs(full, idle)]
    few = bench.pick(sockets // 4, 2)
    growing = {
        few: await _memory(bench, "unisono_mock", few, _QUERIES),
        sockets: sorted(full)[len(full) // 2],
    }
    sizes = {size: [size * each] for size, each in growing.items()}
    return [
        Contest("idle connection", "memory", "B", idle),
        Contest("connection with 10 subscriptions", "memory", "B", {"unisono_mock": full}),
        Contest(
            "10 subscriptions, beyond the socket",
            "memory",
            "B",
            {"unisono_mock": [number - floor for number in full]},
        ),
        Contest("one subscription", "memory", "B", {"unisono_mock": one}),
        growth("growth with connections", "unisono_mock", sizes),
        growth("growth with subscriptions", "unisono_mock", await _by_subscriptions(bench)),
    ]


def _pairs(full: list[float], idle: dict[str, list[float]]) -> list[tuple[float, float]]:
    return list(zip(full, idle["unisono_mock"], strict=True))


async def _by_subscriptions(bench: Bench) -> dict[int, list[float]]:
    """What a connection takes by the number of its subscriptions, beyond one without any."""
    sockets = bench.pick(200, 2)
    idle = await _memory(bench, "unisono_mock", sockets, 0)
    return {
        queries: [await _memory(bench, "unisono_mock", sockets, queries) - idle]
        for queries in (5, 20, 80)
    }


async def _memory(bench: Bench, name: str, sockets: int, queries: int) -> float:
    """The bytes of one of many idle connections."""
    async with bench.servers() as (server, load, urls):
        before = (await server.numbers(op="memory"))["memory"]
        await load.ask(
            op="hold",
            url=urls[name],
            sockets=sockets,
            queries=queries,
            is_websocket=name != "socket",
        )
        after = (await server.numbers(op="memory"))["memory"]
        await load.ask(op="let_go")
    return (after - before) / sockets
