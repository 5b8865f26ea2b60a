"""Subscriptions: the results of queries, for one reader who takes them at his own pace.

Not here: which results there are (see core/transitions), sharing (see core/queries).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

from .core.errors import ApplicationError, FunctionError, UnisonoError
from .core.messages import ABSENT, Failure, Outcome, Success
from .core.optimistic import Publish, Snapshot
from .core.pagination import Pages
from .core.values import Value
from .streams import Mailbox, Policy, Stream

T_co = TypeVar("T_co", covariant=True)


class Subscription(Stream[T_co]):
    """The results of a query: the present one, if there is one, and then each new one.

    A query that fails raises FunctionError from the iterator, which can be used on: the
    next result may be good again.
    """


class PaginatedSubscription(Stream[T_co]):
    """A list in pages that stay adjacent: `Pages` with all items so far and a status."""

    def __init__(
        self,
        mailbox: Mailbox[Any],
        read: Callable[[Any], T_co],
        leave: Callable[[], None],
        leave_later: Callable[[Callable[[], None]], None],
        load_more: Callable[[int], bool],
        token: str,
    ) -> None:
        super().__init__(mailbox, read, leave, leave_later)
        self._load_more = load_more
        #: The key of the list in a Snapshot.
        self.token = token

    def load_more(self, items: int) -> bool:
        """Ask for one more page; False if there is none, or one is on its way."""
        return self._load_more(items)


@dataclass(frozen=True, slots=True)
class View(Generic[T_co]):
    """The results of several queries, all of the same moment."""

    values: T_co
    ts: int


class Reader:
    """Someone who is told of a few queries together."""

    def __init__(self, paths: tuple[str, ...], tokens: tuple[str, ...], policy: Policy) -> None:
        self.tokens = tokens
        self.mailbox: Mailbox[tuple[list[Outcome], int]] = Mailbox(", ".join(paths), policy)

    def offer(self, snapshot: Snapshot) -> None:
        """A snapshot in which something changed; it counts when nothing in it is loading."""
        results, outcomes = snapshot.results, []
        for token in self.tokens:
            outcome = results.get(token)
            if outcome is None:
                return
            outcomes.append(outcome)
        self.mailbox.put((outcomes, snapshot.ts))


class Readers:
    """Everyone who reads, by the queries that they read."""

    def __init__(self) -> None:
        self._by_token: dict[str, dict[Reader, None]] = {}

    def add(self, reader: Reader) -> None:
        """Someone begins to read."""
        for token in reader.tokens:
            self._by_token.setdefault(token, {})[reader] = None

    def remove(self, reader: Reader) -> None:
        """Someone has left."""
        for token in set(reader.tokens):
            readers = self._by_token[token]
            del readers[reader]
            if not readers:
                del self._by_token[token]

    def publish(self, effect: Publish) -> None:
        """Tell everyone who reads something that has changed, each once."""
        changed, snapshot = effect
        found = [readers for token in changed if (readers := self._by_token.get(token))]
        # A reader of several queries that have changed is told once.
        told = found[0] if len(found) == 1 else dict.fromkeys(chain.from_iterable(found))
        for reader in told:
            reader.offer(snapshot)

    def end(self, error: UnisonoError | None) -> None:
        """Nothing more will come."""
        for readers in self._by_token.values():
            for reader in readers:
                reader.mailbox.end(error)


def value_of(path: str, outcome: Outcome) -> Value:
    """What a function returned. Raises what it failed with."""
    if isinstance(outcome, Success):
        return outcome.value
    raise function_error(path, outcome)


def function_error(path: str, failure: Failure) -> FunctionError:
    """The exception for a function that failed."""
    if failure.data is ABSENT:
        return FunctionError(path, failure.message, failure.log_lines)
    return ApplicationError(path, failure.message, failure.data, failure.log_lines)


def read_one(path: str, read: Callable[[Value], Any], reading: tuple[list[Outcome], int]) -> Any:
    """The result of the one query of a subscription."""
    return read(value_of(path, reading[0][0]))


def read_pages(
    path: str, read: Callable[[Value], Any], reading: tuple[list[Outcome], int]
) -> Pages[Any]:
    """The items of a list, each of the type that was asked for."""
    pages: Pages[Any] = value_of(path, reading[0][0])
    return pages._replace(items=[read(item) for item in pages.items])


def read_view(
    paths: tuple[str, ...],
    reads: tuple[Callable[[Value], Any], ...],
    reading: tuple[list[Outcome], int],
) -> View[tuple[Any, ...]]:
    """The results of the queries of a view."""
    outcomes, ts = reading
    triples = zip(paths, reads, outcomes, strict=True)
    return View(tuple(read(value_of(path, outcome)) for path, read, outcome in triples), ts)
