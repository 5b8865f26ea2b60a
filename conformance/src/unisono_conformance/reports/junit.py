"""JUnit XML, which every build server reads.

Spec: reading
Not here: what is in the results (see results).
"""

from __future__ import annotations

from xml.etree import ElementTree

from unisono_conformance.outcome import Outcome
from unisono_conformance.results import Results
from unisono_conformance.values import Json

SKIPPED = (Outcome.UNSUPPORTED, Outcome.NOT_APPLICABLE, Outcome.XFAIL, Outcome.WARN)


def junit_text(results: Results) -> str:
    """One test suite with one test case for each result."""
    rows, summary = results["results"], results["summary"]
    suite = ElementTree.Element(
        "testsuite",
        name=f"unisono-conformance {results['peer'].get('name', results['role'])}",
        tests=str(len(rows)),
        failures=str(summary[Outcome.FAIL]),
        errors=str(summary[Outcome.INCONCLUSIVE]),
        skipped=str(sum(summary[outcome] for outcome in SKIPPED)),
        time=f"{sum(row['duration_ms'] for row in rows) / 1000:.3f}",
    )
    for row in rows:
        _add_case(suite, row)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ElementTree.Element, row: Json) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=row["case"].replace("/", "."),
        name=row["id"],
        time=f"{row['duration_ms'] / 1000:.3f}",
    )
    rules = " ".join(f"[{rule}]" for rule in row["rules"])
    message = f"{row['outcome']} {rules} {row['detail']}"
    if row["outcome"] == Outcome.FAIL:
        ElementTree.SubElement(case, "failure", message=_printable(message))
    elif row["outcome"] == Outcome.INCONCLUSIVE:
        ElementTree.SubElement(case, "error", message=_printable(message))
    elif row["outcome"] in SKIPPED:
        ElementTree.SubElement(case, "skipped", message=_printable(message))


def _printable(text: str) -> str:
    """XML knows no control characters, not even escaped ones."""
    return "".join(char if char.isprintable() else " " for char in text)
