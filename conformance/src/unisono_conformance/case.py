"""Cases: stories about time, one JSON file each, under `cases/<name>/<what-happens>.json`.

Spec: reading
Not here: how a story is played (see client_player, server_player).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

from jsonschema import Draft202012Validator

from unisono_conformance.values import Json

Role = Literal["client", "server", "pair"]

PACKAGE: Final = Path(__file__).parent


class CaseError(Exception):
    """A case file that cannot be played: which file, and what is wrong in it."""

    def __init__(self, case_id: str, problem: str) -> None:
        self.case_id = case_id
        self.problem = problem
        super().__init__(f"case {case_id}: {problem}")


@dataclass(frozen=True)
class Case:
    """One story: what is told, which rules it proves, what it needs, and its steps."""

    id: str
    title: str
    role: Role
    rules: tuple[str, ...]
    steps: tuple[Mapping[str, Json], ...]
    requires: tuple[str, ...] = ()
    control: str | None = None
    reach: tuple[str, ...] = ()
    noise: tuple[Json, ...] = ()
    given: Mapping[str, Json] = field(default_factory=dict)
    matrix: tuple[str, ...] = ()
    budget_s: float | None = None
    vacuous: bool = False

    @property
    def folder(self) -> str:
        """The chapter's name that the case belongs to."""
        return self.id.partition("/")[0]


def cases_folder() -> Path:
    """Find the cases: inside an installed package, or beside it in the repository."""
    inside = PACKAGE / "cases"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "cases"


@cache
def case_schema() -> Mapping[str, Json]:
    """The JSON Schema that every case file satisfies."""
    text = (PACKAGE / "schema" / "case.schema.json").read_text("utf-8")
    schema: Mapping[str, Json] = json.loads(text)
    return schema


def parse_case(case_id: str, data: Json) -> Case:
    """Check parsed JSON against the schema and make a case of it."""
    problems = sorted(_validator().iter_errors(data), key=lambda error: list(error.absolute_path))
    if problems:
        where = "/".join(str(part) for part in problems[0].absolute_path)
        raise CaseError(case_id, f"{where}: {problems[0].message}")
    return Case(
        id=case_id,
        title=data["title"],
        role=data["role"],
        rules=tuple(data["rules"]),
        steps=tuple(data["steps"]),
        requires=tuple(data.get("requires", ())),
        control=data.get("control"),
        reach=tuple(data.get("reach", ())),
        noise=tuple(data.get("noise", ())),
        given=data.get("given", {}),
        matrix=tuple(data.get("matrix", ())),
        budget_s=data.get("budget_s"),
        vacuous=data.get("vacuous", False),
    )


def load_cases(folder: Path | None = None, role: Role | None = None) -> list[Case]:
    """Read all cases below a folder, in the order of their ids."""
    cases = _all_cases(folder or cases_folder())
    return [case for case in cases if role is None or case.role == role]


def load_case(root: Path, path: Path) -> Case:
    """Read one case file; its id is its place below the root."""
    case_id = path.relative_to(root).with_suffix("").as_posix()
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CaseError(case_id, f"no JSON: {error}") from error
    return parse_case(case_id, data)


def select(cases: Iterable[Case], wanted: Iterable[str]) -> list[Case]:
    """Keep the cases whose id, folder or rule is among the wanted words; all, if none is."""
    words = list(wanted)
    return [
        case
        for case in cases
        if not words
        or any(word in (case.id, case.folder) or word in case.rules for word in words)
        or any(case.id.startswith(word) for word in words if word.endswith("/"))
    ]


@cache
def _all_cases(root: Path) -> tuple[Case, ...]:
    return tuple(load_case(root, path) for path in sorted(root.glob("*/*.json")))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(case_schema())
