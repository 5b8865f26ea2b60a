"""The rooms of the house as data: which names there are and where each one lives.

Not here: any check (see the tests beside this module).
"""

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHAPTERS = ROOT / "protocol" / "v1"
PYTHON_CORE = ROOT / "python_client" / "src" / "unisono" / "core"
JS_CORE = ROOT / "js_client" / "src" / "core"
SERVER_CORE = ROOT / "mock_server" / "src" / "unisono_mock" / "core"
CASES = ROOT / "conformance" / "cases"

#: Ideas in which a server has no part.
CLIENT_ONLY = frozenset({"optimistic"})

#: A citation of a rule: `[transitions.continuity]`.
CITATION = re.compile(r"\[([a-z]+)\.([a-z0-9]+(?:-[a-z0-9]+)*)\]")
#: A line with a comment; an index of a list is no citation.
COMMENT = re.compile(r"#|//|^\s*\*|\"\"\"")
RULE_BLOCK = re.compile(r"^> \*\*\[([a-z]+\.[a-z0-9-]+)\]\*\*", re.MULTILINE)


@cache
def names() -> tuple[str, ...]:
    """The shared names, in the order of the chapters 01 to 12."""
    found = sorted(CHAPTERS.glob("[0-9][0-9]-*.md"))
    numbered = [path.stem.split("-", 1) for path in found]
    return tuple(name for number, name in numbered if 1 <= int(number) <= 12)


@cache
def rules() -> frozenset[str]:
    """The ids of all rules that a chapter defines."""
    texts = (path.read_text() for path in CHAPTERS.glob("*.md"))
    return frozenset(rule for text in texts for rule in RULE_BLOCK.findall(text))


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for line in listing.splitlines() if (path := ROOT / line).is_file())


def sources(*suffixes: str) -> list[Path]:
    """The tracked files with one of these suffixes, tests included."""
    return [path for path in tracked() if path.suffix in suffixes]


def citations(path: Path) -> set[str]:
    """The rules that a source file's comments cite, as far as their chapter is one of ours."""
    known = {rule.split(".")[0] for rule in rules()}
    comments = [line for line in path.read_text().splitlines() if COMMENT.search(line)]
    found = CITATION.findall("\n".join(comments))
    return {f"{chapter}.{words}" for chapter, words in found if chapter in known}
