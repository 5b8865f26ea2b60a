"""The matrix, in one HTML file that needs nothing else: rules, cases, outcomes, timelines.

Spec: reading
Not here: what is in the results (see results).
"""

from __future__ import annotations

import html
import json
from collections import defaultdict

from unisono_conformance.outcome import Outcome
from unisono_conformance.results import Results
from unisono_conformance.rules import load_rules
from unisono_conformance.values import Json

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.levels { display: flex; gap: 1rem; flex-wrap: wrap; margin: 1rem 0; }
.level { border: 1px solid #8884; border-radius: .5rem; padding: .5rem 1rem; min-width: 8rem; }
.level b { display: block; font-size: 1.3rem; }
table { border-collapse: collapse; width: 100%; } td { padding: .25rem .5rem; vertical-align: top; }
tr { border-top: 1px solid #8883; } td.rule { width: 24rem; } td.rule small { opacity: .75; }
.o { display: inline-block; border-radius: .3rem; padding: 0 .4rem; margin: .1rem; color: #fff; }
.PASS { background: #2a7d3f; } .FAIL { background: #b3261e; } .WARN { background: #a15c00; }
.XFAIL { background: #7a5195; } .UNSUPPORTED, .NOT-APPLICABLE { background: #667; }
.INCONCLUSIVE { background: #856404; }
details { margin: .2rem 0; } pre { overflow-x: auto; font-size: 12px; }
nav label { margin-right: 1rem; } .hide { display: none; }
"""

SCRIPT = """
for (const box of document.querySelectorAll("nav input")) {
  box.addEventListener("change", () => {
    for (const each of document.querySelectorAll("." + box.value)) {
      each.closest("details").classList.toggle("hide", !box.checked);
    }
  });
}
"""


def matrix_text(results: Results) -> str:
    """A page with the levels, and for each rule its cases and what became of them."""
    peer = results["peer"]
    title = f"{peer.get('name', results['role'])} {peer.get('version', '')}".strip()
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><meta charset="utf-8">',
            f"<title>{_text(title)}: conformance</title>",
            f"<style>{STYLE}</style>",
            f"<h1>{_text(title)}</h1>",
            f"<p>Suite {_text(results['suite'])}, revision {_text(results['revision'])}, "
            f"seed {results['seed']}</p>",
            '<div class="levels">',
            *(_level(level, row) for level, row in results["levels"].items()),
            "</div>",
            "<nav>Show: ",
            *(_filter(outcome, count) for outcome, count in results["summary"].items()),
            "</nav>",
            *_chapters(results),
            f"<script>{SCRIPT}</script>",
            "</html>",
            "",
        ]
    )


def _text(value: Json) -> str:
    return html.escape(str(value))


def _level(level: str, row: Json) -> str:
    rest = f"<small>next: {_text(row['next'])}</small>" if row["next"] else ""
    return f'<div class="level">{level}<b>{row["passed"]} / {row["cases"]}</b>{rest}</div>'


def _filter(outcome: str, count: int) -> str:
    if not count:
        return ""
    box = f'<input type="checkbox" checked value="{outcome}">'
    return f'<label>{box} <span class="o {outcome}">{outcome}</span> {count}</label>'


def _chapters(results: Results) -> list[str]:
    by_rule: dict[str, list[Json]] = defaultdict(list)
    for row in results["results"]:
        for rule in row["rules"]:
            by_rule[rule].append(row)
    lines, chapter = [], ""
    for rule_id in [rule for rule in load_rules() if rule in by_rule]:
        name = rule_id.partition(".")[0]
        if name != chapter:
            lines.append("</table>" if chapter else "")
            lines.append(f"<h2>{name}</h2><table>")
            chapter = name
        sentence = _text(load_rules()[rule_id].text)
        lines.append(f'<tr><td class="rule"><code>{rule_id}</code><br><small>{sentence}</small>')
        lines.append("<td>" + "".join(_case(row) for row in by_rule[rule_id]))
    return [*lines, "</table>" if chapter else ""]


def _case(row: Json) -> str:
    head = f'<span class="o {row["outcome"]}">{row["outcome"]}</span> {_text(row["id"])}'
    is_bad = row["outcome"] not in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    detail = f"<p>{_text(row['detail'])}</p>" if row["detail"] else ""
    trace = "\n".join(json.dumps(line, ensure_ascii=False)[:400] for line in row.get("trace", ()))
    timeline = f"<pre>{_text(trace)}</pre>" if trace else ""
    is_open = " open" if is_bad and row["outcome"] == Outcome.FAIL else ""
    return f"<details{is_open}><summary>{head}</summary>{detail}{timeline}</details>"
