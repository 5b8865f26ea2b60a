"""Optimistic updates of lists: an item goes where the backend will put it, or nowhere."""

from collections.abc import Callable
from typing import Any

import pytest

from unisono import LocalStore, pagination
from unisono.core.messages import Outcome, Success
from unisono.core.optimistic import Layers
from unisono.core.queries import name_of

ARGS = {"channel": "x"}


def page(items: str, *, is_done: bool = False) -> dict[str, Any]:
    return {"page": list(items), "isDone": is_done, "continueCursor": items[-1:]}


class Shelf:
    """Loaded pages, each with the options it was asked for, and one update over them."""

    def __init__(self, *pages: tuple[dict[str, Any], Any], args: Any = None) -> None:
        names = {}
        results: dict[str, Outcome] = {}
        for options, value in pages:
            name = name_of(
                "m:page", {**(ARGS if args is None else args), "paginationOpts": options}
            )
            names[name[0]] = name
            if value is not None:
                results[name[0]] = Success(value)
        self._names = tuple(names)
        self._layers = Layers(name_of, lambda: names)
        self._layers.ingest(results)

    def guess(self, update: Callable[[LocalStore], object]) -> list[str]:
        """The items of each loaded page, as they are visible under the update."""
        self._layers.add(0, update)
        visible = self._layers.visible
        outcomes = [visible[name] for name in self._names if name in visible]
        return ["".join(each.value["page"]) for each in outcomes if isinstance(each, Success)]


FIRST = {"numItems": 2, "cursor": None, "id": 1}
NEXT = {"numItems": 2, "cursor": "d", "id": 1}


def at_top(store: LocalStore) -> None:
    pagination.insert_at_top(store, "m:page", ARGS, "!")


def at_bottom(store: LocalStore) -> None:
    pagination.insert_at_bottom(store, "m:page", ARGS, "!")


def test_an_item_goes_to_the_top_of_the_first_page() -> None:
    """In every list of these arguments."""
    other = {"numItems": 2, "cursor": None, "id": 2}
    shelf = Shelf((FIRST, page("bd")), (NEXT, page("fh")), (other, page("bd")))
    assert shelf.guess(at_top) == ["!bd", "fh", "!bd"]


def test_an_item_goes_to_the_bottom_when_the_end_is_loaded() -> None:
    """Otherwise nobody knows what is there."""
    assert Shelf((FIRST, page("bd")), (NEXT, page("fh"))).guess(at_bottom) == ["bd", "fh"]
    shelf = Shelf((FIRST, page("bd")), (NEXT, page("fh", is_done=True)))
    assert shelf.guess(at_bottom) == ["bd", "fh!"]


@pytest.mark.parametrize("args", [{"channel": "y"}, {}, {"channel": "x", "more": 1}])
def test_lists_of_other_arguments_stay_as_they_are(args: Any) -> None:
    """The arguments must be the same, without the options of a page."""
    assert Shelf((FIRST, page("bd")), args=args).guess(at_top) == ["bd"]


def test_a_page_that_is_loading_stays_so() -> None:
    """A guess about something unknown would be shown as if it were all."""
    assert Shelf((FIRST, None)).guess(at_top) == []


def test_items_are_changed_wherever_they_are() -> None:
    """In each page of the list."""
    shelf = Shelf((FIRST, page("bd")), (NEXT, page("fd")))

    def update(store: LocalStore) -> None:
        pagination.change_items(store, "m:page", ARGS, lambda item: "D" if item == "d" else item)

    assert shelf.guess(update) == ["bD", "fD"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("a", ["abd", "fh"]),
        ("c", ["bcd", "fh"]),
        ("d", ["bdd", "fh"]),
        ("e", ["bde", "fh"]),
        ("g", ["bd", "fgh"]),
        ("z", ["bd", "fh"]),
    ],
)
def test_an_item_goes_to_its_place(item: str, expected: list[str]) -> None:
    """Between two pages it belongs to the first; behind the last that is loaded, to none."""
    shelf = Shelf((FIRST, page("bd")), (NEXT, page("fh")))

    def update(store: LocalStore) -> None:
        pagination.insert_at_position(store, "m:page", ARGS, item, key=str.lower)

    assert shelf.guess(update) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [("i", ["ihf", "db"]), ("e", ["hfe", "db"]), ("c", ["hf", "dcb"]), ("a", ["hf", "dba"])],
)
def test_a_list_may_fall(item: str, expected: list[str]) -> None:
    """And what follows the last item belongs to the last page when there is no other."""
    shelf = Shelf((FIRST, page("hf")), (NEXT, page("db", is_done=True)))

    def update(store: LocalStore) -> None:
        pagination.insert_at_position(store, "m:page", ARGS, item, key=str, descending=True)

    assert shelf.guess(update) == expected


def test_a_list_that_does_not_begin_at_its_beginning_gets_nothing_before_it() -> None:
    """What lies there is not loaded."""
    shelf = Shelf((NEXT, page("fh")))

    def update(store: LocalStore) -> None:
        pagination.insert_at_position(store, "m:page", ARGS, "e", key=str)

    assert shelf.guess(update) == ["fh"]


def test_an_empty_list_gets_its_first_item() -> None:
    """All of it is loaded, so the place is known."""
    shelf = Shelf((FIRST, page("", is_done=True)))

    def update(store: LocalStore) -> None:
        pagination.insert_at_position(store, "m:page", ARGS, "e", key=str)

    assert shelf.guess(update) == ["e"]


def test_a_page_and_its_halves_get_the_item_alike() -> None:
    """While a page is being split, both are there, and either may be shown."""
    first_half = {**FIRST, "endCursor": "d"}
    second_half = {**NEXT, "endCursor": "h"}
    shelf = Shelf((FIRST, page("bdfh")), (first_half, page("bd")), (second_half, page("fh")))

    def update(store: LocalStore) -> None:
        pagination.insert_at_position(store, "m:page", ARGS, "e", key=str)

    assert shelf.guess(update) == ["bdefh", "bde", "fh"]
