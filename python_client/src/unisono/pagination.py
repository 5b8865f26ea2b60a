"""Lists in optimistic updates: put an item where the backend will, in every page it is part of.

    def guess(store: LocalStore) -> None:
        pagination.insert_at_top(store, "messages:page", {"channel": "x"}, {"body": "hello"})

Pages that are not loaded stay as they are: the next one that comes shows the truth.

Spec: pagination
Not here: the pages themselves (see core/pagination), single results (see core/optimistic).
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .core.optimistic import LocalStore
from .core.pagination import OPTIONS, is_page
from .core.queries import name_of
from .core.values import Value

__all__ = ["change_items", "insert_at_bottom", "insert_at_position", "insert_at_top"]


def change_items(
    store: LocalStore,
    path: str,
    args: Mapping[str, Value] | None,
    change: Callable[[Any], Value],
) -> None:
    """Replace each loaded item of the list by what `change` returns for it."""
    for page_args, page in _pages(store, path, args):
        _show(store, path, page_args, page, [change(item) for item in page["page"]])


def insert_at_top(
    store: LocalStore, path: str, args: Mapping[str, Value] | None, item: Value
) -> None:
    """Show an item before all others, if the first page is loaded."""
    for page_args, page in _pages(store, path, args):
        if _is_first(page_args):
            _show(store, path, page_args, page, [item, *page["page"]])


def insert_at_bottom(
    store: LocalStore, path: str, args: Mapping[str, Value] | None, item: Value
) -> None:
    """Show an item after all others, if the last page is loaded."""
    for page_args, page in _pages(store, path, args):
        if page["isDone"]:
            _show(store, path, page_args, page, [*page["page"], item])


def insert_at_position(
    store: LocalStore,
    path: str,
    args: Mapping[str, Value] | None,
    item: Value,
    *,
    key: Callable[[Any], Any],
    descending: bool = False,
) -> None:
    """Show an item at its place in a list that is sorted by `key`, if that place is loaded."""
    before = operator.gt if descending else operator.lt
    wanted = key(item)
    lists: dict[Any, list[tuple[Any, Any, list[Any]]]] = {}
    for page_args, page in _pages(store, path, args):
        keys = [key(each) for each in page["page"]]
        lists.setdefault(page_args[OPTIONS].get("id"), []).append((page_args, page, keys))
    for pages in lists.values():
        starts = [keys[0] for _, _, keys in pages if keys]
        for page_args, page, keys in pages:
            if _covers(page_args, page, keys, starts, wanted, before):
                place = sum(before(each, wanted) for each in keys)
                items = page["page"]
                _show(store, path, page_args, page, [*items[:place], item, *items[place:]])


def _covers(
    args: Any,
    page: Any,
    keys: list[Any],
    starts: list[Any],
    wanted: Any,
    before: Callable[[Any, Any], bool],
) -> bool:
    """Whether an item of this key would be in this page, as far as the loaded pages show."""
    if not keys:
        return _is_first(args) and bool(page["isDone"])
    if before(wanted, keys[0]):
        return _is_first(args)
    if not before(keys[-1], wanted):
        return True
    # Behind its last item, where another page may begin before it or after it. The halves
    # of a page that is being split begin inside of it and are no neighbours.
    later = [start for start in starts if before(keys[-1], start)]
    return all(before(wanted, start) for start in later) if later else bool(page["isDone"])


def _pages(
    store: LocalStore, path: str, args: Mapping[str, Value] | None
) -> Iterator[tuple[Any, Any]]:
    """Arguments and result of each loaded page of these lists."""
    wanted = name_of(path, args)[0]
    for page_args, page in store.all(path):
        rest = {name: value for name, value in page_args.items() if name != OPTIONS}
        if OPTIONS in page_args and name_of(path, rest)[0] == wanted and is_page(page):
            yield page_args, page


def _is_first(args: Any) -> bool:
    return args[OPTIONS].get("cursor") is None


def _show(store: LocalStore, path: str, args: Any, page: Any, items: list[Any]) -> None:
    store.set(path, args, {**page, "page": items})
