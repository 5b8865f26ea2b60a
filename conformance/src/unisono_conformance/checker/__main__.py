"""Judges a synclog: `python -m unisono_conformance.checker FILE`.

Spec: reading
Not here: the words of the suite's own command (see cli).
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from unisono_conformance.checker.judge import Verdict, check
from unisono_conformance.checker.report import diagram, report_json, report_text
from unisono_conformance.checker.shrink import Witness, shrink
from unisono_conformance.checker.synclog import Synclog, SynclogError, read, write
from unisono_conformance.checker.wire import WireError

CLEAN: Final = 0
VIOLATION: Final = 1
UNREADABLE: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Judge one file and print what is wrong with it; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        history = read(options.file)
        verdict = check(history.events)
    except (OSError, SynclogError, WireError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return UNREADABLE
    witnesses = _witnesses(history, verdict)
    if options.witness is not None and witnesses:
        with options.witness.open("w", encoding="utf-8") as file:
            write(file, history.header, witnesses[0].events)
    if options.json:
        shown = {**verdict.to_json(), "witnesses": [report_json(each) for each in witnesses]}
        print(json.dumps(shown, ensure_ascii=False))
    else:
        _print(verdict, witnesses, options.diagram)
        if witnesses:
            print(_again(options.file, options.witness))
    is_wrong = bool(verdict.findings) if options.strict else not verdict.is_clean
    return VIOLATION if is_wrong else CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="unisono_conformance.checker", description=__doc__)
    parser.add_argument("file", type=Path, help="a synclog, or the witness of one")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--diagram", action="store_true", help="print mermaid diagrams too")
    parser.add_argument("--strict", action="store_true", help="fail for rules with SHOULD, too")
    parser.add_argument("--witness", type=Path, help="write the first shrunk history here")
    return parser


def _witnesses(history: Synclog, verdict: Verdict) -> list[Witness]:
    """Shrink the first finding of each anomaly, violations first."""
    first = {each.anomaly: each for each in reversed(verdict.findings)}
    ordered = sorted(first.values(), key=lambda each: (each.binding != "MUST", each.at))
    return [shrink(history.events, each) for each in ordered]


def _again(file: Path, witness: Path | None) -> str:
    """Say how to see the first finding again, in the history in which nothing else is left."""
    if witness is not None:
        return f"again: unisono-conformance replay {shlex.quote(str(witness))}"
    kept = file.with_suffix(".witness.jsonl")
    words = (str(file), "--witness", str(kept))
    return f"keep the smallest history: unisono-conformance check {shlex.join(words)}"


def _print(verdict: Verdict, witnesses: Sequence[Witness], with_diagrams: bool) -> None:
    for witness in witnesses:
        print(report_text(witness))
        if with_diagrams:
            print(f"\n```mermaid\n{diagram(witness)}\n```")
        print()
    for line in verdict.unjudged:
        print(f"not judged: {line}")
    state = "clean" if verdict.is_clean else f"{len(verdict.violations)} violation(s)"
    print(f"{state}: {verdict.events} events, {verdict.transitions} Transitions")


if __name__ == "__main__":
    sys.exit(main())
