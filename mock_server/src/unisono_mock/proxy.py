"""A proxy before any other server: it misbehaves on request, records sessions and replays them.

    async with proxy("http://127.0.0.1:3210", record=Path("session.jsonl")) as front:
        front.misbehave(Reset(), when=BeforeServer("MutationResponse"))
        ...  # point a client at front.url

On the command line, `python -m unisono_mock.proxy --upstream http://127.0.0.1:3210 --port 0`,
with `--record FILE`, or `--replay FILE` in the place of a server behind.

Spec: session
Not here: what the faults are (see faults), how a recording looks (see recording).
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import TextIO

from .armed import Armed
from .core.http import Request, Response, refusal
from .faults import Refuse, Trigger
from .plans import read_plan
from .recording import Recorder, Replay, read_recording
from .relay import Gate
from .runtime.forwarding import Forwarder
from .runtime.keysets import Unreachable
from .runtime.port import Port
from .runtime.upstream import Upstream, dial
from .script import Faults, Script

# What the server behind is to know of the client at the handshake.
_PASSED_ON = ("convex-client", "user-agent", "origin", "cookie", "authorization")


class Proxy:
    """A port before a server."""

    def __init__(self, upstream: str, record: TextIO | None = None) -> None:
        self.url = ""
        self.script = Script()
        self._base = "http" + _without_scheme(upstream).rstrip("/")
        self._forward = Forwarder(self._base)
        self._recorder = None if record is None else Recorder(record.write, self._base)
        self._port = Port(self._forward, self._admit)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen."""
        self.url = await self._port.start(host, port)

    async def stop(self) -> None:
        """End every connection and close the port."""
        await self._port.stop()
        await self._forward.close()

    def misbehave(self, do: Faults, *, when: Trigger | None = None, times: int | None = 1) -> Armed:
        """Do wrong when an event comes, `times` times; without an event, at once."""
        return self.script.misbehave(do, when, times)

    async def _admit(self, request: Request) -> Gate | Response | None:
        refused = self.script.admit()
        if refused is not None:
            return _refusal(refused)
        url = "ws" + self._base.removeprefix("http") + request.path
        given = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        try:
            upstream = await dial(url, given)
        except Unreachable as error:
            return refusal(502, "UpstreamUnreachable", str(error))
        if isinstance(upstream, Upstream):
            return Gate(upstream, self.script, self._recorder, self._port.clock)
        kept = tuple((k, v) for k, v in upstream.headers.raw_items() if k.startswith("x-"))
        content_type = upstream.headers.get("content-type", "text/plain")
        return Response(upstream.status_code, bytes(upstream.body or b""), content_type, kept)


class ReplayServer:
    """A port before a recording."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.url = ""
        self._port = Port(lambda request: Response(404), self._admit)
        self.replay = Replay(read_recording(lines), self._port.clock)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen."""
        self.url = await self._port.start(host, port)

    async def stop(self) -> None:
        """End every connection and close the port."""
        await self._port.stop()

    def _admit(self, request: Request) -> Replay | Response:
        if self.replay.is_over:
            return refusal(503, "RecordingIsOver", "every recorded connection was replayed")
        return self.replay


@asynccontextmanager
async def proxy(
    upstream: str, port: int = 0, *, host: str = "127.0.0.1", record: Path | None = None
) -> AsyncIterator[Proxy]:
    """A running proxy; port 0 picks a free one. `url` says where it is."""
    with _opened(record) as file:
        front = Proxy(upstream, file)
        await front.start(host, port)
        try:
            yield front
        finally:
            await front.stop()


@asynccontextmanager
async def replay(
    recording: Path, port: int = 0, *, host: str = "127.0.0.1"
) -> AsyncIterator[ReplayServer]:
    """A running server that says what a recorded one said."""
    with recording.open(encoding="utf-8") as lines:
        server = ReplayServer(lines)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m unisono_mock.proxy")
    behind = parser.add_mutually_exclusive_group(required=True)
    behind.add_argument("--upstream", metavar="URL", help="the server to pass everything on to")
    behind.add_argument("--replay", metavar="FILE", type=Path, help="say what was recorded")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--record", metavar="FILE", type=Path, help="write down every message")
    parser.add_argument(
        "--misbehave", metavar="PLAN", action="append", default=[], help="faults as JSON"
    )
    options = parser.parse_args(arguments)
    try:
        if options.replay is not None:
            asyncio.run(_replay(options))
        else:
            asyncio.run(_proxy(options))
    except (OSError, ValueError) as reason:
        print(f"unisono-mock proxy: {reason}", file=sys.stderr)
        return 1
    return 0


async def _proxy(options: argparse.Namespace) -> None:
    plans = [read_plan(text) for text in options.misbehave]
    async with proxy(
        options.upstream, options.port, host=options.host, record=options.record
    ) as front:
        for plan in plans:
            front.misbehave(plan.faults, when=plan.when, times=plan.times)
        await _until_stopped(front.url)


async def _replay(options: argparse.Namespace) -> None:
    async with replay(options.replay, options.port, host=options.host) as server:
        await _until_stopped(server.url)
        for surprise in server.replay.surprises:
            print(surprise, file=sys.stderr)


async def _until_stopped(url: str) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    print(f"Serving on {url}", flush=True)
    await stop.wait()


def _opened(record: Path | None) -> AbstractContextManager[TextIO | None]:
    # Line by line, so that a proxy that is killed leaves what it has seen.
    return nullcontext() if record is None else record.open("w", buffering=1, encoding="utf-8")


def _refusal(refused: Refuse) -> Response | None:
    return None if refused.status is None else Response(refused.status)


def _without_scheme(url: str) -> str:
    """What follows `http` or `ws` in an address: `://host` or `s://host`."""
    for scheme in ("http", "ws"):
        rest = url.removeprefix(scheme)
        if rest != url and rest.startswith(("://", "s://")):
            return rest
    raise ValueError(f"{url} is not an address of http, https, ws or wss")


if __name__ == "__main__":
    sys.exit(main())
