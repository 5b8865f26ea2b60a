"""The list: what is typed is shown at once, with a `?` until the server has confirmed it.

Run it with `python -m examples.optimistic_list.items http://127.0.0.1:3210`; a line typed on
its standard input adds an item, a number ticks that one off. Write in capitals, and see how
the guess is taken back.
"""

import argparse
import sys
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

import unisono
from examples.chat.watch import NobodyThereError, until_live

LIST = "items:list"


def add(store: unisono.LocalStore, text: str) -> None:
    """The guess: an item at the end, whose number nobody knows yet."""
    items = store.get(LIST)
    # Before the first result there is no list to guess about.
    if items is not None:
        store.set(LIST, {}, [*items, {"number": None, "text": text, "isDone": False}])


def tick(store: unisono.LocalStore, number: int) -> None:
    """The guess: this item is done."""
    for item in (items := store.get(LIST, default=[])):
        if item["number"] == number:
            item["isDone"] = True
    store.set(LIST, {}, items)


def line_of(item: dict[str, Any]) -> str:
    number = "?" if item["number"] is None else f"{item['number']:g}"
    return f"{number:>4} [{'x' if item['isDone'] else ' '}] {item['text']}"


def show(items: list[dict[str, Any]]) -> None:
    print(f"-- {len(items)} items", *map(line_of, items), sep="\n", flush=True)


async def show_each(client: unisono.Client) -> None:
    async for items in client.subscribe(LIST, policy="every"):
        show(items)


async def send(client: unisono.Client, typed: str) -> None:
    """Nobody waits for this: the guess is on the screen already."""
    try:
        if typed.isdigit():
            guess = partial(tick, number=int(typed))
            await client.mutation("items:tick", {"number": int(typed)}, optimistic=guess)
        else:
            await client.mutation("items:add", {"text": typed}, optimistic=partial(add, text=typed))
    except unisono.ApplicationError as error:
        print(f"!! {typed}: {error.data}", flush=True)


async def edit(url: str, patience_s: float) -> None:
    async with unisono.Client(url) as client:
        await until_live(client, url, patience_s)
        await client.query(LIST)
        async with anyio.create_task_group() as showing:
            showing.start_soon(show_each, client)
            async with anyio.create_task_group() as sending:
                while line := await anyio.to_thread.run_sync(
                    sys.stdin.readline, abandon_on_cancel=True
                ):
                    if line.strip():
                        sending.start_soon(send, client, line.strip())
            showing.cancel_scope.cancel()
        # Every call has settled now, so this is the truth.
        show(await client.query(LIST))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="where the backend is, for example http://127.0.0.1:3210")
    parser.add_argument("--patience", type=float, default=10, help="seconds until giving up")
    options = parser.parse_args()
    try:
        anyio.run(edit, options.url, options.patience)
    except (unisono.UnisonoError, NobodyThereError) as error:
        print(f"items: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
