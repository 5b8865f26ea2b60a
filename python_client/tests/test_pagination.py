"""Pagination: adjacent pages, their splits, their ends and new beginnings."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from unisono import Client, FunctionError, LocalProtocolError, Pages, Status
from unisono.core.pagination import Lists
from unisono.testing import Frame, ManualClock, MemoryBackend

from .conftest import Dialogue

LOADING, MORE = Status.LOADING_FIRST_PAGE, Status.LOADING_MORE
READY, DONE = Status.CAN_LOAD_MORE, Status.EXHAUSTED


def page(items: Sequence[Any], end: str, is_done: bool = False, **rest: Any) -> dict[str, Any]:
    return {"page": list(items), "continueCursor": end, "isDone": is_done, **rest}


class ListTalk:
    """A list on a bare session."""

    def __init__(self, talk: Dialogue, initial_items: int = 2) -> None:
        self.talk = talk
        self.lists = Lists(talk.session)
        self.token = talk.tell(self.lists.add, "m:list", {"channel": "x"}, initial_items)
        talk.start()
        self.ts = 0
        self.query_set = 1

    def answer(self, **changes: Any) -> frozenset[str]:
        """The next Transition, and the list's share in it."""
        self.ts += 1
        self.talk.transition(ts=self.ts, query_set=self.query_set, **changes)
        published = [each for each in self.talk.taken() if hasattr(each, "changed")]
        changed = frozenset().union(*(each.changed for each in published))
        results = self.talk.session.snapshot().results
        return frozenset(self.talk.tell(self.lists.update, changed, results))

    def more(self, items: int) -> bool:
        results = self.talk.session.snapshot().results
        return bool(self.talk.tell(self.lists.load_more, self.token, items, results))

    def edits(self) -> list[Frame]:
        """The edits of the query set since the last look."""
        frames = self.talk.frames()
        self.query_set += len(frames)
        return [each for frame in frames for each in frame["modifications"]]

    @property
    def outcome(self) -> Any:
        return self.lists.extended(self.talk.session.snapshot().results)[self.token][0]


def options(edit: Frame) -> Any:
    return edit["args"][0]["paginationOpts"]


def test_pages_join_in_order(talk: Dialogue) -> None:
    """The second begins where the first ended, and is asked for once."""
    pages = ListTalk(talk)
    assert pages.outcome == Pages([], LOADING)
    assert not pages.more(3)
    pages.answer(updates={0: page("ab", "c1")})
    assert pages.outcome == Pages(["a", "b"], READY)
    assert pages.more(3)
    assert not pages.more(3)
    (added,) = pages.edits()
    assert options(added) == {"numItems": 3, "cursor": "c1", "id": 1}
    assert pages.outcome == Pages(["a", "b"], MORE)
    pages.answer(updates={1: page("cde", "end", is_done=True)})
    assert pages.outcome == Pages(list("abcde"), DONE)
    assert not pages.more(3)
    assert pages.edits() == []


def test_all_pages_change_in_one_publication(talk: Dialogue) -> None:
    """An item that moves from one page to the other is never seen twice or lost."""
    pages = ListTalk(talk)
    pages.answer(updates={0: page("ab", "c1")})
    pages.more(2)
    pages.edits()
    pages.answer(updates={1: page("cd", "c2")})
    news = pages.answer(updates={0: page("a", "c1"), 1: page("bcd", "c2")})
    assert pages.token not in news
    assert pages.outcome.items == list("abcd")
    news = pages.answer(updates={0: page("ax", "c1"), 1: page("cd", "c2")})

    assert pages.token in news
    assert pages.outcome.items == list("axcd")


def test_a_page_that_has_grown_is_split_without_a_gap(talk: Dialogue) -> None:
    """The whole is shown until both halves are there; then it is removed."""
    pages = ListTalk(talk)
    pages.answer(updates={0: page("abcde", "c1", splitCursor="m")})
    first, second = pages.edits()
    assert options(first) == {"numItems": 2, "cursor": None, "id": 1, "endCursor": "m"}
    assert options(second) == {"numItems": 2, "cursor": "m", "id": 1, "endCursor": "c1"}
    pages.answer(updates={1: page("ab", "m")})
    assert pages.outcome == Pages(list("abcde"), READY)
    assert pages.edits() == []
    news = pages.answer(updates={2: page("cde", "c1")})

    assert pages.outcome == Pages(list("abcde"), READY)
    assert pages.edits() == [{"type": "Remove", "queryId": 0}]
    assert pages.token not in news


def test_a_page_with_holes_is_not_shown(talk: Dialogue) -> None:
    """Until its halves are there, the list ends before it."""
    pages = ListTalk(talk)
    pages.answer(updates={0: page("ab", "c1")})
    pages.more(2)
    pages.edits()
    pages.answer(updates={1: page("c", "c2", splitCursor="m", pageStatus="SplitRequired")})
    assert pages.outcome == Pages(["a", "b"], MORE)
    assert len(pages.edits()) == 2
    pages.answer(updates={2: page("c", "m"), 3: page("d", "c2")})

    assert pages.outcome == Pages(list("abcd"), READY)


@pytest.mark.parametrize("in_data", [True, False])
def test_an_invalid_cursor_begins_anew(talk: Dialogue, in_data: bool) -> None:
    """With a new id; whether the text or only the data says so."""
    pages = ListTalk(talk)
    pages.answer(updates={0: page("ab", "c1")})
    failure = talk.voice.transition(ts=5, failures={0: "x" if in_data else "InvalidCursor: x"})
    if in_data:
        data = {"isConvexSystemError": True, "paginationError": "InvalidCursor"}
        failure["modifications"][0]["errorData"] = data
    talk.hear(failure)
    talk.taken()
    results = talk.session.snapshot().results
    talk.tell(pages.lists.update, frozenset(results), results)

    edits = pages.edits()

    assert [each["type"] for each in edits] == ["Add", "Remove"]
    assert options(edits[0]) == {"numItems": 2, "cursor": None, "id": 2}
    assert pages.outcome == Pages([], LOADING)


def test_other_errors_are_shown(talk: Dialogue) -> None:
    """And a function that returns no pages is said to be one."""
    pages = ListTalk(talk)
    pages.answer(failures={0: "boom"})
    assert pages.outcome == "boom"
    pages.answer(updates={0: [1, 2]})

    assert "no page" in pages.outcome


def test_a_list_leaves_nothing_behind(talk: Dialogue) -> None:
    """Its pages and their halves are removed with it."""
    pages = ListTalk(talk)
    pages.answer(updates={0: page("abcde", "c1", splitCursor="m")})
    pages.edits()
    talk.tell(pages.lists.remove, pages.token)

    assert len(talk.session.queries) == 0
    assert {each["queryId"] for each in pages.edits()} == {0, 1, 2}


def test_equal_lists_have_pages_of_their_own(talk: Dialogue) -> None:
    """A list that is begun anew does not inherit yesterday's pages."""
    pages = ListTalk(talk)
    talk.tell(pages.lists.add, "m:list", {"channel": "x"}, 2)

    (added,) = pages.edits()

    assert options(added)["id"] == 2


class Item(BaseModel):
    name: str


@pytest.mark.anyio
async def test_a_list_is_read_from_the_client() -> None:
    """Items of the type that was asked for, a status, and one more page on demand."""
    backend = MemoryBackend()
    client = Client(backend.address, connector=backend.connect, clock=ManualClock())
    async with client, client.paginated("m:list", initial_items=1, type=Item) as pages:
        line = await backend.accept()
        await line.receive("ModifyQuerySet")
        assert (await anext(pages)).status is LOADING
        line.transition(query_set=1, ts=1, updates={0: page([{"name": "a"}], "c1")})
        assert await anext(pages) == Pages([Item(name="a")], READY)
        assert pages.load_more(1)
        assert (await anext(pages)).is_loading
        await line.receive("ModifyQuerySet")
        line.transition(query_set=2, ts=2, updates={1: page([{"name": "b"}], "c2", is_done=True)})
        assert (await anext(pages)).items == [Item(name="a"), Item(name="b")]
        line.transition(ts=3, failures={0: "boom"})
        with pytest.raises(FunctionError, match="boom"):
            await anext(pages)
        with anyio.move_on_after(0):
            await anext(pages)
    assert [frame["type"] for frame in line.frames] == ["Connect"] + ["ModifyQuerySet"] * 4


@pytest.mark.anyio
async def test_an_empty_first_page_makes_no_sense() -> None:
    """It is refused at the call."""
    backend = MemoryBackend()
    async with Client(backend.address, connector=backend.connect) as client:
        with pytest.raises(LocalProtocolError):
            client.paginated("m:list", initial_items=0)
