"""`python -m benchmarks [scenario ...]`: measure side by side and print ratios."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.measure import CLIENTS
from benchmarks.report import Measured
from benchmarks.scenarios import SCENARIOS
from benchmarks.scripted import ScriptedServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; a run of all of them is kept in `results/`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"any of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender")
    parser.add_argument("--tiny", action="store_true", help="only show that everything works")
    parser.add_argument("--save", action="store_true", help="keep the results of a part, too")
    parser.add_argument(
        "--clients", nargs="+", default=CLIENTS, choices=CLIENTS, help="who takes part"
    )
    options = parser.parse_args(arguments)
    unknown = set(options.scenario) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario is called {', '.join(sorted(unknown))}")
    names = options.scenario or list(SCENARIOS)
    measured = asyncio.run(
        measure(names, options.rounds, is_tiny=options.tiny, clients=tuple(options.clients))
    )
    if not options.tiny and (options.save or not options.scenario):
        report.save(measured, options.rounds)
    return 0


async def measure(
    names: Sequence[str], rounds: int, *, is_tiny: bool, clients: tuple[str, ...] = CLIENTS
) -> list[Measured]:
    """Run scenarios one after the other and print each when it is done."""
    found = []
    async with ScriptedServer() as server, Bench(server, rounds, is_tiny, clients) as bench:
        for name in names:
            scenario = SCENARIOS[name]
            started = time.perf_counter()
            contests = await scenario.run(bench)
            passed = time.perf_counter() - started
            found.append(Measured(name, scenario.TITLE, contests, scenario.TARGETS, passed))
            print(report.text(found[-1]), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
