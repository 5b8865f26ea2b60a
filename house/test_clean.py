"""What must not be committed: registry addresses, paths of one machine, generated files."""

import json
import re

from house.tree import ROOT, tracked

HOSTS = re.compile(r"https?://([\w.-]+)")
REGISTRY_WORDS = ("pypi", "pythonhosted", "registry.", "npmjs", "crates.io")
HOME_PATHS = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")
TEXT_LIMIT_BYTES = 2_000_000


def texts() -> dict[str, str]:
    """Every tracked text file of ordinary size."""
    found = {}
    for path in tracked():
        raw = path.read_bytes()
        if b"\0" not in raw and len(raw) < TEXT_LIMIT_BYTES:
            found[str(path.relative_to(ROOT))] = raw.decode()
    return found


def test_no_file_spells_the_address_of_a_registry() -> None:
    """Where packages come from is a setting of the machine, not of the project."""
    spelled = {
        (name, host)
        for name, text in texts().items()
        for host in HOSTS.findall(text)
        if any(word in host for word in REGISTRY_WORDS)
    }

    assert spelled == set()


def test_the_lock_file_holds_no_resolved_addresses() -> None:
    """npm's lock file names versions and hashes, and local links only."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    resolved = {each["resolved"] for each in packages.values() if "resolved" in each}

    assert {address for address in resolved if "://" in address} == set()


def test_no_file_names_a_path_of_one_machine() -> None:
    """A path below somebody's home works for nobody else."""
    assert {name for name, text in texts().items() if HOME_PATHS.search(text)} == set()


def test_no_lock_file_of_uv_is_tracked() -> None:
    """uv's lock file spells an address in every entry."""
    assert [name for name in texts() if name.endswith("uv.lock")] == []
