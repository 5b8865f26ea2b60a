"""The check of the specification's text: what a machine can see of a good rule.

Spec: 00-reading
Not here: reading the rules (see rules), agreeing on a change (see lock).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unisono_protocol import lock
from unisono_protocol.data import V1
from unisono_protocol.rules import (
    ID,
    KEYWORD,
    OBSERVATIONS,
    ROLES,
    MalformedRule,
    Rule,
    chapter_name,
    chapters,
    load,
    parse,
)

MAX_UNOBSERVED = 0.10
_REFERENCE = re.compile(rf"(?<!\*)\[({ID})\](?!\()")
_EXPLAINED = re.compile(r"`[A-Z ,`]+`")


def check(folder: Path = V1) -> list[str]:
    """Return every problem of the text and of the data that cites it, one line each."""
    try:
        rules = load(folder)
    except MalformedRule as malformed:
        return [str(malformed)]
    return [
        *_duplicates(folder),
        *(problem for rule in rules.values() for problem in _form(rule)),
        *_stray_keywords(folder),
        *_share(rules),
        *_references(folder, rules),
        *_citations(folder, rules),
        *_lock(rules, folder),
    ]


def unobserved(rules: dict[str, Rule]) -> list[Rule]:
    """Return the rules that no test can see, which each say why."""
    return [rule for rule in rules.values() if "none" in rule.observe]


def _at(rule: Rule, problem: str) -> str:
    return f"{rule.file}:{rule.line}: [{rule.id}] {problem}"


def _form(rule: Rule) -> Iterator[str]:
    if len(KEYWORD.findall(rule.text)) != 1 or f"**{rule.keyword}**" not in rule.text:
        yield _at(rule, "needs exactly one keyword, in bold")
    if not set(rule.roles) <= ROLES:
        yield _at(rule, f"has an unknown role: {', '.join(rule.roles)}")
    if not set(rule.observe) <= OBSERVATIONS:
        yield _at(rule, f"has an unknown observation: {', '.join(rule.observe)}")
    if ("none" in rule.observe) != bool(rule.reason):
        yield _at(rule, "gives a reason exactly when it cannot be observed")
    if not rule.text.endswith("."):
        yield _at(rule, "is not a sentence")
    if chapter_name(Path(rule.file)) != rule.id.partition(".")[0]:
        yield _at(rule, "stands in the chapter of another name")


def _duplicates(folder: Path) -> Iterator[str]:
    counted = Counter(rule.id for path in chapters(folder) for rule in parse(path))
    for id, times in counted.items():
        if times > 1:
            yield f"[{id}] stands {times} times"


def _stray_keywords(folder: Path) -> Iterator[str]:
    for path in chapters(folder):
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            fenced ^= line.startswith("```")
            text = _EXPLAINED.sub("", line) if path.name == "00-reading.md" else line
            if KEYWORD.search(text) and not (line.startswith("> **[") and not fenced):
                yield f"{path.name}:{number}: a keyword outside a rule"


def _share(rules: dict[str, Rule]) -> Iterator[str]:
    share = len(unobserved(rules)) / max(1, len(rules))
    if share >= MAX_UNOBSERVED:
        yield f"{share:.0%} of the rules cannot be observed; fewer than 10 % is the aim"


def _references(folder: Path, rules: dict[str, Rule]) -> Iterator[str]:
    for path in chapters(folder):
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            fenced ^= line.startswith("```")
            for id in [] if fenced else _REFERENCE.findall(line):
                if id not in rules:
                    yield f"{path.name}:{number}: [{id}] is no rule"


def cited(content: Any) -> Iterator[str]:
    """Yield every rule id that a JSON document names in `rule` or `rules`."""
    if isinstance(content, list):
        for item in content:
            yield from cited(item)
    elif isinstance(content, dict):
        for key, item in content.items():
            if key == "rule" and isinstance(item, str):
                yield item
            elif key == "rules" and isinstance(item, list):
                yield from (id for id in item if isinstance(id, str))
            else:
                yield from cited(item)


def _citations(folder: Path, rules: dict[str, Rule]) -> Iterator[str]:
    for path in sorted(p for p in folder.rglob("*.json") if "schema" not in p.parts):
        for id in sorted(set(cited(json.loads(path.read_text(encoding="utf-8"))))):
            if id not in rules:
                yield f"{path.relative_to(folder)}: [{id}] is no rule"


def _lock(rules: dict[str, Rule], folder: Path) -> Iterator[str]:
    found = lock.differences(rules.values(), lock.read(folder / "rules.lock"))
    for id, what in sorted(found.items()):
        yield f"[{id}] is {what}: see rules.lock, and `python -m unisono_protocol lock`"
