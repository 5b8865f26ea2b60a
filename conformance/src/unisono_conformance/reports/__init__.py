"""Pictures of results: for people, for build servers, for a page's corner.

Spec: reading
Not here: what is in the results (see results).
"""

from __future__ import annotations

from pathlib import Path

from unisono_conformance.reports.badge import badge_text
from unisono_conformance.reports.junit import junit_text
from unisono_conformance.reports.markdown import markdown_text
from unisono_conformance.reports.matrix import matrix_text
from unisono_conformance.results import Results

FILES = {
    "junit.xml": junit_text,
    "summary.md": markdown_text,
    "matrix.html": matrix_text,
    "badge.json": badge_text,
}


def write_reports(results: Results, folder: Path) -> None:
    """Write every report beside each other."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in FILES.items():
        (folder / name).write_text(write(results), encoding="utf-8", errors="replace")
