"""Our Python client, used as its documentation says."""

import asyncio
from typing import Any

from benchmarks.drivers.lines import (
    Answer,
    Operation,
    Stopwatch,
    Ticker,
    memory_bytes,
    serve,
    ticking,
)
from unisono import Client, LocalStore, Subscription


async def _until(subscription: Subscription[Any], last: float) -> int:
    """Iterate until version `last` of the result; how many values were seen on the way."""
    seen = 0
    async for value in subscription:
        seen += 1
        if value["n"] == last:
            break
    return seen


def _subscribe_all(client: Client, count: int, size: int = 100) -> list[Subscription[Any]]:
    return [client.subscribe("bench:value", {"size": size, "i": at}) for at in range(count)]


async def first(url: str, times: int) -> Answer:
    watch = Stopwatch()
    for _ in range(times):
        async with Client(url) as client:
            await anext(client.subscribe("bench:value", {"size": 100}))
            watch.pause()
        watch.resume()
    return watch.read(times)


async def mutations(url: str, count: int, together: int) -> Answer:
    async with Client(url) as client:
        subscription = client.subscribe("bench:value", {"size": 100})
        await anext(subscription)
        watch = Stopwatch()
        for _ in range(count // together):
            if together == 1:
                await client.mutation("bench:touch", {"text": "hello"})
                continue
            calls = [client.mutation("bench:touch", {"text": "hello"}) for _ in range(together)]
            await asyncio.gather(*calls)
        return watch.read(count)


async def transitions(url: str, count: int, size: int, queries: int = 1) -> Answer:
    async with Client(url) as client:
        subscribed = _subscribe_all(client, queries, size)
        for each in subscribed:
            await anext(each)
        burst = {"count": count, "size": size, "query": queries // 2}
        last = (await client.action("bench:prepare", burst))["last"]
        watch = Stopwatch()
        await client.action("bench:go")
        seen = await _until(subscribed[queries // 2], last)
        return {**watch.read(count), "seen": seen / count}


async def subscriptions(url: str, count: int) -> Answer:
    before = memory_bytes()
    async with Client(url) as client:
        watch = Stopwatch()
        subscribed = _subscribe_all(client, count)
        values = [await anext(each) for each in subscribed]
        answer = watch.read()
        return {**answer, "memory": memory_bytes() - before, "seen": len(values)}


async def rows(url: str, count: int) -> Answer:
    async with Client(url) as client:
        watch = Stopwatch()
        value = await anext(client.subscribe("bench:rows", {"rows": count}))
        return {**watch.read(), "seen": len(value["rows"])}


async def reconnect(url: str, count: int, token: str) -> Answer:
    async with Client(url) as client:
        subscribed = _subscribe_all(client, count)
        for each in subscribed:
            await anext(each)
        last = (await client.action("bench:drop", {"token": token}))["last"]
        for each in subscribed:
            await _until(each, last)
        marked = await client.action("bench:mark")
        return {"seconds": marked["sinceOpened"], "felt": marked["sinceDropped"]}


async def optimistic(url: str, layers: int, count: int) -> Answer:
    arguments = {"size": 100, "i": 0}

    def lay(store: LocalStore) -> None:
        value: Any = store.get("bench:value", arguments)
        changed = {**value, "added": [*value.get("added", ()), "item"]}
        store.set("bench:value", arguments, changed)

    async with Client(url) as client:
        subscription = client.subscribe("bench:value", arguments)
        await anext(subscription)
        last = (await client.action("bench:prepare", {"count": count, "size": 100}))["last"]
        laying = Stopwatch()
        calls = [
            asyncio.create_task(client.mutation("bench:hold", optimistic=lay))
            for _ in range(layers)
        ]
        await asyncio.sleep(0)
        laid = laying.read(layers)
        replaying = Stopwatch()
        await client.action("bench:go")
        await _until(subscription, last)
        answer = {**replaying.read(count), "layer": laid["seconds"]}
        await client.action("bench:release")
        await asyncio.gather(*calls)
        return answer


async def pauses(url: str, load: str, count: int, size: int, rate: int) -> Answer:
    with ticking() as ticker:
        idle = await ticker.idle_share()
        async with Client(url) as client:
            if load == "rows":
                return await _rows_load(client, ticker, count, idle)
            subscription = client.subscribe("bench:value", {"size": size})
            await anext(subscription)
            ticker.restart()
            if load == "mutations":
                for _ in range(count):
                    await client.mutation("bench:touch", {"text": "hello"})
            else:
                paced = {"count": count, "size": size, "per_second": rate}
                await _until(subscription, (await client.action("bench:pace", paced))["last"])
            return ticker.read(idle)


async def _rows_load(client: Client, ticker: Ticker, count: int, idle: float) -> Answer:
    await asyncio.sleep(0.01)
    ticker.restart()
    await anext(client.subscribe("bench:rows", {"rows": count}))
    return ticker.read(idle)


OPERATIONS: dict[str, Operation] = {
    "first": first,
    "mutations": mutations,
    "transitions": transitions,
    "subscriptions": subscriptions,
    "rows": rows,
    "reconnect": reconnect,
    "optimistic": optimistic,
    "pauses": pauses,
}

if __name__ == "__main__":
    asyncio.run(serve(OPERATIONS))
