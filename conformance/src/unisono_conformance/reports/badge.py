"""A badge, as the endpoint format of shields knows it.

Spec: reading
Not here: what is in the results (see results).
"""

from __future__ import annotations

import json

from unisono_conformance.results import CONFORMANT, Results, exit_code


def badge_text(results: Results) -> str:
    """The levels that are passed whole, and how far the next one is."""
    whole: list[str] = []
    rest = ""
    for level, row in results["levels"].items():
        if row["cases"] and row["next"] is None:
            whole.append(level)
        elif row["cases"] and not rest:
            rest = f"{level} {row['passed']}/{row['cases']}"
    is_good = exit_code(results) == CONFORMANT
    badge = {
        "schemaVersion": 1,
        "label": f"sync {results['revision']}",
        "message": " ".join([*whole, rest]).strip() or "nothing",
        "color": "brightgreen" if is_good and not rest else "green" if is_good else "red",
    }
    return json.dumps(badge, indent=2) + "\n"
