"""A program under measurement: a child process that answers JSON lines.

Not here: what is asked (see the scenarios), the programs (see drivers/).
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent

_LINE_BYTES = 1 << 22
_PATIENCE_S = 5.0


class DriverFailed(Exception):
    """A driver ended or wrote something else than an answer; its own words are on stderr."""


class Driver:
    """One child process and the requests to it."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self.name = name

    @classmethod
    async def start(cls, name: str) -> "Driver":
        """Start `drivers/<name>`, by Node or by this Python."""
        process = await asyncio.create_subprocess_exec(
            *_command(name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            limit=_LINE_BYTES,
        )
        return cls(process, name)

    async def ask(self, deadline_s: float, **request: Any) -> dict[str, Any] | None:
        """The answer to one request, or None if it did not come in time."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), deadline_s)
        except TimeoutError:
            return None
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            raise DriverFailed(f"{self.name} ended during {request}") from None
        return answer

    async def stop(self) -> None:
        """Let it end by itself; a driver that does not is ended."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE_S)
        except TimeoutError:
            await self.end()

    async def end(self) -> None:
        """End it now."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


def _command(name: str) -> list[str]:
    script = HERE / "drivers" / f"{name}.mjs"
    if script.exists():
        return ["node", "--expose-gc", str(script)]
    return [sys.executable, "-m", f"benchmarks.drivers.{name}"]
