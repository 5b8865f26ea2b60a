"""The app behind the server scenarios: counters by name, and how often its functions ran."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from unisono_mock import App, MutationContext, QueryContext, Schema, table

schema = Schema(counters=table(name=str, n=float).index("by_name", "name"))
app = App(schema=schema)

#: How often each function ran in this process.
RUNS: Counter[str] = Counter()


@app.query("bench:count")
def count(ctx: QueryContext, name: str, view: float = 0.0) -> dict[str, float]:
    """The counter of a name; `view` makes different queries of one counter."""
    RUNS["count"] += 1
    found = ctx.db.query("counters").with_index("by_name", name=name).unique()
    return {"n": found["n"] if found else 0.0, "view": view}


@app.mutation("bench:add")
def add(ctx: MutationContext, name: str) -> None:
    """Add one to a counter."""
    RUNS["add"] += 1
    _body[-1](ctx, name)


@app.mutation("bench:addSlowly")
async def add_slowly(ctx: MutationContext, name: str) -> None:
    """Add one to a counter, and let others run between reading and writing."""
    RUNS["addSlowly"] += 1
    ctx.db.query("counters").with_index("by_name", name=name).unique()
    await asyncio.sleep(0)
    _add(ctx, name)


@contextmanager
def measured_body(around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Have what `bench:add` does with the database wrapped by somebody who measures it."""
    _body.append(around(_add))
    try:
        yield
    finally:
        _body.pop()


def _add(ctx: MutationContext, name: str) -> None:
    found = ctx.db.query("counters").with_index("by_name", name=name).unique()
    if found is None:
        ctx.db.insert("counters", {"name": name, "n": 1.0})
    else:
        ctx.db.patch(found["_id"], {"n": found["n"] + 1})


_body: list[Callable[..., Any]] = [_add]
