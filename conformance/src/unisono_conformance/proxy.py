"""Sits between any client and any server, passes everything on, and judges what it has seen.

Spec: reading
Not here: the line itself and what can go wrong on it (see link), the judging (see checker).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from unisono_conformance.checker.anomalies import Event
from unisono_conformance.checker.judge import Live, check
from unisono_conformance.checker.report import report_text
from unisono_conformance.checker.shrink import shrink
from unisono_conformance.checker.synclog import Recorder
from unisono_conformance.checker.wire import WireError
from unisono_conformance.link import Link


async def watch(upstream: str, port: int, record: Path | None) -> int:
    """Pass on until Ctrl-C, then judge. Returns 0 when nothing was wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    async with recording_proxy(upstream, port) as (url, recorder):
        recorder.listeners.append(live_printer())
        print(f"watching {upstream} at {url}; Ctrl-C ends it", flush=True)
        await stop.wait()
    if record is not None:
        with record.open("w", encoding="utf-8") as file:
            recorder.write(file)
    return judge(recorder)


def live_printer() -> Callable[[Event], None]:
    """What prints each thing that is wrong as soon as a frame shows it."""
    live = Live()

    def tell(event: Event) -> None:
        try:
            for each in live.take(event):
                print(f"{each.anomaly} [{each.rule}] at {each.at}: {each.sentence}", flush=True)
        except WireError as error:
            print(f"not judged: {error}", flush=True)

    return tell


def judge(recorder: Recorder) -> int:
    """Print what is wrong with a recorded history. Returns 0 when nothing is."""
    verdict = check(recorder.events)
    for found in verdict.findings:
        print(report_text(shrink(recorder.events, found)))
    print(f"{len(recorder.events)} events, {len(verdict.findings)} findings")
    return 0 if verdict.is_clean else 1


@asynccontextmanager
async def recording_proxy(upstream: str, port: int = 0) -> AsyncIterator[tuple[str, Recorder]]:
    """A proxy on the loopback that writes down every frame; yields its address and the record."""
    recorder = Recorder(source="proxy", upstream=upstream)
    async with Link(upstream, recorder, iter(range(1, 2**31))).open(port) as url:
        yield url, recorder
