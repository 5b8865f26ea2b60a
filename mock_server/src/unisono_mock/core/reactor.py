"""The reactor: which results a commit makes stale, found without looking at the others.

A result remembers the ranges its run read. A commit asks, for each key it wrote, which
ranges hold that key; the cost is a walk down a tree and one step per hit.

Spec: transitions
Not here: running the queries again (see backend), telling the socket (see session).
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from .store import Commit, ReadSet


class Listener(Protocol):
    """Somebody who shows a result and wants to know when it is stale."""

    def invalidated(self) -> None:
        """A result this listener watches is stale."""


@dataclass(slots=True, eq=False)
class Watch:
    """A read set under watch, with those who want to hear of it."""

    reads: ReadSet
    stale: bool = False
    listeners: dict[Listener, None] = field(default_factory=dict)

    def listen(self, listener: Listener) -> None:
        """Tell this one when the result is stale."""
        self.listeners[listener] = None

    def leave(self, listener: Listener) -> None:
        """This one no longer shows it."""
        self.listeners.pop(listener, None)


class Reactor:
    """All read sets under watch, by document and by index range."""

    def __init__(self) -> None:
        self._documents: dict[str, set[Watch]] = {}
        self._ranges: dict[tuple[str, str], RangeTree] = {}

    def add(self, watch: Watch) -> None:
        """Watch the read set from now on."""
        for document_id in watch.reads.documents:
            self._documents.setdefault(document_id, set()).add(watch)
        for place, ranges in watch.reads.ranges.items():
            tree = self._ranges.setdefault(place, RangeTree())
            for low, high in ranges:
                tree.add(low, high, watch)

    def remove(self, watch: Watch) -> None:
        """Stop watching."""
        for document_id in watch.reads.documents:
            watches = self._documents.get(document_id)
            if watches is not None:
                watches.discard(watch)
                if not watches:
                    del self._documents[document_id]
        for place, ranges in watch.reads.ranges.items():
            for low, high in ranges:
                self._ranges[place].remove(low, high, watch)

    def commit(self, commit: Commit) -> list[Watch]:
        """The watches that this commit makes stale; they are watched no longer."""
        # [transitions.triggers] Exactly the results whose reads were written.
        hit = dict.fromkeys(self._hits(commit))
        for watch in hit:
            watch.stale = True
            self.remove(watch)
        return list(hit)

    def _hits(self, commit: Commit) -> Iterator[Watch]:
        for document_id in commit.documents:
            yield from self._documents.get(document_id, ())
        for place, keys in commit.keys.items():
            tree = self._ranges.get(place)
            if tree is not None:
                for key in keys:
                    yield from tree.holding(key)


@dataclass(slots=True)
class _Node:
    low: bytes
    high: bytes
    priority: int
    watches: dict[Watch, None]
    reach: bytes
    left: "_Node | None" = None
    right: "_Node | None" = None

    def settle(self) -> None:
        reach = self.high
        if self.left is not None and self.left.reach > reach:
            reach = self.left.reach
        if self.right is not None and self.right.reach > reach:
            reach = self.right.reach
        self.reach = reach


class RangeTree:
    """Half-open byte ranges; finds those that hold a key. A treap, ordered by range."""

    def __init__(self) -> None:
        self._root: _Node | None = None

    def add(self, low: bytes, high: bytes, watch: Watch) -> None:
        """Add a range for a watch; an empty range holds nothing and is not kept."""
        if low < high:
            self._root = _insert(self._root, low, high, watch)

    def remove(self, low: bytes, high: bytes, watch: Watch) -> None:
        """Take a range of a watch away."""
        if low < high:
            self._root = _remove(self._root, low, high, watch)

    def holding(self, key: bytes) -> Iterable[Watch]:
        """The watches of every range with low <= key < high."""
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            if node is None or node.reach <= key:
                continue
            waiting.append(node.left)
            if node.low <= key:
                if key < node.high:
                    yield from node.watches
                waiting.append(node.right)


def _insert(node: _Node | None, low: bytes, high: bytes, watch: Watch) -> _Node:
    if node is None:
        # The heap order needs numbers without a pattern; the checksum of the
        # range is one, and makes equal histories build equal trees.
        return _Node(low, high, zlib.crc32(low + b"|" + high), {watch: None}, high)
    if (low, high) == (node.low, node.high):
        node.watches[watch] = None
        return node
    if (low, high) < (node.low, node.high):
        node.left = _insert(node.left, low, high, watch)
        if node.left.priority > node.priority:
            node = _turn_right(node)
    else:
        node.right = _insert(node.right, low, high, watch)
        if node.right.priority > node.priority:
            node = _turn_left(node)
    node.settle()
    return node


def _remove(node: _Node | None, low: bytes, high: bytes, watch: Watch) -> _Node | None:
    if node is None:
        return None
    if (low, high) == (node.low, node.high):
        node.watches.pop(watch, None)
        return node if node.watches else _join(node.left, node.right)
    if (low, high) < (node.low, node.high):
        node.left = _remove(node.left, low, high, watch)
    else:
        node.right = _remove(node.right, low, high, watch)
    node.settle()
    return node


def _join(left: _Node | None, right: _Node | None) -> _Node | None:
    if left is None or right is None:
        return left or right
    if left.priority > right.priority:
        left.right = _join(left.right, right)
        left.settle()
        return left
    right.left = _join(left, right.left)
    right.settle()
    return right


def _turn_right(node: _Node) -> _Node:
    left = node.left
    assert left is not None
    node.left, left.right = left.right, node
    node.settle()
    return left


def _turn_left(node: _Node) -> _Node:
    right = node.right
    assert right is not None
    node.right, right.left = right.left, node
    node.settle()
    return right
