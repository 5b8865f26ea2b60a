"""What is said about runs: medians, ratios with their spread, and the exponent of a growth.

Not here: taking the runs (see bench), printing them (see report).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

#: The clients under measurement, in the order in which they take turns.
CLIENTS = (
    "python_unisono",
    "python_convex",
    "python_floor",
    "js_unisono",
    "js_convex",
    "js_floor",
)


@dataclass(frozen=True)
class Contest:
    """One quantity of one case: the runs of every contender. Less is better, always."""

    case: str
    quantity: str
    unit: str
    runs: dict[str, list[float]]
    #: Contenders that were stopped; their one run is a lower bound.
    stopped: frozenset[str] = frozenset()
    #: Contenders that cannot do this, and why.
    without: dict[str, str] = field(default_factory=dict)
    #: The scripted server's processor time as a share of the wall time, per contender.
    server_share: dict[str, float] = field(default_factory=dict)

    def median(self, contender: str) -> float:
        """The median of a contender's runs."""
        return statistics.median(self.runs[contender])


@dataclass(frozen=True)
class Target:
    """What must hold: `ours` costs at most `at_most` times what `peer` costs.

    Without a peer, `at_most` is a bound of the quantity itself.
    """

    case: str
    quantity: str
    ours: str
    peer: str | None
    at_most: float


@dataclass(frozen=True)
class Ratio:
    """How much one contender costs relative to another."""

    middle: float
    low: float
    high: float
    is_bound: bool = False


def ratio(contest: Contest, ours: str, peer: str) -> Ratio | None:
    """The ratio of the medians, and the quartiles of the ratios of neighbouring runs."""
    if ours not in contest.runs or peer not in contest.runs or ours in contest.stopped:
        return None
    below = contest.median(peer)
    if below <= 0:
        return None
    middle = contest.median(ours) / below
    pairs = zip(contest.runs[ours], contest.runs[peer], strict=False)
    pairwise = sorted(mine / theirs for mine, theirs in pairs if theirs > 0)
    low, high = _quartiles(pairwise) if len(pairwise) > 1 else (middle, middle)
    low, high = min(low, middle), max(high, middle)
    return Ratio(middle, low, high, is_bound=peer in contest.stopped)


def _quartiles(numbers: Sequence[float]) -> tuple[float, float]:
    first, _, third = statistics.quantiles(numbers, n=4, method="inclusive")
    return first, third


def is_met(target: Target, contest: Contest) -> bool | None:
    """Whether a target is reached; None if it was not measured."""
    if target.ours not in contest.runs:
        return None
    if target.peer is None:
        return contest.median(target.ours) <= target.at_most
    found = ratio(contest, target.ours, target.peer)
    return None if found is None else found.middle <= target.at_most


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of cost over size in logarithms: 0 is flat, 1 is linear, 2 is quadratic.

    Costs too small to be seen count as none: what is left of them is flat.
    """
    points = [
        (math.log(size), math.log(cost))
        for size, cost in zip(sizes, costs, strict=True)
        if cost > 0
    ]
    if len(points) < 2:
        return 0.0
    across, up = zip(*points, strict=True)
    return statistics.linear_regression(across, up).slope


def growth(case: str, contender: str, runs: dict[int, list[float]]) -> Contest:
    """A contest of one number: the exponent fitted to the medians of all sizes."""
    medians = [statistics.median(numbers) for numbers in runs.values()]
    return Contest(case, "exponent", "", {contender: [exponent(list(runs), medians)]})
