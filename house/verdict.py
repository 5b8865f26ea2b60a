"""Run every check of every language and close with one line that a machine can read.

Not here: what is checked (each tool has its own configuration), and setting up the
environment (see the Makefile).
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
REPORTS = ROOT / "reports"
PYTHON_FOLDERS = (
    *("protocol", "python_client", "mock_server", "conformance"),
    *("house", "examples", "benchmarks"),
)


@dataclass(frozen=True)
class Check:
    """One command; `report` names the JUnit file it writes, if it counts its tests."""

    name: str
    command: tuple[str, ...]
    report: str | None = None


@dataclass(frozen=True)
class Count:
    """How many tests ended in which way, and why the skipped ones were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.reasons + other.reasons,
        )


def checks() -> list[Check]:
    """Everything that must hold, cheapest first."""
    return [
        Check("ruff", (f"{BIN}/ruff", "check", ".")),
        Check("format", (f"{BIN}/ruff", "format", "--check", ".")),
        Check("mypy", (f"{BIN}/mypy", *PYTHON_FOLDERS)),
        Check("pyright", ("npm", "exec", "--no", "--silent", "--", "pyright")),
        Check("tsc", ("npm", "run", "--silent", "check", "-w", "js_client")),
        Check(
            "vitest",
            (
                *("npm", "test", "--silent", "-w", "js_client", "--"),
                *("--reporter=default", "--reporter=junit", f"--outputFile.junit={REPORTS}/js.xml"),
            ),
            "js.xml",
        ),
        Check(
            "pytest",
            (
                *(f"{BIN}/pytest", "-m", "not soak", "-q", "-n", "2", "--dist", "loadfile"),
                f"--junitxml={REPORTS}/python.xml",
            ),
            "python.xml",
        ),
    ]


def run(check: Check) -> Count:
    """Run one check; a command that fails without a failed test counts as one failure."""
    print(f"== {check.name}", flush=True)
    started = time.monotonic()
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    code = subprocess.run(check.command, cwd=ROOT, env=environment, check=False).returncode
    count = read_report(REPORTS / check.report) if check.report else Count(passed=int(code == 0))
    if code != 0 and count.failed == 0:
        count += Count(failed=1)
    print(f"== {check.name}: exit {code}, {time.monotonic() - started:.0f} s", flush=True)
    return count


def read_report(path: Path) -> Count:
    """Count the test cases of a JUnit file; a missing file is a failure of the check."""
    if not path.exists():
        return Count(failed=1)
    total = Count()
    for case in ET.parse(path).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            total += Count(failed=1)
        elif skipped is not None:
            # Vitest gives no message: there the reason stands in the name.
            said = (case.get("classname"), case.get("name"), skipped.get("message"))
            total += Count(skipped=1, reasons=(": ".join(filter(None, said)),))
        else:
            total += Count(passed=1)
    return total


def main() -> int:
    """Run all checks, name every skip loudly, print the closing line."""
    REPORTS.mkdir(exist_ok=True)
    for stale in REPORTS.glob("*.xml"):
        stale.unlink()
    counts = [run(check) for check in checks()]
    total = sum(counts, Count())
    for reason in total.reasons:
        print(f"SKIPPED {reason}")
    failing = [check.name for check, count in zip(checks(), counts, strict=True) if count.failed]
    if failing:
        print(f"FAILED: {', '.join(failing)}")
    print(f"tests: {total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
