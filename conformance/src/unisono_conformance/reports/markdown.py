"""A summary in Markdown, for the page of a build.

Spec: reading
Not here: what is in the results (see results).
"""

from __future__ import annotations

from unisono_conformance.outcome import Outcome
from unisono_conformance.results import Results, exit_code
from unisono_conformance.values import Json

VERDICTS = {0: "conformant", 1: "not conformant", 3: "incomplete", 4: "the suite itself is broken"}


def markdown_text(results: Results) -> str:
    """The verdict, the levels, and every result that is not green."""
    peer = results["peer"]
    name = f"{peer.get('name', results['role'])} {peer.get('version', '')}".strip()
    lines = [
        f"# {name}: {VERDICTS[exit_code(results)]}",
        "",
        f"Suite {results['suite']}, revision {results['revision']}, seed {results['seed']}.",
        "",
        "| level | passed | next |",
        "|---|---|---|",
        *(_level(level, row) for level, row in results["levels"].items()),
        "",
        "| outcome | cases |",
        "|---|---|",
        *(f"| {outcome} | {count} |" for outcome, count in results["summary"].items() if count),
        "",
        *_complaints(results),
        *_others(results),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _level(level: str, row: Json) -> str:
    mark = "all" if row["cases"] and row["next"] is None else row["next"] or "nothing was played"
    return f"| {level} | {row['passed']} of {row['cases']} | {mark} |"


def _complaints(results: Results) -> list[str]:
    if not results["complaints"]:
        return []
    return ["## Expectations that do not hold", "", *map("- {}".format, results["complaints"]), ""]


def _others(results: Results) -> list[str]:
    rows = [row for row in results["results"] if row["outcome"] != Outcome.PASS]
    if not rows:
        return []
    lines = ["## Not green", "", "| outcome | case | rules | why |", "|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: (row["outcome"], row["id"])):
        rules = " ".join(row["rules"])
        why = row["detail"].replace("|", "\\|").replace("\n", " ")[:300]
        lines.append(f"| {row['outcome']} | {row['id']} | {rules} | {why} |")
    return lines
