"""What one transaction may read and write."""

from typing import Any

import pytest

from unisono_mock import App, ApplicationError, Backend, MutationContext, QueryContext
from unisono_mock.core import usage
from unisono_mock.core.errors import FunctionError
from unisono_mock.execution import Failed

OPTIONS = {"numItems": 100.0, "cursor": None}


def make_app() -> App:
    app = App()

    @app.mutation("u:add")
    def insert(ctx: MutationContext, count: float, size: float = 0.0) -> None:
        for _ in range(int(count)):
            ctx.db.insert("t", {"text": "x" * int(size)})

    @app.mutation("u:addTwice")
    def insert_twice(ctx: MutationContext, count: float) -> None:
        """The inner one is undone, and does not count."""
        for _ in range(2):
            try:
                ctx.run_mutation("u:addAndFail", count=count)
            except ApplicationError:
                continue

    @app.internal_mutation("u:addAndFail")
    def insert_and_fail(ctx: MutationContext, count: float) -> None:
        insert(ctx, count)
        raise ApplicationError("undone")

    @app.query("u:count")
    def count(ctx: QueryContext) -> float:
        return len(ctx.db.query("t").collect())

    @app.query("u:countOrNothing")
    def count_or_nothing(ctx: QueryContext) -> float | None:
        try:
            return len(ctx.db.query("t").collect())
        except FunctionError:
            return None

    @app.query("u:gets")
    def gets(ctx: QueryContext, count: float) -> float:
        first = ctx.db.query("t").first()
        assert first is not None
        return sum(ctx.db.get(first["_id"]) is not None for _ in range(int(count)))

    @app.query("u:page")
    def page(ctx: QueryContext, options: Any) -> Any:
        page = ctx.db.query("t").paginate(options)
        return [len(page["page"]), page["pageStatus"]]

    @app.query("u:numbers")
    def numbers(ctx: QueryContext, lists: float) -> list[list[float]]:
        return [[0.0] * 8192 for _ in range(int(lists))]

    return app


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.setattr(usage, "MAX_DOCUMENTS_READ", 10)
    monkeypatch.setattr(usage, "MAX_RANGES", 5)
    monkeypatch.setattr(usage, "MAX_DOCUMENTS_WRITTEN", 6)
    monkeypatch.setattr(usage, "MAX_BYTES_READ", 5000)
    monkeypatch.setattr(usage, "MAX_BYTES_WRITTEN", 4000)
    return Backend(make_app())


def add(backend: Backend, *counts: int, size: int = 0) -> None:
    for count in counts:
        backend.mutation("u:add", count=count, size=size)


def test_the_limits_are_those_of_the_official_server() -> None:
    """32,000 documents and 16 MiB in, 16,000 and 16 MiB out, 4,096 ranges."""
    read = usage.MAX_DOCUMENTS_READ, usage.MAX_BYTES_READ, usage.MAX_RANGES
    written = usage.MAX_DOCUMENTS_WRITTEN, usage.MAX_BYTES_WRITTEN
    assert (read, written) == ((32_000, 16_777_216, 4096), (16_000, 16_777_216))


def test_too_many_documents_read(backend: Backend) -> None:
    """The last that may be read is read; a function may catch the error."""
    add(backend, 5, 5)
    assert backend.query("u:count") == 10
    add(backend, 1)
    with pytest.raises(Failed, match=r"Too many documents read .* \(limit: 10\)"):
        backend.query("u:count")
    assert backend.query("u:countOrNothing") is None


def test_too_many_bytes_read(backend: Backend) -> None:
    """Counted by value, with the fields that the database adds."""
    add(backend, 3, 3, size=1000)
    with pytest.raises(Failed, match=r"Too many bytes read .* \(limit: 5000 bytes\)"):
        backend.query("u:count")


def test_too_many_ranges_read(backend: Backend) -> None:
    """Every get and every query is one."""
    add(backend, 1)
    assert backend.query("u:gets", count=4) == 4
    with pytest.raises(Failed, match=r"Too many reads .* \(limit: 5\)"):
        backend.query("u:gets", count=5)


def test_too_many_documents_written(backend: Backend) -> None:
    """The mutation leaves no trace."""
    add(backend, 6)
    with pytest.raises(Failed, match=r"Too many writes .* \(limit: 6\)"):
        add(backend, 7)
    assert backend.query("u:count") == 6


def test_too_many_bytes_written(backend: Backend) -> None:
    """The mutation leaves no trace."""
    with pytest.raises(Failed, match=r"Too many bytes written .* \(limit: 4000 bytes\)"):
        add(backend, 4, size=1000)
    assert backend.query("u:count") == 0


def test_what_is_undone_was_not_written(backend: Backend) -> None:
    """A sub-mutation that fails gives back what it wrote."""
    backend.mutation("u:addTwice", count=4)
    assert backend.query("u:count") == 0


def test_a_page_ends_at_the_limit_of_bytes(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says that it should be split; it does not fail."""
    monkeypatch.setattr("unisono_mock.core.pagination.MAX_BYTES", 5000)
    add(backend, 3, 3, size=1000)
    assert backend.query("u:page", options=OPTIONS) == [5, "SplitRequired"]


def test_a_result_that_is_too_large_fails(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its size as a value: 9 bytes for a number, however short its text."""
    monkeypatch.setattr("unisono_mock.execution.MAX_RESULT_BYTES", 2 * (2 + 8192 * 9) + 1)
    assert len(backend.query("u:numbers", lists=1)) == 1
    with pytest.raises(Failed, match=r"return value is too large \(actual: 0\.14 MiB, limit: 16"):
        backend.query("u:numbers", lists=2)
