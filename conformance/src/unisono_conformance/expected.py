"""Expected failures: known, with a reason, and strict.

Spec: reading
Not here: what is counted (see results).

An entry of the file is `{"case", "kind", "reason", "divergence"?, "issue"?, "expires"?}`; the
divergence is the topic of a row of the specification's appendix B. An expected failure
that passes fails; so does an entry for a case that does not exist or whose date is over.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.values import Json

KINDS: Final = ("bug", "unsupported", "flaky", "disputed")
FAILING: Final = (Outcome.FAIL, Outcome.WARN)


@dataclass(frozen=True)
class Expectation:
    """One case that is expected to fail, and why."""

    case: str
    kind: str
    reason: str
    divergence: str = ""
    issue: str = ""
    expires: datetime.date | None = None


def load_expected(path: Path) -> list[Expectation]:
    """Read a file of expected failures. Raises ValueError for an entry that is not in order."""
    entries = json.loads(path.read_text("utf-8"))
    if not isinstance(entries, list):
        raise ValueError(f"{path}: a list of entries is expected")
    return [_expectation(path, entry) for entry in entries]


def apply_expectations(
    results: Sequence[Result], expectations: Sequence[Expectation]
) -> tuple[list[Result], list[str]]:
    """Mark what was expected. Returns the results and what is wrong with the expectations."""
    by_case = {expectation.case: expectation for expectation in expectations}
    played = {result.case_id for result in results}
    complaints = [f"{case}: expected to fail, but not played" for case in by_case.keys() - played]
    marked = []
    for result in results:
        expectation = by_case.get(result.case_id)
        if expectation is None:
            marked.append(result)
            continue
        if expectation.expires is not None and expectation.expires < datetime.date.today():
            complaints.append(f"{result.id}: the expectation has expired on {expectation.expires}")
            marked.append(result)
        elif result.outcome in FAILING:
            known = f" (appendix B: {expectation.divergence})" if expectation.divergence else ""
            detail = f"expected ({expectation.kind}): {expectation.reason}{known}"
            marked.append(replace(result, outcome=Outcome.XFAIL, detail=detail))
        else:
            if result.outcome is Outcome.PASS and expectation.kind != "flaky":
                complaints.append(f"{result.id}: expected to fail, but it passed")
            marked.append(result)
    return marked, sorted(complaints)


def write_baseline(results: Iterable[Json], path: Path) -> int:
    """Write an entry for every failure of a run; returns how many. The reasons are to be filled."""
    entries = [
        {"case": row["case"], "kind": "bug", "reason": f"baseline: {row['detail'][:160]}"}
        for row in results
        if row["outcome"] in FAILING
    ]
    unique = {entry["case"]: entry for entry in entries}
    path.write_text(json.dumps(list(unique.values()), indent=2) + "\n", encoding="utf-8")
    return len(unique)


def _expectation(path: Path, entry: Json) -> Expectation:
    if not isinstance(entry, dict) or not entry.get("case") or "*" in str(entry.get("case")):
        raise ValueError(f"{path}: an entry names one case, without wildcards: {entry}")
    if entry.get("kind") not in KINDS:
        raise ValueError(f"{path}: {entry['case']}: kind is one of {', '.join(KINDS)}")
    if not entry.get("reason"):
        raise ValueError(f"{path}: {entry['case']}: a reason is missing")
    expires = entry.get("expires")
    return Expectation(
        case=entry["case"],
        kind=entry["kind"],
        reason=entry["reason"],
        divergence=entry.get("divergence", ""),
        issue=entry.get("issue", ""),
        expires=datetime.date.fromisoformat(expires) if expires else None,
    )
