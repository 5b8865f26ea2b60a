"""The demo: a server, a Python client and a page that agree on one snapshot.

`python -m examples.chat.demo` runs until Ctrl-C; with `--once` it also opens the page
in a headless Chromium, adds the official npm client, sends one message from each side
and compares what the three of them see.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from itertools import zip_longest
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[2]
AGREE_WITHIN_S = 60
END_WITHIN_S = 10
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


class DemoError(Exception):
    """Something the person at the keyboard can mend; its text is one sentence."""


class Program:
    """A child process that prints one JSON list of lines for each snapshot it sees."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.lines: list[str] = []

    async def follow(self, changed: asyncio.Condition) -> None:
        """Keep `lines` at the newest snapshot; raise DemoError if the program ends."""
        assert self.process.stdout
        async for line in self.process.stdout:
            async with changed:
                self.lines = json.loads(line)
                changed.notify_all()
        raise DemoError(f"the {self.name} ended with exit code {await self.process.wait()}.")


@contextlib.asynccontextmanager
async def child(*command: str, output: int | None) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process in a session of its own, ended politely and at last firmly."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=output, cwd=ROOT, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        if "unisono_mock" in command and process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_WITHIN_S)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@contextlib.asynccontextmanager
async def chat_server(port: int) -> AsyncIterator[str]:
    """Start the backend of the chat; yield the URL that it prints."""
    command = [sys.executable, "-m", "unisono_mock", "examples.chat.backend:app"]
    async with child(*command, "--port", str(port), output=asyncio.subprocess.PIPE) as server:
        assert server.stdout
        line = (await server.stdout.readline()).decode()
        if "http://" not in line:
            raise DemoError("the server did not start; its own message is above.")
        yield line[line.index("http://") :].strip()


def page_command(url: str) -> list[str]:
    """The page in Chromium or, where there is none, the same JS client in Node."""
    candidates = [os.environ.get("CHROMIUM"), *CHROMIUM_NAMES]
    found = next((path for name in candidates if name and (path := shutil.which(name))), None)
    if found:
        return ["node", str(PEERS / "page.mjs"), url, found]
    print("No Chromium here: the JS client runs in Node instead of the page.", flush=True)
    return ["node", str(PEERS / "node.mjs"), url]


async def agreement(programs: list[Program], changed: asyncio.Condition) -> None:
    """Return when every program sees the same list with one message from each."""

    def agreed() -> bool:
        lists = [program.lines for program in programs]
        return len(lists[0]) == len(programs) and all(each == lists[0] for each in lists)

    async with changed:
        await changed.wait_for(agreed)


def side_by_side(programs: list[Program]) -> str:
    """The lists as columns of one table."""
    columns = [[program.name, *program.lines] for program in programs]
    width = max(len(cell) for column in columns for cell in column)
    rows = zip_longest(*columns, fillvalue="")
    return "\n".join(" | ".join(cell.ljust(width) for cell in row).rstrip() for row in rows)


async def once() -> int:
    """Run all three clients until they agree; say what differs if they do not."""
    async with chat_server(0) as url, contextlib.AsyncExitStack() as stack:
        print(f"A chat is at {url}; three clients are joining.", flush=True)
        commands = {
            "Python client": [sys.executable, "-m", "examples.chat.watch", url, "--json"],
            "page": page_command(url),
            "official npm client": ["node", str(PEERS / "official.mjs"), url],
        }
        programs = [
            Program(
                name,
                await stack.enter_async_context(child(*command, output=asyncio.subprocess.PIPE)),
            )
            for name, command in commands.items()
        ]
        changed = asyncio.Condition()
        agreeing = asyncio.ensure_future(agreement(programs, changed))
        following = [asyncio.ensure_future(each.follow(changed)) for each in programs]
        try:
            done, _ = await asyncio.wait(
                [agreeing, *following],
                timeout=AGREE_WITHIN_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            print(side_by_side(programs), flush=True)
            if agreeing in done:
                print("All three see the same list.")
                return 0
            for each in done:
                each.result()
            raise DemoError(f"the lists above still differ after {AGREE_WITHIN_S} s.")
        finally:
            for task in (agreeing, *following):
                task.cancel()
            await asyncio.gather(agreeing, *following, return_exceptions=True)


async def live(port: int) -> int:
    """Serve the chat and watch it from Python until Ctrl-C."""
    async with chat_server(port) as url:
        print(f"Open {url} in a browser and write; Ctrl-C ends everything.", flush=True)
        watch = [sys.executable, "-m", "examples.chat.watch", url]
        async with child(*watch, output=None) as process:
            raise DemoError(f"the Python client ended with exit code {await process.wait()}.")


async def until_signal(job: asyncio.Future[int]) -> int:
    """The job's exit code, or 0 when Ctrl-C or SIGTERM ended it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, job.cancel)
    try:
        return await job
    except asyncio.CancelledError:
        print("\nEnded; nothing is left running.")
        return 0


async def run(is_once: bool, port: int) -> int:
    """Run one of the two forms of the demo."""
    job = once() if is_once else live(port)
    return await until_signal(asyncio.ensure_future(job))


def main() -> int:
    """Parse the command line; every failure is one sentence and a non-zero exit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--once", action="store_true", help="compare three clients and exit")
    parser.add_argument("--port", type=int, default=3210, help="port of the live demo")
    options = parser.parse_args()
    try:
        return asyncio.run(run(options.once, options.port))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
