"""Snapshots: out, and in again somewhere else."""

import io
import zipfile

import pytest

from unisono_mock import App, Backend, Int64
from unisono_mock.core.errors import FunctionError
from unisono_mock.snapshot import (
    BadSnapshot,
    export_lines,
    export_snapshot,
    import_lines,
    import_snapshot,
)

from . import test_storage
from .apps import make_app
from .test_database import app as people_app
from .wire import Wire, add


def test_everything_comes_out_and_goes_in_again() -> None:
    """Ids, times, types and indexes are the same; subscriptions hear of it."""
    first = Backend(people_app)
    values = {"name": "ann", "age": 30, "city": Int64(5)}
    (id_,) = first.mutation("do", steps=[["insert", "people", values]])
    first.mutation("do", steps=[["insert", "loose", {"raw": b"\x00\x01", "nan": float("inf")}]])

    second = Backend(people_app)
    wire = Wire(second)
    wire.modify(0, add(0, "names", equals={"city": {"$integer": "BQAAAAAAAAA="}}))
    assert import_snapshot(second, export_snapshot(first)) == 2
    assert wire.frames[-1]["modifications"][0]["value"] == ["ann"]
    assert second.query("get", id=id_) == first.query("get", id=id_)
    assert export_lines(second, "loose") == export_lines(first, "loose")


def test_tables_keep_the_numbers_of_their_ids() -> None:
    """Also where the schema has given the numbers to others."""
    first = Backend(App())
    import_lines(first, "zebra", b'{"n": 1}\n')
    second = Backend(people_app)
    import_snapshot(second, export_snapshot(first))
    assert second.store.tables["zebra"].number == first.store.tables["zebra"].number
    numbers = [table.number for table in second.store.tables.values()]
    assert len(set(numbers)) == len(numbers)
    with pytest.raises(BadSnapshot, match="there already"):
        import_snapshot(second, export_snapshot(first))


def test_files_travel_with_their_bytes() -> None:
    """And keep their address."""
    first = Backend(test_storage.make_app())
    id_ = first.action("f:store", content=b"hello")
    second = Backend(test_storage.make_app())
    import_snapshot(second, export_snapshot(first))
    assert second.action("f:read", id=id_) == b"hello"
    assert second.query("f:url", id=id_) == first.query("f:url", id=id_)


def test_lines_without_ids_become_new_documents() -> None:
    """Written by hand, one object for each line."""
    backend = Backend(make_app())
    lines = b'{"text": "a", "done": true}\n\n{"text": "b", "done": false}\n'
    assert import_lines(backend, "tasks", lines) == 2
    assert sorted(backend.query("tasks:list")) == ["a", "b"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"{", "line 1: not a JSON"),
        (b"{}\n[]", "line 2: not an object"),
        (b'{"_id": "nonsense"}', "is no id"),
        (b'{"_id": "040020g30g2gc1r81450p30d1r7qke8"}', "not an id of the table tasks"),
    ],
)
def test_lines_that_cannot_be_read(lines: bytes, words: str) -> None:
    """The sentence names the line; nothing is written."""
    backend = Backend(make_app())
    with pytest.raises(BadSnapshot, match=words):
        import_lines(backend, "tasks", lines)
    assert backend.query("tasks:list") == []


def test_what_is_no_archive_is_refused() -> None:
    """And so is an archive that lacks the bytes of a file."""
    backend = Backend(test_storage.make_app())
    with pytest.raises(BadSnapshot, match="not a snapshot"):
        import_snapshot(backend, b"nonsense")
    backend.action("f:store", content=b"x")
    whole = zipfile.ZipFile(io.BytesIO(export_snapshot(backend)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as part:
        for name in whole.namelist():
            if name.endswith(".jsonl"):
                part.writestr(name, whole.read(name))
    with pytest.raises(BadSnapshot, match="are missing"):
        import_snapshot(Backend(test_storage.make_app()), out.getvalue())
    with pytest.raises(FunctionError, match="no table"):
        export_lines(backend, "nothing")
