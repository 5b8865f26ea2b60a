"""The specification's text is in order, and the check sees when it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unisono_protocol import lint, lock
from unisono_protocol.__main__ import main
from unisono_protocol.data import V1
from unisono_protocol.rules import MalformedRule, chapters, load, parse

GOOD = """# 99 Sample

> **[sample.one]** A client **MUST** do one thing.
> *role:* client · *observe:* wire · *since:* 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A specification of one good rule, with its lock."""
    (tmp_path / "99-sample.md").write_text(GOOD, encoding="utf-8")
    fresh = lock.renewed(load(tmp_path).values(), lock.Lock({}, ()))
    (tmp_path / "rules.lock").write_text(fresh.text(), encoding="utf-8")
    return tmp_path


def test_the_specification_is_in_order() -> None:
    """The check finds nothing to say about the chapters and the data that cites them."""
    assert lint.check() == []


def test_every_chapter_has_rules() -> None:
    """Each numbered chapter but the first binds somebody."""
    numbered = [path for path in chapters() if path.name[0].isdigit()]

    assert [path.name for path in numbered if not parse(path)] == ["00-reading.md"]


def test_a_good_chapter_passes(folder: Path) -> None:
    """A chapter written by the rules of writing has no problems."""
    assert lint.check(folder) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("**MUST**", "must", "exactly one keyword"),
        ("do one thing.", "do one thing and SHOULD do another.", "exactly one keyword"),
        ("*role:* client", "*role:* proxy", "unknown role"),
        ("*observe:* wire", "*observe:* taste", "unknown observation"),
        ("*observe:* wire", "*observe:* none", "gives a reason"),
        ("one thing.", "one thing", "not a sentence"),
        ("[sample.one]", "[other.one]", "another name"),
        ("# 99 Sample", "# 99 Sample\n\nIt MUST not stand here.", "outside a rule"),
        ("# 99 Sample", "# 99 Sample\n\nSee [sample.two].", "is no rule"),
        ("one thing", "another thing", "is changed"),
        ("[sample.one]", "[sample.first]", "is removed"),
        ("*since:* 1", "*since:* 2", "is changed"),
    ],
)
def test_the_check_sees(folder: Path, old: str, new: str, problem: str) -> None:
    """Each way of breaking the form of a rule is found and named."""
    chapter = folder / "99-sample.md"
    chapter.write_text(GOOD.replace(old, new), encoding="utf-8")

    assert any(problem in found for found in lint.check(folder))


def test_a_block_without_its_second_line_is_malformed(folder: Path) -> None:
    """A rule that does not say whom it binds is not read at all."""
    chapter = folder / "99-sample.md"
    chapter.write_text(GOOD.partition("> *role")[0], encoding="utf-8")

    with pytest.raises(MalformedRule, match="two lines"):
        load(folder)


def test_the_same_id_twice_is_found(folder: Path) -> None:
    """An id names one sentence."""
    chapter = folder / "99-sample.md"
    chapter.write_text(GOOD + GOOD.partition("\n")[2], encoding="utf-8")

    assert "[sample.one] stands 2 times" in lint.check(folder)


def test_a_removed_rule_becomes_a_tombstone() -> None:
    """The lock remembers ids that are gone, so that nobody uses them again."""
    old = lock.Lock({"sample.gone": ("0", 1)}, ("sample.older",))

    assert lock.renewed([], old).tombstones == ("sample.gone", "sample.older")


def test_a_changed_rule_needs_a_note(tmp_path: Path) -> None:
    """A sentence changes only together with a note that names it."""
    note = tmp_path / "note.md"
    note.write_text("The rule [sample.one] now binds servers too.", encoding="utf-8")
    found = {"sample.one": "changed", "sample.two": "changed", "sample.three": "new"}

    assert lock.unannounced(found, [note]) == ["sample.two"]


def test_a_risen_id_is_found(folder: Path) -> None:
    """A withdrawn id cannot come back with another meaning."""
    (folder / "rules.lock").write_text(lock.Lock({}, ("sample.one",)).text(), encoding="utf-8")

    assert any("is risen" in found for found in lint.check(folder))


def test_the_finder_prints_one_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """`rule ID` prints the sentence and whom it binds."""
    assert main(["rule", "transitions.continuity"]) == 0
    printed = capsys.readouterr().out

    assert "startVersion" in printed
    assert "role: client" in printed


def test_the_finder_lists_and_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """`rules WORD` lists by word, `check` says that all is well."""
    assert main(["rules", "continuity"]) == 0
    assert "[transitions.continuity]" in capsys.readouterr().out
    assert main(["check"]) == 0


def test_the_finder_knows_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown rule or command is said in one line and in the exit status."""
    assert main(["rule", "no.such"]) == 1
    assert main([]) == 2
    assert "usage" in capsys.readouterr().out


def test_the_lock_on_disk_reads_back(tmp_path: Path) -> None:
    """What the lock writes is what it reads."""
    copy = tmp_path / "rules.lock"
    shutil.copy(V1 / "rules.lock", copy)

    assert lock.read(copy).text() == copy.read_text(encoding="utf-8")
