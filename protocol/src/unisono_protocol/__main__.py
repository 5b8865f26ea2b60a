"""The finder: `python -m unisono_protocol rules [word] | rule ID | check | lock | uncovered`."""

from __future__ import annotations

import sys
from pathlib import Path

from unisono_protocol import lint, lock
from unisono_protocol.coverage import uncovered
from unisono_protocol.data import V1
from unisono_protocol.rules import Rule, load

USAGE = """usage: python -m unisono_protocol COMMAND
  rules [WORD]     list the rules, or those whose id or sentence holds the word
  rule ID          print one rule
  check            check text, data and lock; exit 1 when something is wrong
  lock             renew rules.lock; a changed sentence needs a note in changes/
  uncovered [DIR]  list the rules that no case names yet (default: conformance/cases)"""

NOTES = V1.parents[1] / "changes"
CASES = V1.parents[1] / "conformance" / "cases"


def print_rule(rule: Rule) -> None:
    """Print one rule with where it stands."""
    observed = ", ".join(rule.observe) + (f" ({rule.reason})" if rule.reason else "")
    print(f"[{rule.id}]  {rule.file}:{rule.line}\n{rule.text}")
    print(f"role: {', '.join(rule.roles)}  observe: {observed}  since: {rule.since}")


def relock(rules: dict[str, Rule]) -> int:
    """Renew the lock, unless a changed sentence has no note."""
    old = lock.read()
    silent = lock.unannounced(lock.differences(rules.values(), old), sorted(NOTES.glob("*.md")))
    if silent:
        print("no note in changes/ names: " + ", ".join(f"[{id}]" for id in silent))
        return 1
    lock.FILE.write_text(lock.renewed(rules.values(), old).text(), encoding="utf-8")
    return 0


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    rules = load() if arguments[:1] != ["check"] else {}
    match arguments:
        case ["rules", *words]:
            for rule in rules.values():
                if all(word in rule.id + " " + rule.text for word in words):
                    print(f"[{rule.id}] {rule.text}")
        case ["rule", id] if id in rules:
            print_rule(rules[id])
        case ["rule", id]:
            print(f"there is no rule [{id}]")
            return 1
        case ["check"]:
            problems = lint.check()
            print("\n".join(problems) or "the specification is in order")
            return 1 if problems else 0
        case ["lock"]:
            return relock(rules)
        case ["uncovered", *folder]:
            for rule in uncovered(rules, Path(folder[0]) if folder else CASES):
                print(f"[{rule.id}] {rule.keyword}")
        case _:
            print(USAGE)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
