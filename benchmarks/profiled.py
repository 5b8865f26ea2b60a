"""Where one driver spends its time, for example in `python_unisono rows count=20000`.

Not here: the ratios (see __main__); under a profiler all times are longer.
"""

import argparse
import asyncio
import cProfile
import importlib
import inspect
import json
import pstats
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.driver import HERE, ROOT

_LINES = 30
_PATIENCE_S = 60


def main() -> int:
    """Run one operation twice, and print the profile."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiled", description=__doc__)
    parser.add_argument("driver", help="python_unisono, js_convex, server, ...")
    parser.add_argument(
        "operation", help="first, rows, ...; of the server: commits_in_process, watched, ..."
    )
    parser.add_argument("argument", nargs="*", help="name=value")
    options = parser.parse_args()
    pairs = (each.split("=", 1) for each in options.argument)
    request: dict[str, Any] = {
        name: int(value) if value.isdigit() else value for name, value in pairs
    }
    if options.driver == "server":
        asyncio.run(_python(options.driver, options.operation, request))
        return 0
    with scripted_server() as url:
        request["url"] = url
        if options.driver.startswith("python_"):
            asyncio.run(_python(options.driver, options.operation, request))
        else:
            _javascript(options.driver, options.operation, request)
    return 0


@contextmanager
def scripted_server() -> Iterator[str]:
    """The URL of a scripted server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scripted"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        yield process.stdout.readline().strip()
        process.stdin.close()


async def _python(driver: str, operation: str, request: dict[str, Any]) -> None:
    run = importlib.import_module(f"benchmarks.drivers.{driver}").OPERATIONS[operation]
    profile = cProfile.Profile()
    for is_counted in (False, True):
        if is_counted:
            profile.enable()
        answer = run(**request)
        print(await answer if inspect.isawaitable(answer) else answer)
    profile.disable()
    pstats.Stats(profile, stream=sys.stdout).strip_dirs().sort_stats("tottime").print_stats(_LINES)


def _javascript(driver: str, operation: str, request: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = str(HERE / "drivers" / f"{driver}.mjs")
        command = ["node", "--expose-gc", "--cpu-prof", f"--cpu-prof-dir={folder}", script]
        line = json.dumps({"op": operation, **request}) + "\n"
        subprocess.run(
            command, input=line * 2, cwd=ROOT, text=True, timeout=_PATIENCE_S, check=True
        )
        for path in Path(folder).iterdir():
            _print_samples(json.loads(path.read_text()))


def _print_samples(profile: dict[str, Any]) -> None:
    frames = {node["id"]: node["callFrame"] for node in profile["nodes"]}
    spent: Counter[str] = Counter()
    for sample, micros in zip(profile["samples"], profile["timeDeltas"], strict=True):
        frame = frames[sample]
        place = f"{frame['url'].rpartition('/')[2]}:{frame['lineNumber'] + 1}"
        spent[f"{frame['functionName'] or '(anonymous)'} {place}"] += micros
    for name, micros in spent.most_common(_LINES):
        print(f"{micros / 1000:10.1f} ms  {name}")


if __name__ == "__main__":
    sys.exit(main())
