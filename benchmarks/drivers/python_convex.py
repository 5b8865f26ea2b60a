"""The official Python client, used as its documentation says: blocking calls and iterators."""

import asyncio
from typing import Any, TypeAlias

from convex import ConvexClient, QuerySubscription
from convex.values import CoercibleToConvexValue

from benchmarks.drivers.lines import (
    Answer,
    Operation,
    Stopwatch,
    Ticker,
    Unsupported,
    memory_bytes,
    serve,
    ticking,
)

Arguments: TypeAlias = dict[str, CoercibleToConvexValue]


def _until(subscription: QuerySubscription, last: float) -> int:
    """Iterate until version `last` of the result; how many values were seen on the way."""
    seen = 0
    for value in subscription:
        seen += 1
        if _version(value) == last:
            break
    return seen


def _version(value: Any) -> Any:
    return value["n"]


def first(url: str, times: int) -> Answer:
    watch = Stopwatch()
    for _ in range(times):
        client = ConvexClient(url)
        next(client.subscribe("bench:value", {"size": 100.0}))
        watch.pause()
        del client
        watch.resume()
    return watch.read(times)


def mutations(url: str, count: int, together: int) -> Answer:
    if together > 1:
        raise Unsupported("every call blocks the interpreter until it is settled")
    client = ConvexClient(url)
    subscription = client.subscribe("bench:value", {"size": 100.0})
    next(subscription)
    watch = Stopwatch()
    for _ in range(count):
        client.mutation("bench:touch", {"text": "hello"})
    return watch.read(count)


def transitions(url: str, count: int, size: int, queries: int = 1) -> Answer:
    client = ConvexClient(url)
    subscribed = [
        client.subscribe("bench:value", {"size": float(size), "i": float(at)})
        for at in range(queries)
    ]
    for each in subscribed:
        next(each)
    burst: Arguments = {"count": float(count), "size": float(size), "query": float(queries // 2)}
    last = client.action("bench:prepare", burst)["last"]
    watch = Stopwatch()
    client.action("bench:go", {})
    seen = _until(subscribed[queries // 2], last)
    return {**watch.read(count), "seen": seen / count}


def subscriptions(url: str, count: int) -> Answer:
    before = memory_bytes()
    client = ConvexClient(url)
    watch = Stopwatch()
    subscribed = [
        client.subscribe("bench:value", {"size": 100.0, "i": float(at)}) for at in range(count)
    ]
    values = [next(each) for each in subscribed]
    answer = watch.read()
    return {**answer, "memory": memory_bytes() - before, "seen": len(values)}


def rows(url: str, count: int) -> Answer:
    client = ConvexClient(url)
    watch = Stopwatch()
    value: Any = next(client.subscribe("bench:rows", {"rows": float(count)}))
    return {**watch.read(), "seen": len(value["rows"])}


def reconnect(url: str, count: int, token: str) -> Answer:
    client = ConvexClient(url)
    subscribed = [
        client.subscribe("bench:value", {"size": 100.0, "i": float(at)}) for at in range(count)
    ]
    for each in subscribed:
        next(each)
    last = client.action("bench:drop", {"token": token})["last"]
    for each in subscribed:
        _until(each, last)
    marked = client.action("bench:mark", {})
    return {"seconds": marked["sinceOpened"], "felt": marked["sinceDropped"]}


async def pauses(url: str, load: str, count: int, size: int, rate: int) -> Answer:
    client = ConvexClient(url)
    with ticking() as ticker:
        idle = await ticker.idle_share()
        if load == "rows":
            return await _rows_load(client, ticker, count, idle)
        subscription = client.subscribe("bench:value", {"size": float(size)})
        await anext(subscription)
        ticker.restart()
        if load == "mutations":
            for _ in range(count):
                client.mutation("bench:touch", {"text": "hello"})
                await asyncio.sleep(0)
        else:
            paced: Arguments = {
                "count": float(count),
                "size": float(size),
                "per_second": float(rate),
            }
            last = client.action("bench:pace", paced)["last"]
            while _version(await anext(subscription)) != last:
                pass
        return ticker.read(idle)


async def _rows_load(client: ConvexClient, ticker: Ticker, count: int, idle: float) -> Answer:
    await asyncio.sleep(0.01)
    ticker.restart()
    await anext(client.subscribe("bench:rows", {"rows": float(count)}))
    return ticker.read(idle)


OPERATIONS: dict[str, Operation] = {
    "first": first,
    "mutations": mutations,
    "transitions": transitions,
    "subscriptions": subscriptions,
    "rows": rows,
    "reconnect": reconnect,
    "pauses": pauses,
}

if __name__ == "__main__":
    asyncio.run(serve(OPERATIONS))
