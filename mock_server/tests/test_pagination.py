"""Pages: cursors, journals, gapless reactive pages."""

from typing import Any

import pytest

from unisono_mock import App, Backend, MutationContext, PaginationOptions, QueryContext
from unisono_mock.core.errors import FunctionError
from unisono_mock.core.pagination import END, Cursors, InvalidCursor, Position, fingerprint

from .wire import Wire, add

ONE, OTHER = fingerprint(b"one"), fingerprint(b"other")


def make_app() -> App:
    app = App()

    @app.query("n:page")
    def page(
        ctx: QueryContext, paginationOpts: PaginationOptions, desc: bool = False, even: bool = False
    ) -> dict[str, Any]:
        rows = ctx.db.query("n").order("desc" if desc else "asc")
        if even:
            rows = rows.filter(is_even)
        found = rows.paginate(paginationOpts)
        return {**found, "page": [row["n"] for row in found["page"]]}

    @app.query("n:twice")
    def twice(ctx: QueryContext, paginationOpts: PaginationOptions) -> None:
        ctx.db.query("n").paginate(paginationOpts)
        ctx.db.query("n").paginate(paginationOpts)

    @app.mutation("n:add")
    def add_numbers(ctx: MutationContext, numbers: list[int]) -> list[str]:
        return [ctx.db.insert("n", {"n": number}) for number in numbers]

    @app.mutation("n:delete")
    def delete(ctx: MutationContext, id: str) -> None:
        ctx.db.delete(id)

    return app


def is_even(row: dict[str, Any]) -> bool:
    return bool(row["n"] % 2 == 0)


@pytest.fixture
def pages() -> Backend:
    backend = Backend(make_app())
    backend.mutation("n:add", numbers=list(range(10)))
    return backend


def options(items: int = 3, cursor: str | None = None, **more: Any) -> dict[str, Any]:
    return {"numItems": items, "cursor": cursor, **more}


def test_cursors_are_deterministic_and_cannot_be_forged() -> None:
    """Equal positions have equal texts; any other text is no cursor."""
    cursors = Cursors(b"secret")
    text = cursors.write(ONE, Position(b"key"))
    assert text == Cursors(b"secret").write(ONE, Position(b"key"))
    assert cursors.read(ONE, text) == Position(b"key")
    assert cursors.read(ONE, cursors.write(ONE, END)) == END
    with pytest.raises(InvalidCursor):
        cursors.read(OTHER, text)
    for forged in ("", "x", text[:-4], "A" + text[1:], Cursors(b"other").write(ONE, END)):
        with pytest.raises(FunctionError, match="parse cursor"):
            cursors.read(ONE, forged)


@pytest.mark.parametrize("desc", [False, True])
def test_pages_follow_each_other_without_gap_or_overlap(pages: Backend, desc: bool) -> None:
    """Each page begins where the one before it ended, in both directions."""
    seen: list[float] = []
    cursor, done = None, False
    while not done:
        found = pages.query("n:page", paginationOpts=options(4, cursor), desc=desc)
        seen += found["page"]
        cursor, done = found["continueCursor"], found["isDone"]
    assert seen == sorted(range(10), reverse=desc)


def test_a_page_that_is_exactly_full_is_not_the_last(pages: Backend) -> None:
    """Nobody has looked behind it; the next one is empty and done."""
    first = pages.query("n:page", paginationOpts=options(10))
    assert (len(first["page"]), first["isDone"]) == (10, False)
    second = pages.query("n:page", paginationOpts=options(10, first["continueCursor"]))
    assert (second["page"], second["isDone"]) == ([], True)
    third = pages.query("n:page", paginationOpts=options(10, second["continueCursor"]))
    assert (third["page"], third["isDone"]) == ([], True)


def test_an_end_cursor_beats_the_number_of_items(pages: Backend) -> None:
    """A half of a split page returns everything in its range."""
    whole = pages.query("n:page", paginationOpts=options(7))
    split, end = whole["splitCursor"], whole["continueCursor"]
    left = pages.query("n:page", paginationOpts=options(1, endCursor=split))
    right = pages.query("n:page", paginationOpts=options(1, split, endCursor=end))
    assert left["page"] + right["page"] == whole["page"]
    assert (left["continueCursor"], right["continueCursor"]) == (split, end)


def test_a_live_page_keeps_its_end_while_its_content_changes(pages: Backend) -> None:
    """The journal pins the end, on this connection and on the next one."""
    wire = Wire(pages)
    wire.modify(0, add(0, "n:page", paginationOpts=options(3)))
    (first,) = wire.take()[0]["modifications"]
    ids = pages.mutation("n:add", numbers=[100])
    pages.mutation("n:delete", id=ids[0])
    assert wire.take() == []
    assert first["journal"] is not None

    snapshot = pages.store.begin()
    rows = list(snapshot.scan("n", "by_creation_time", b"", b"\xff"))
    pages.mutation("n:delete", id=rows[1][1]["_id"])
    (changed,) = wire.take()[0]["modifications"]
    assert changed["value"]["page"] == [0.0, 2.0]
    assert changed["value"]["continueCursor"] == first["value"]["continueCursor"]

    again = Wire(pages)
    again.modify(0, add(0, "n:page", journal=changed["journal"], paginationOpts=options(3)))
    (restored,) = again.take()[0]["modifications"]
    assert restored["value"] == changed["value"]


def test_a_foreign_journal_fails_that_query_and_pins_nothing(pages: Backend) -> None:
    """The text says what is wrong; the journal that comes back is null."""
    wire = Wire(pages)
    wire.modify(0, add(0, "n:page", journal="garbage", paginationOpts=options(3)))
    (failed,) = wire.take()[0]["modifications"]
    assert failed["type"] == "QueryFailed"
    assert "Failed to parse cursor" in failed["errorMessage"]
    assert failed["journal"] is None
    assert "errorData" not in failed


def test_a_cursor_of_another_query_tells_clients_to_start_again(pages: Backend) -> None:
    """The data is what the official clients look at."""
    cursor = pages.query("n:page", paginationOpts=options())["continueCursor"]
    wire = Wire(pages)
    wire.modify(0, add(0, "n:page", paginationOpts=options(3, cursor), desc=True))
    (failed,) = wire.take()[0]["modifications"]
    assert "InvalidCursor" in failed["errorMessage"]
    assert failed["errorData"] == {"isConvexSystemError": True, "paginationError": "InvalidCursor"}


def test_limits_ask_the_client_to_split(pages: Backend) -> None:
    """A hit limit ends the page; being near it recommends a split."""
    hit = pages.query("n:page", paginationOpts=options(9, maximumRowsRead=4), even=True)
    assert (hit["page"], hit["pageStatus"], hit["isDone"]) == ([0.0, 2.0], "SplitRequired", False)
    near = pages.query("n:page", paginationOpts=options(9, maximumRowsRead=11))
    assert near["pageStatus"] == "SplitRecommended"
    few = pages.query("n:page", paginationOpts=options(2))
    assert (few["splitCursor"], few["pageStatus"]) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (options(0), "NoDocumentsForPagination"),
        (options(-1), "NoDocumentsForPagination"),
        (options(32_001), "PageSizeTooLarge"),
        (options(1, maximumRowsRead=0), "InvalidPaginationLimit"),
        (options(1, "forged"), "Failed to parse cursor"),
        ({"cursor": None}, "missing the required field `numItems`"),
    ],
)
def test_wrong_options_fail_the_call(pages: Backend, wrong: dict[str, Any], words: str) -> None:
    """Each with a sentence."""
    with pytest.raises(Exception, match=words):
        pages.query("n:page", paginationOpts=wrong)


def test_a_function_paginates_once(pages: Backend) -> None:
    """The journal has room for one end."""
    with pytest.raises(Exception, match="MultiplePaginatedDatabaseQueries"):
        pages.query("n:twice", paginationOpts=options())
