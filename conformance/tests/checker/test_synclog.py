"""The file format: written, read again, refused when damaged, and free of secrets."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from unisono_conformance.checker import Recorder, SynclogError, read, write
from unisono_conformance.checker.synclog import parse

from .simulated_server import token
from .simulator import WORKLOADS, Simulation

SCHEMA = json.loads((files("unisono_conformance") / "schema" / "synclog.schema.json").read_text())
HEADER = '{"synclog": 1}'


@pytest.mark.parametrize("workload", WORKLOADS)
def test_what_is_written_is_read_again(workload: str, tmp_path: Path) -> None:
    """A history survives the file, line by line as the schema says."""
    simulation = Simulation(5, workload)
    events = simulation.run()
    path = tmp_path / "history.jsonl"
    with path.open("w") as file:
        simulation.recorder.write(file)

    assert read(path).events == events
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for line in path.read_text().splitlines():
        validator.validate(json.loads(line))


@pytest.mark.parametrize(
    ("lines", "line", "problem"),
    [
        ([], 1, "no header"),
        (["[]"], 1, "not a JSON object"),
        (['{"at": 1, "kind": "fence"}'], 1, "no header"),
        (['{"synclog": 2}'], 1, "only format 1"),
        ([HEADER, '{"at": 1, "kind": "fen'], 2, "cut off"),
        ([HEADER, '{"at": 1, "kind": "dance"}'], 2, "unknown kind"),
        ([HEADER, '{"at": "1", "kind": "fence"}'], 2, "not an integer"),
        ([HEADER, '{"at": 2, "kind": "fence"}', '{"at": 2, "kind": "fence"}'], 3, "must grow"),
        ([HEADER, '{"at": 1, "kind": "s2c", "connection": 1}'], 2, "s2c.frame"),
        ([HEADER, '{"at": 1, "kind": "commit", "n": 0}'], 2, "commit.id"),
        ([HEADER, '{"at": 1, "kind": "op", "client": "a", "seq": 1, "op": {}}'], 2, "no op"),
    ],
)
def test_a_damaged_file_is_refused(lines: list[str], line: int, problem: str) -> None:
    """The error names the line and what is wrong with it."""
    with pytest.raises(SynclogError, match=problem) as caught:
        parse(lines)
    assert caught.value.line == line


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    """An event without what its kind needs fits neither."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for row in (
        {"at": 1, "kind": "dance"},
        {"at": 1, "kind": "s2c", "connection": 1},
        {"at": 1, "kind": "commit", "n": 0},
        {"at": 1, "kind": "op", "client": "a", "seq": 1, "op": {}},
        {"kind": "fence"},
    ):
        assert not validator.is_valid(row)
        with pytest.raises(SynclogError):
            parse([HEADER, json.dumps(row)])


def test_tokens_never_reach_the_file() -> None:
    """Tokens are hashed when they are recorded; whom they name is kept."""
    recorder = Recorder()
    secret = token("ann")
    recorder.op("a", {"op": "set_auth", "token": secret})
    recorder.c2s(1, {"type": "Authenticate", "tokenType": "User", "value": secret})
    recorder.c2s(1, {"type": "Authenticate", "tokenType": "Admin", "value": "the-admin-key"})
    file = io.StringIO()
    recorder.write(file)

    assert secret not in file.getvalue()
    assert "the-admin-key" not in file.getvalue()
    frame = recorder.events[1]["frame"]
    assert frame["value"].startswith("sha256:")
    assert frame["value"] == recorder.events[0]["op"]["token"]
    assert frame["subject"] == "ann"


def test_writing_redacts_what_others_have_recorded() -> None:
    """Events that did not come from a Recorder are redacted on their way to the file."""
    file = io.StringIO()
    frame = {"type": "Authenticate", "tokenType": "Admin", "value": "the-admin-key"}
    write(file, {"synclog": 1}, [{"at": 1, "kind": "c2s", "connection": 1, "frame": frame}])

    assert "the-admin-key" not in file.getvalue()
