"""How lines reach an adapter and come back: through the pipes of a process, or a socket.

Spec: reading (and ADAPTER.md)
Not here: what the lines say (see adapter).
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LINE_LIMIT: Final = 256 * 1024 * 1024
END_BUDGET_S: Final = 5.0
ATTACH: Final = "tcp://"


class ChannelError(Exception):
    """There is nobody to talk to: the command does not start, or nobody listens."""


@dataclass
class Channel:
    """Lines to an adapter and lines from it; a process of ours, or a socket to one that runs."""

    lines: asyncio.StreamReader
    out: asyncio.StreamWriter
    log: asyncio.StreamReader | None = None
    process: asyncio.subprocess.Process | None = None

    async def write(self, line: bytes) -> None:
        """Send one line."""
        self.out.write(line + b"\n")
        await self.out.drain()

    async def end(self, reading: asyncio.Task[None]) -> int | None:
        """Wait for the end after a goodbye; None when it had to be forced.

        A process gives its exit code. An adapter that was attached to says 0 by hanging up,
        which ends the `reading` of its lines.
        """
        if self.process is None:
            done, _ = await asyncio.wait([reading], timeout=END_BUDGET_S)
            self.out.close()
            return 0 if done else None
        self.out.close()
        try:
            return await asyncio.wait_for(self.process.wait(), END_BUDGET_S)
        except TimeoutError:
            await self.kill()
            return None

    async def kill(self) -> None:
        """End it without a goodbye. What was attached to goes on; only its line is cut."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        self.out.close()


async def open_channel(target: Sequence[str] | str) -> Channel:
    """Start a command, or attach to `tcp://HOST:PORT`. Raises ChannelError."""
    argv = shlex.split(target) if isinstance(target, str) else list(target)
    if len(argv) == 1 and argv[0].startswith(ATTACH):
        return await _attach(argv[0])
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
        )
    except OSError as error:
        raise ChannelError(f"cannot start {shlex.join(argv)}: {error}") from error
    assert process.stdin is not None
    assert process.stdout is not None
    return Channel(process.stdout, process.stdin, process.stderr, process)


async def _attach(address: str) -> Channel:
    place = urlsplit(address)
    try:
        port = place.port
    except ValueError:
        port = None
    if not place.hostname or port is None:
        raise ChannelError(f"cannot attach to {address}: it has the form tcp://HOST:PORT")
    try:
        lines, out = await asyncio.open_connection(place.hostname, port, limit=LINE_LIMIT)
    except OSError as error:
        raise ChannelError(f"cannot attach to {address}: {error}") from error
    return Channel(lines, out)
