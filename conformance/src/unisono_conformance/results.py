"""The file of results: everything that reports and exit codes are made of.

Spec: reading
Not here: the pictures of it (see reports), the plays themselves (see runner).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from jsonschema import Draft202012Validator

from unisono_conformance import REVISION, __version__
from unisono_conformance.case import PACKAGE
from unisono_conformance.expected import Expectation, apply_expectations
from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.rules import Level, level_of_case
from unisono_conformance.runner import Run
from unisono_conformance.values import Json

CONFORMANT: Final = 0
FAILURES: Final = 1
USAGE: Final = 2
INCOMPLETE: Final = 3
HARNESS: Final = 4

Results = Mapping[str, Json]


def build_results(run: Run, expectations: Iterable[Expectation] = ()) -> dict[str, Json]:
    """Make the content of `results.json` of a run."""
    results, complaints = apply_expectations(run.results, list(expectations))
    rows = [_row(result) for result in results]
    return {
        "schema": 1,
        "suite": __version__,
        "revision": REVISION,
        "role": run.role,
        "peer": run.peer,
        "seed": run.seed,
        "summary": {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in Outcome},
        "levels": summarize_levels(rows),
        "complaints": complaints,
        "harness": run.defects,
        "results": rows,
    }


def summarize_levels(rows: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """For each level: how many cases there were, how many passed, and the first that did not."""
    table: dict[str, Json] = {}
    rows = list(rows)
    for level in Level:
        mine = [row for row in rows if row["level"] == level]
        counted = [row for row in mine if row["outcome"] != Outcome.NOT_APPLICABLE]
        missed = [row["id"] for row in counted if row["outcome"] != Outcome.PASS]
        table[level] = {
            "passed": len(counted) - len(missed),
            "cases": len(counted),
            "next": missed[0] if missed else None,
        }
    return table


def exit_code(results: Results, *, strict: bool = False) -> int:
    """The exit code, from nothing but the content of `results.json`."""
    summary = results["summary"]
    if results["harness"]:
        return HARNESS
    if summary[Outcome.FAIL] or results["complaints"] or (strict and summary[Outcome.WARN]):
        return FAILURES
    if summary[Outcome.INCONCLUSIVE] or not results["results"]:
        return INCOMPLETE
    return CONFORMANT


def save_results(results: Results, path: Path) -> None:
    """Write the file, after its schema has been checked."""
    check_results(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def load_results(path: Path) -> dict[str, Json]:
    """Read a file of results. Raises ValueError when it is none."""
    results: dict[str, Json] = json.loads(path.read_text("utf-8"))
    check_results(results)
    return results


def check_results(results: Json) -> None:
    """Raise ValueError when this is not what a `results.json` holds."""
    problem = next(iter(_validator().iter_errors(results)), None)
    if problem is not None:
        where = "/".join(str(part) for part in problem.absolute_path)
        raise ValueError(f"results: {where}: {problem.message}")


@cache
def _validator() -> Draft202012Validator:
    text = (PACKAGE / "schema" / "results.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _row(result: Result) -> dict[str, Json]:
    row: dict[str, Json] = {
        "id": result.id,
        "case": result.case_id,
        "permutation": result.permutation,
        "rules": list(result.rules),
        "level": level_of_case(result.rules),
        "outcome": result.outcome,
        "detail": result.detail,
        "step": result.step,
        "duration_ms": result.duration_ms,
        "marks": list(result.marks),
    }
    if result.trace is not None and result.outcome in (Outcome.FAIL, Outcome.WARN):
        row["trace"] = result.trace.rows[-60:]
    return row
