"""Outcomes of a case, of which only PASS is green, and what a play hands back.

Spec: reading
Not here: the file of results and the exit code (see results).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from unisono_conformance.trace import Trace


class Outcome(StrEnum):
    """What became of a case."""

    PASS = "PASS"
    FAIL = "FAIL"
    WARN = "WARN"
    XFAIL = "XFAIL"
    UNSUPPORTED = "UNSUPPORTED"
    NOT_APPLICABLE = "NOT-APPLICABLE"
    INCONCLUSIVE = "INCONCLUSIVE"


class Failed(Exception):
    """The peer did what the case forbids, or did not do what it demands."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Skipped(Exception):
    """The case cannot be played on this peer, and why."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        self.outcome = outcome
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Result:
    """One play of one case: its outcome, the sentence that explains it, and the trace."""

    case_id: str
    outcome: Outcome
    rules: tuple[str, ...]
    detail: str = ""
    step: int | None = None
    permutation: str = ""
    duration_ms: float = 0.0
    marks: tuple[str, ...] = ()
    trace: Trace | None = None

    @property
    def id(self) -> str:
        """The case, with its permutation behind a `@`."""
        return f"{self.case_id}@{self.permutation}" if self.permutation else self.case_id
