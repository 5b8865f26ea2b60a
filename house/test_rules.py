"""Rules: what the code cites exists, and one `git grep` finds every side of a rule."""

import json
from pathlib import Path

from house.tree import CASES, JS_CORE, PYTHON_CORE, ROOT, citations, rules, sources

CODE = (".py", ".ts", ".tsx", ".mjs")


def test_every_cited_rule_exists() -> None:
    """An id in a comment leads to a sentence in a chapter."""
    unknown = {
        (str(path.relative_to(ROOT)), rule)
        for path in sources(*CODE)
        for rule in citations(path) - rules()
    }

    assert unknown == set()


def test_every_case_names_rules_that_exist() -> None:
    """A case proves at least one rule, and each of them stands in a chapter."""
    cases = {path: json.loads(path.read_text()) for path in CASES.rglob("*.json")}
    wrong = {
        str(path.relative_to(CASES)): case.get("rules")
        for path, case in cases.items()
        if not case.get("rules") or set(case["rules"]) - rules()
    }

    assert cases
    assert wrong == {}


def places_of(rule: str) -> dict[str, list[Path]]:
    """Where one rule is said, carried out and proved."""

    def cited_in(folder: Path, suffix: str) -> list[Path]:
        return [path for path in folder.rglob(f"*{suffix}") if rule in path.read_text()]

    return {
        "chapter": cited_in(ROOT / "protocol" / "v1", ".md"),
        "python": cited_in(PYTHON_CORE, ".py"),
        "typescript": cited_in(JS_CORE, ".ts"),
        "case": cited_in(CASES, ".json"),
    }


def test_one_search_finds_every_side_of_the_continuity_rule() -> None:
    """Chapter, Python, TypeScript and case spell the rule alike."""
    assert all(places_of("transitions.continuity").values())
