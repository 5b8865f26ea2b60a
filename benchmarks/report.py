"""What was measured, as JSON, as a table and as charts: ratios, with what they are ratios of.

Not here: measuring (see bench), the words around the numbers (see README.md).
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.chart import Bar, chart
from benchmarks.measure import Contest, Ratio, Target, is_met, ratio

RESULTS = Path(__file__).parent / "results"

NAMES = {
    "python_unisono": "unisono (Python)",
    "python_convex": "convex (PyPI)",
    "python_floor": "floor (Python)",
    "js_unisono": "unisono (JS)",
    "js_convex": "convex (npm)",
    "js_floor": "floor (JS)",
    "unisono_mock": "unisono-mock",
    "websockets": "bare websockets",
    "socket": "bare socket",
    "store": "the store's part",
    "in_process": "in process",
}
#: Who is compared with whom.
PAIRS = (
    ("python_unisono", "python_convex"),
    ("python_unisono", "python_floor"),
    ("python_convex", "python_floor"),
    ("js_unisono", "js_convex"),
    ("js_unisono", "js_floor"),
    ("js_convex", "js_floor"),
    ("unisono_mock", "websockets"),
    ("unisono_mock", "socket"),
    ("unisono_mock", "store"),
    ("unisono_mock", "in_process"),
)
#: What is said where nobody else can take part.
_LAST_RESORT = ("python_unisono", "js_unisono")
#: Quantities of which a ratio says nothing: shares and exponents.
_PLAIN = frozenset({"lost", "exponent", "seen"})
_HEAD = (
    "| scenario | case | what | of | to | ratio | middle half | target |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Measured:
    """A scenario and what came of it."""

    name: str
    title: str
    contests: list[Contest]
    targets: tuple[Target, ...]
    seconds: float


@dataclass(frozen=True)
class Line:
    """One line of the table: one ratio, or one number that has a bound of its own."""

    scenario: str
    contest: Contest
    ours: str
    peer: str | None
    found: Ratio | None
    target: Target | None

    @property
    def verdict(self) -> str:
        """The target and whether it is reached."""
        if self.target is None:
            return ""
        met = is_met(self.target, self.contest)
        words = {True: "met", False: "**missed**", None: "not measured"}[met]
        bound = self.target.at_most
        limit = f"{bound:g}" if self.target.peer else _amount(bound, self.contest.unit)
        return f"≤ {limit}: {words}"

    def cells(self) -> list[str]:
        """The cells of the table, from the case on."""
        ours = NAMES.get(self.ours, self.ours)
        start = [self.contest.case, self.contest.quantity, ours]
        if self.peer is None:
            number = _amount(self.contest.median(self.ours), self.contest.unit)
            others = ", ".join(
                f"{NAMES[name]} {_amount(self.contest.median(name), self.contest.unit)}"
                for name in self.contest.runs
                if name != self.ours and name.split("_")[0] == self.ours.split("_")[0]
            )
            return [*start, others, number, "", self.verdict]
        if self.found is None:
            return [*start, NAMES[self.peer], "", "", self.verdict]
        spread = f"{self.found.low:.2f} to {self.found.high:.2f}"
        sign = "< " if self.found.is_bound else ""
        return [*start, NAMES[self.peer], f"{sign}{self.found.middle:.2f}", spread, self.verdict]


def lines(measured: Measured) -> Iterator[Line]:
    """All ratios of a scenario, and every number that has a bound of its own."""
    for contest in measured.contests:
        targets = [
            each
            for each in measured.targets
            if (each.case, each.quantity) == (contest.case, contest.quantity)
        ]
        for target in targets:
            if target.peer is None and target.ours in contest.runs:
                yield Line(measured.title, contest, target.ours, None, None, target)
        if contest.quantity in _PLAIN:
            if not targets:
                yield from _plain(measured, contest)
            continue
        has_peer = {"python_convex", "python_floor"} & set(contest.runs)
        for ours, peer in PAIRS if has_peer else (*PAIRS, _LAST_RESORT):
            found = ratio(contest, ours, peer)
            matching = [each for each in targets if (each.ours, each.peer) == (ours, peer)]
            own = matching[0] if matching else None
            if found is not None or (own is not None and ours in contest.runs):
                yield Line(measured.title, contest, ours, peer, found, own)


def _plain(measured: Measured, contest: Contest) -> Iterator[Line]:
    """Numbers that are shares or exponents already: ours, beside the others."""
    for name in contest.runs:
        if name in {"python_unisono", "js_unisono", "unisono_mock"}:
            yield Line(measured.title, contest, name, None, None, None)


def table(all_measured: Iterable[Measured]) -> str:
    """Everything as one Markdown table."""
    rows = []
    for measured in all_measured:
        title = measured.title
        for line in lines(measured):
            rows.append(f"| {title} | {' | '.join(line.cells())} |")
            title = ""
    return _HEAD + "\n".join(rows) + "\n"


def text(measured: Measured) -> str:
    """A scenario for the terminal."""
    parts = [f"{measured.title} ({measured.seconds:.0f} s)"]
    for line in lines(measured):
        case, quantity, ours, peer, number, spread, verdict = line.cells()
        against = f" / {peer}" if line.peer else (f" (beside {peer})" if peer else "")
        between = f" ({spread})" if spread else ""
        verdict = f"   {verdict.replace('*', '')}" if verdict else ""
        parts.append(f"  {case}, {quantity}: {ours}{against}: {number}{between}{verdict}")
    without = {(each.case, *why) for each in measured.contests for why in each.without.items()}
    parts += [f"  {case}: {NAMES[name]}: {why}" for case, name, why in sorted(without)]
    return "\n".join(parts)


def save(fresh: list[Measured], rounds: int) -> None:
    """Write the results folder anew; scenarios that did not run keep their last results."""
    path = RESULTS / "latest.json"
    old = json.loads(path.read_text())["scenarios"] if path.exists() else {}
    everything = {
        each.name: each for each in (*(_from_json(name, old[name]) for name in old), *fresh)
    }
    all_measured = list(everything.values())
    kept = {name: _as_json(each) for name, each in everything.items()}
    document = {"machine": _machine(), "rounds": rounds, "scenarios": kept}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "table.md").write_text(_page(all_measured, document))
    for name, (title, pairs) in _CHARTS.items():
        (RESULTS / f"{name}.svg").write_text(chart(title, list(_bars(all_measured, pairs))))


_CHARTS = {
    "python": ("Python: cost relative to convex (PyPI)", {("python_unisono", "python_convex")}),
    "js": ("JavaScript: cost relative to convex (npm)", {("js_unisono", "js_convex")}),
    "server": (
        "unisono-mock: cost relative to the bare thing",
        {pair for pair in PAIRS if pair[0] == "unisono_mock"},
    ),
}


def _bars(all_measured: Iterable[Measured], pairs: set[tuple[str, str]]) -> Iterator[Bar]:
    for measured in all_measured:
        for line in lines(measured):
            if line.peer and line.found and (line.ours, line.peer) in pairs:
                against = "" if len(pairs) == 1 else f" / {NAMES[line.peer]}"
                what = "" if line.contest.quantity == "seconds" else f", {line.contest.quantity}"
                label = f"{measured.title}: {line.contest.case}{what}{against}"
                limit = line.target.at_most if line.target else None
                yield Bar(label, line.found.middle, line.found.is_bound, limit)


def _from_json(name: str, kept: dict[str, Any]) -> Measured:
    """A scenario as it was written down by `_as_json`."""
    contests = [
        Contest(**{**entry, "stopped": frozenset(entry["stopped"])}) for entry in kept["contests"]
    ]
    targets = tuple(Target(**entry) for entry in kept["targets"])
    return Measured(name, kept["title"], contests, targets, kept["seconds"])


def _as_json(measured: Measured) -> dict[str, Any]:
    contests = []
    for contest in measured.contests:
        entry = asdict(contest)
        entry["stopped"] = sorted(contest.stopped)
        entry["runs"] = {name: [_short(x) for x in runs] for name, runs in contest.runs.items()}
        entry["server_share"] = {name: _short(x) for name, x in contest.server_share.items()}
        contests.append(entry)
    ratios = [
        {
            "case": line.contest.case,
            "quantity": line.contest.quantity,
            "of": line.ours,
            "to": line.peer,
            "ratio": _short(line.found.middle),
            "is_bound": line.found.is_bound,
        }
        for line in lines(measured)
        if line.peer and line.found
    ]
    return {
        "title": measured.title,
        "seconds": _short(measured.seconds),
        "ratios": ratios,
        "targets": [asdict(target) for target in measured.targets],
        "contests": contests,
    }


def _page(all_measured: Iterable[Measured], document: dict[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    shares = "\n".join(_shares(all_measured))
    return (
        "# Results\n\n"
        f"Generated by `make bench` ({document['rounds']} rounds; {machine}). Each number says how "
        "much the first costs relative to the second: below 1 it costs less. On a machine that has "
        "other work (a load well above 1.5 at the end of a run), trust `processor`, the processor "
        "time of the process itself, more than `seconds`.\n\n"
        "![Python](python.svg)\n\n![JavaScript](js.svg)\n\n![server](server.svg)\n\n"
        f"{_verdicts(all_measured)}\n{table(all_measured)}\n{_left_out(all_measured)}\n\n"
        "## The scripted server's part\n\n"
        "Its processor time as a share of the wall time of a request, preparation included.\n\n"
        f"| scenario | case | {' | '.join(NAMES[name] for name in _CLIENT_NAMES)} |\n"
        f"|{'---|' * (2 + len(_CLIENT_NAMES))}\n{shares}\n"
    )


def _verdicts(all_measured: Iterable[Measured]) -> str:
    """How many targets are met, and which are not."""
    judged = [line for each in all_measured for line in lines(each) if line.target]
    missed = [line for line in judged if "missed" in line.verdict]
    words = [f"{len(judged) - len(missed)} of {len(judged)} targets are met. Missed:\n"]
    for line in missed:
        case, quantity, ours, peer, number, _, verdict = line.cells()
        to = f" to {peer}" if line.peer else ""
        bound = verdict.partition(":")[0]
        words.append(f"- {line.scenario}, {case}, {quantity} of {ours}{to}: {number} ({bound})")
    return "\n".join(words) + "\n"


def _left_out(all_measured: Iterable[Measured]) -> str:
    """Who could not take part in what, and why."""
    reasons = {
        f"{NAMES[name]} in {contest.case} ({why})"
        for each in all_measured
        for contest in each.contests
        for name, why in contest.without.items()
    }
    return f"Without: {'; '.join(sorted(reasons))}."


_CLIENT_NAMES = tuple(NAMES)[:6]


def _shares(all_measured: Iterable[Measured]) -> Iterator[str]:
    for measured in all_measured:
        seen = set()
        for contest in measured.contests:
            if contest.server_share and contest.case not in seen:
                seen.add(contest.case)
                cells = (
                    f"{contest.server_share[name]:.0%}" if name in contest.server_share else ""
                    for name in _CLIENT_NAMES
                )
                yield f"| {measured.title} | {contest.case} | {' | '.join(cells)} |"


def _machine() -> dict[str, str]:
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return {
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "Node": node.stdout.strip().lstrip("v"),
        "system": f"{platform.system()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _short(number: float) -> float:
    return float(f"{number:.4g}")


def _amount(number: float, unit: str) -> str:
    """A number with its unit, in the size that reads well."""
    if unit == "s":
        if number >= 1:
            return f"{number:.2f} s"
        return f"{number * 1e3:.1f} ms" if number >= 1e-3 else f"{number * 1e6:.0f} µs"
    if unit == "B":
        return f"{number / 1000:,.1f} kB"
    return f"{number:.3f}"
