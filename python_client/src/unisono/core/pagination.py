"""Pagination: long results as adjacent pages, each of which is an ordinary query.

Spec: pagination
Not here: the queries (see queries), their results (see transitions).
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .messages import Absent, Failure, Outcome, Success
from .values import Json, Value

T = TypeVar("T")

OPTIONS = "paginationOpts"
INVALID_CURSOR = "InvalidCursor"
SPLIT_REQUIRED = "SplitRequired"
SPLIT_RECOMMENDED = "SplitRecommended"


class Status(Enum):
    """How much of a list is there."""

    LOADING_FIRST_PAGE = "LoadingFirstPage"
    LOADING_MORE = "LoadingMore"
    CAN_LOAD_MORE = "CanLoadMore"
    EXHAUSTED = "Exhausted"


class Pages(NamedTuple, Generic[T]):
    """The items of all pages that are there, and whether there are more."""

    items: list[T]
    status: Status

    @property
    def is_loading(self) -> bool:
        """Whether a page is on its way."""
        return self.status in (Status.LOADING_FIRST_PAGE, Status.LOADING_MORE)


class Queries(Protocol):
    """What lists need of the session."""

    def subscribe(self, path: str, args: Any, now: float) -> str:
        """Want to be told of a query."""
        ...

    def unsubscribe(self, token: str, now: float) -> None:
        """Want it no more."""


@dataclass(slots=True)
class PageList:
    """One list: which pages it has, and which of them are being split."""

    initial_items: int
    list_id: int
    order: list[int] = field(default_factory=list)
    wanted: dict[int, Json] = field(default_factory=dict)
    splits: dict[int, tuple[int, int]] = field(default_factory=dict)
    outcome: Outcome | None = None
    next_key: int = 0

    def begin(self, list_id: int) -> None:
        """Start from the first page, as a new list."""
        # [pagination.first-page] [pagination.reset] The id makes equal lists different
        # queries, so that one does not inherit the other's pages.
        self.list_id, self.order, self.wanted, self.splits = list_id, [], {}, {}
        self.order = [self._want({"numItems": self.initial_items, "cursor": None})]
        self.outcome = Success(Pages([], Status.LOADING_FIRST_PAGE))

    def _want(self, options: Json) -> int:
        key, self.next_key = self.next_key, self.next_key + 1
        self.wanted[key] = {**options, "id": self.list_id}
        return key

    @property
    def status(self) -> Status | None:
        """How much of the list is there; None after an error."""
        return self.outcome.value.status if isinstance(self.outcome, Success) else None

    def load_more(self, items: int, results: Mapping[int, Outcome]) -> bool:
        """Want one more page, if there is one and nothing is on its way."""
        # [pagination.done]
        if self.status is not Status.CAN_LOAD_MORE:
            return False
        last = _page(results.get(self.order[-1]))
        assert last is not None
        # [pagination.next-page] No end: it stays where the first run puts it.
        options = {"numItems": items, "cursor": last["continueCursor"]}
        self.order.append(self._want(options))
        return True

    def refresh(self, results: Mapping[int, Outcome], new_id: Callable[[], int]) -> None:
        """Take the results of the pages; what is wanted may be something else afterwards."""
        if any(map(_is_invalid_cursor, results.values())):
            # [pagination.invalid-cursor] The cursors of yesterday's code mean nothing.
            self.begin(new_id())
            return
        self._swap_halves(results)
        for key in self.order:
            self._split(key, _page(results.get(key)))
        self.outcome = self._joined(results)

    def _swap_halves(self, results: Mapping[int, Outcome]) -> None:
        # [pagination.split-swap] Both at once: there is no moment with a gap or a double.
        for key, halves in list(self.splits.items()):
            if all(_page(results.get(half)) for half in halves):
                place = self.order.index(key)
                self.order[place : place + 1] = halves
                del self.splits[key], self.wanted[key]

    def _split(self, key: int, page: Json) -> None:
        if page is None or key in self.splits or not page.get("splitCursor"):
            return
        # [pagination.split]
        has_grown = len(page["page"]) > 2 * self.initial_items
        if not has_grown and page.get("pageStatus") not in (SPLIT_REQUIRED, SPLIT_RECOMMENDED):
            return
        options, middle = self.wanted[key], page["splitCursor"]
        first = {**options, "endCursor": middle}
        second = {**options, "cursor": middle, "endCursor": page["continueCursor"]}
        self.splits[key] = self._want(first), self._want(second)

    def _joined(self, results: Mapping[int, Outcome]) -> Outcome:
        items: list[Value] = []
        page: Json = None
        for key in self.order:
            outcome = results.get(key)
            if isinstance(outcome, Failure):
                return outcome
            page = _page(outcome)
            if outcome is not None and page is None:
                return Failure("its result is no page: it lacks page, isDone or continueCursor")
            # [pagination.split-required] Such a page may have holes at its end.
            if page is None or page.get("pageStatus") == SPLIT_REQUIRED:
                is_first = page is None and key == self.order[0]
                # [pagination.status]
                waits = Status.LOADING_FIRST_PAGE if is_first else Status.LOADING_MORE
                return Success(Pages(items, waits))
            items += page["page"]
        return Success(Pages(items, Status.EXHAUSTED if page["isDone"] else Status.CAN_LOAD_MORE))


class Lists:
    """All lists of a client, over the queries of its session."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._lists: dict[str, tuple[str, Mapping[str, Value], PageList]] = {}
        self._tokens: dict[str, dict[int, str]] = {}
        self._next_id = 0

    def __len__(self) -> int:
        return len(self._lists)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def add(self, path: str, args: Mapping[str, Value], initial_items: int, now: float) -> str:
        """Begin a list; return its token."""
        pages = PageList(initial_items, 0)
        pages.begin(self._new_id())
        token = f"list {pages.list_id}"
        self._lists[token], self._tokens[token] = (path, args, pages), {}
        try:
            self._arrange(token, now)
        except BaseException:
            del self._lists[token], self._tokens[token]
            raise
        return token

    def remove(self, token: str, now: float) -> None:
        """End a list and all its pages."""
        del self._lists[token]
        for page_token in self._tokens.pop(token).values():
            self._queries.unsubscribe(page_token, now)

    def load_more(
        self, token: str, items: int, results: Mapping[str, Outcome], now: float
    ) -> frozenset[str]:
        """Ask for one more page; return the token if that changed anything."""
        pages = self._lists[token][2]
        if not pages.load_more(items, self._results(token, results)):
            return frozenset()
        pages.refresh(self._results(token, results), self._new_id)
        self._arrange(token, now)
        return frozenset({token})

    def update(
        self, changed: frozenset[str], results: Mapping[str, Outcome], now: float
    ) -> frozenset[str]:
        """Some queries have new results; return them and the lists that they belong to."""
        news = set(changed)
        for token, page_tokens in self._tokens.items():
            if changed.isdisjoint(page_tokens.values()):
                continue
            pages = self._lists[token][2]
            before = pages.outcome
            pages.refresh(self._results(token, results), self._new_id)
            self._arrange(token, now)
            if not _is_same_list(before, pages.outcome):
                news.add(token)
        return frozenset(news)

    def extended(self, results: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
        """The results, and those of the lists beside them."""
        if not self._lists:
            return results
        lists = {token: pages.outcome for token, (_, _, pages) in self._lists.items()}
        return {**results, **{token: outcome for token, outcome in lists.items() if outcome}}

    def _results(self, token: str, results: Mapping[str, Outcome]) -> dict[int, Outcome]:
        tokens = self._tokens[token].items()
        return {key: results[page] for key, page in tokens if page in results}

    def _arrange(self, token: str, now: float) -> None:
        """Subscribe to what is wanted, and then leave what is not."""
        path, args, pages = self._lists[token]
        known = self._tokens[token]
        for key, options in pages.wanted.items():
            if key not in known:
                known[key] = self._queries.subscribe(path, {**args, OPTIONS: options}, now)
        for key in known.keys() - pages.wanted.keys():
            self._queries.unsubscribe(known.pop(key), now)


def _is_same_list(one: Outcome | None, other: Outcome | None) -> bool:
    """Whether two outcomes show the same objects; unchanged pages keep theirs."""
    if not isinstance(one, Success) or not isinstance(other, Success):
        return one == other
    (items, status), (other_items, other_status) = one.value, other.value
    is_as_long = len(items) == len(other_items) and status is other_status
    return is_as_long and all(map(operator.is_, items, other_items))


def _page(outcome: Outcome | None) -> Json:
    """The page that a query returned; None if it returned something else, or nothing yet."""
    page = outcome.value if isinstance(outcome, Success) else None
    return page if is_page(page) else None


def is_page(value: Any) -> bool:
    """Whether this is what a query in pages returns."""
    has_items = isinstance(value, dict) and isinstance(value.get("page"), list)
    return has_items and "isDone" in value and "continueCursor" in value


def _is_invalid_cursor(outcome: Outcome) -> bool:
    if not isinstance(outcome, Failure):
        return False
    if INVALID_CURSOR in outcome.message:
        return True
    data = {} if isinstance(outcome.data, Absent) else outcome.data
    return (
        isinstance(data, dict)
        and data.get("isConvexSystemError") is True
        and data.get("paginationError") == INVALID_CURSOR
    )
