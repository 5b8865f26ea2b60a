"""The Python side of the chat: print every snapshot, say one thing, go on listening.

Run it with `python -m examples.chat.watch http://127.0.0.1:3210`; a line typed on
its standard input is sent as a message, the end of the input ends the program.
"""

import argparse
import json
import sys

import anyio
import anyio.to_thread

import unisono


async def print_snapshots(client: unisono.Client, as_json: bool) -> None:
    async for messages in client.subscribe("messages:list"):
        lines = [f"{each['author']}: {each['body']}" for each in messages]
        if as_json:
            print(json.dumps(lines), flush=True)
        else:
            print(f"-- {len(lines)} messages", *lines, sep="\n   ", flush=True)


async def send_what_is_typed(client: unisono.Client) -> None:
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        if line.strip():
            await say(client, line.strip())


async def say(client: unisono.Client, body: str) -> None:
    await client.mutation("messages:send", {"author": "Python", "body": body})


class NobodyThereError(Exception):
    """The backend did not answer; the text says where and why."""


async def until_live(client: unisono.Client, url: str, patience_s: float) -> None:
    """A client tries for ever; a person at a terminal wants to know after a while."""
    with anyio.move_on_after(patience_s):
        async for state in client.states():
            if state.is_connected:
                return
    why = client.state.why or "no answer yet"
    raise NobodyThereError(f"no backend answers at {url} ({why}); is it running?")


async def chat(url: str, greeting: str, as_json: bool, patience_s: float) -> None:
    async with unisono.Client(url) as client:
        await until_live(client, url, patience_s)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(print_snapshots, client, as_json)
            await say(client, greeting)
            await send_what_is_typed(client)
            tasks.cancel_scope.cancel()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="where the backend is, for example http://127.0.0.1:3210")
    parser.add_argument("--say", default="hello from Python", help="the first message to send")
    parser.add_argument("--json", action="store_true", help="one JSON list a snapshot")
    parser.add_argument("--patience", type=float, default=10, help="seconds until giving up")
    options = parser.parse_args()
    try:
        anyio.run(chat, options.url, options.say, options.json, options.patience)
    except (unisono.UnisonoError, NobodyThereError) as error:
        print(f"watch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
