"""What the plays of both roles have in common: steps one after another, and the outcome.

Spec: reading
Not here: what a step does (see client_player, server_player).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from unisono_conformance.case import Case, CaseError
from unisono_conformance.matching import Bindings, Mismatch, fill
from unisono_conformance.outcome import Failed, Outcome, Result, Skipped
from unisono_conformance.trace import Trace
from unisono_conformance.values import Json
from unisono_conformance.world import Waited

Step = Mapping[str, Json]
StepTable = Mapping[str, Callable[[Json, Step], Awaitable[None]]]

STEP_BUDGET_S: Final = 5.0
TOLERANCE_MS: Final = 120_000

MODIFIERS: Final = frozenset(
    "mark note jitter raises answer parts order_of conn expect within_s client".split()
)


class Player:
    """One play of one case; the subclasses bring the table of steps."""

    steps: StepTable

    def __init__(self, case: Case, *, time_scale: float = 1.0) -> None:
        self.case = case
        self.trace = Trace()
        self.time_scale = time_scale
        self.step = 0
        self.marks: list[str] = []
        now = round(time.time() * 1000)
        self.bindings: Bindings = {
            **{"now": now, "earlier": now - TOLERANCE_MS, "later": now + TOLERANCE_MS},
            **{name: uuid.uuid4().hex[:12] for name in ("key", "key2", "key3")},
            **{name: str(uuid.uuid4()) for name in ("session", "session2", "session3")},
        }

    async def play(self) -> Result:
        """Play all steps and say what came of it."""
        begun = time.monotonic()
        detail, outcome = "", Outcome.PASS
        try:
            await self.begin()
            await self.play_steps(self.case.steps)
            await self.finish()
            self._check_marks()
        except Skipped as skipped:
            outcome, detail = skipped.outcome, skipped.reason
        except Failed as failed:
            outcome, detail = Outcome.FAIL, str(failed)
        finally:
            await self.clean_up()
        return Result(
            case_id=self.case.id,
            outcome=outcome,
            rules=self.case.rules,
            detail=detail,
            step=None if outcome is Outcome.PASS else self.step,
            permutation=self.permutation(),
            duration_ms=round((time.monotonic() - begun) * 1000, 1),
            marks=tuple(self.marks),
            trace=self.trace,
        )

    async def begin(self) -> None:
        """Prepare the play, or raise Skipped."""

    async def finish(self) -> None:
        """Check what can only be checked at the end."""

    async def clean_up(self) -> None:
        """Free what the play holds."""

    def permutation(self) -> str:
        """The form of transport, as a word."""
        return ""

    def fill(self, template: Json) -> Json:
        """Write a template out with what is bound so far."""
        return fill(template, self.bindings)

    def budget(self, step: Step | None = None) -> float:
        """How long a step may wait."""
        wanted: float = (step or {}).get("within_s", self.case.budget_s or STEP_BUDGET_S)
        return wanted * self.time_scale

    def fail(self, problem: str) -> Failed:
        """A failure of the step that is being played."""
        return Failed(f"step {self.step}: {problem}")

    async def play_steps(self, steps: Sequence[Step]) -> None:
        """Play steps one after another."""
        for step in steps:
            self.step += 1
            name = step_name(self.case.id, step)
            if name not in self.steps:
                raise CaseError(self.case.id, f"there is no step {name!r} in this role")
            self.prepare(step)
            try:
                await self.steps[name](step[name], step)
            except (Mismatch, Waited) as problem:
                raise self.fail(f"({name}) {problem}") from None
            if "mark" in step:
                self.marks.append(step["mark"])

    def prepare(self, step: Step) -> None:
        """Look at a step's modifiers before it is played."""

    async def repeat(self, body: Json, step: Step) -> None:
        """Play steps several times, with `$i` counting."""
        first = self.step
        for index in range(body["times"]):
            self.step = first
            self.bindings["i"] = index
            await self.play_steps(body["steps"])

    async def let(self, body: Json, step: Step) -> None:
        """Bind names."""
        self.bindings.update(self.fill(body))

    def _check_marks(self) -> None:
        unreached = [mark for mark in self.case.reach if mark not in self.marks]
        if unreached:
            raise Skipped(Outcome.INCONCLUSIVE, f"never reached: {', '.join(unreached)}")


def step_name(case_id: str, step: Step) -> str:
    """The one key of a step that says what it does."""
    names = [key for key in step if key not in MODIFIERS]
    if len(names) != 1:
        raise CaseError(case_id, f"a step has one name, not {names}")
    return names[0]
