"""The lock: what each rule said when it was last agreed on.

Spec: 00-reading
Not here: the form of the text (see lint).

`rules.lock` holds id, fingerprint and first revision of every rule, and the tombstones of
withdrawn ones. A sentence may change only together with a note in `changes/` that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unisono_protocol.data import V1
from unisono_protocol.rules import Rule

FILE = V1 / "rules.lock"


@dataclass(frozen=True)
class Lock:
    """The content of `rules.lock`."""

    rules: dict[str, tuple[str, int]]
    tombstones: tuple[str, ...]

    def text(self) -> str:
        """Return the file's text: one rule per line, sorted."""
        lines = [
            f"    {json.dumps(id)}: {json.dumps([hash, since])}"
            for id, (hash, since) in sorted(self.rules.items())
        ]
        dead = json.dumps(sorted(self.tombstones))
        head = '{\n  "generated": "by python -m unisono_protocol lock",\n  "rules": {\n'
        return head + ",\n".join(lines) + f'\n  }},\n  "tombstones": {dead}\n}}\n'


def read(path: Path = FILE) -> Lock:
    """Return the lock as it is on disk; an absent file is an empty lock."""
    if not path.exists():
        return Lock({}, ())
    content = json.loads(path.read_text(encoding="utf-8"))
    rules = {id: (str(hash), int(since)) for id, (hash, since) in content["rules"].items()}
    return Lock(rules, tuple(content["tombstones"]))


def differences(rules: Iterable[Rule], lock: Lock) -> dict[str, str]:
    """Return the ids that differ from the lock: new, changed, removed or risen from the dead."""
    now = {rule.id: rule for rule in rules}
    out = {id: "removed" for id in lock.rules if id not in now}
    for id, rule in now.items():
        if id in lock.tombstones:
            out[id] = "risen"
        elif id not in lock.rules:
            out[id] = "new"
        elif lock.rules[id] != (rule.hash, rule.since):
            out[id] = "changed"
    return out


def unannounced(found: dict[str, str], notes: Iterable[Path]) -> list[str]:
    """Return the changed and removed ids that no note names in square brackets."""
    said = "\n".join(note.read_text(encoding="utf-8") for note in notes)
    return sorted(
        id for id, what in found.items() if what in ("changed", "removed") and f"[{id}]" not in said
    )


def renewed(rules: Iterable[Rule], lock: Lock) -> Lock:
    """Return the lock for the rules as they are now, with tombstones for the missing ones."""
    now = {rule.id: (rule.hash, rule.since) for rule in rules}
    dead = {id for id in lock.rules if id not in now} | set(lock.tombstones)
    return Lock(now, tuple(sorted(dead)))
