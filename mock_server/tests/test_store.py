"""Versions, snapshots, conflicts."""

from typing import Any

import pytest

from unisono_mock.core.errors import Conflict
from unisono_mock.core.store import RETENTION_NS, Store, Transaction

EVERYTHING = (b"", b"\xff")


def put(transaction: Transaction, name: str, **fields: Any) -> None:
    document = {"_id": name, "_creationTime": 1.0, **fields}
    transaction.write("t", name, document)


def ids(transaction: Transaction, index: str = "by_id", *, descending: bool = False) -> list[str]:
    rows = transaction.scan("t", index, *EVERYTHING, descending=descending)
    return [document["_id"] for _, document in rows]


@pytest.fixture
def store() -> Store:
    store = Store()
    store.table("t").add_index("by_n", ("n",))
    first = store.begin()
    for name, n in (("a", 3.0), ("b", 2.0), ("c", 1.0)):
        put(first, name, n=n)
    store.commit(first, 1)
    return store


def test_a_snapshot_does_not_see_later_commits(store: Store) -> None:
    """What a transaction reads is as of its beginning."""
    early = store.begin()
    late = store.begin()
    put(late, "a", n=9.0)
    late.write("t", "b", None)
    store.commit(late, 2)

    assert early.get("t", "a") == {"_id": "a", "_creationTime": 1.0, "n": 3.0}
    assert ids(early, "by_n") == ["c", "b", "a"]
    assert ids(store.begin(), "by_n") == ["c", "a"]


def test_a_transaction_sees_its_own_writes_in_order(store: Store) -> None:
    """Pending documents stand among the committed ones, in both directions."""
    transaction = store.begin()
    put(transaction, "d", n=1.5)
    put(transaction, "a", n=0.0)
    transaction.write("t", "c", None)

    assert ids(transaction, "by_n") == ["a", "d", "b"]
    assert ids(transaction, "by_n", descending=True) == ["b", "d", "a"]


def test_a_rollback_undoes_writes_after_the_mark_only(store: Store) -> None:
    """A sub-transaction that fails leaves the outer one as it was."""
    transaction = store.begin()
    put(transaction, "d", n=4.0)
    mark = transaction.savepoint()
    put(transaction, "d", n=5.0)
    put(transaction, "e", n=6.0)
    transaction.write("t", "a", None)
    transaction.rollback(mark)

    assert ids(transaction, "by_n") == ["c", "b", "a", "d"]
    assert len(transaction.changes()) == 1


def test_who_read_what_was_written_meanwhile_must_run_again(store: Store) -> None:
    """Also a document that was not there counts: the range was read."""
    slow = store.begin()
    assert ids(slow) == ["a", "b", "c"]
    put(slow, "z", n=0.0)
    fast = store.begin()
    put(fast, "d", n=0.0)
    store.commit(fast, 2)

    with pytest.raises(Conflict):
        store.commit(slow, 3)


def test_only_what_was_taken_counts_as_read(store: Store) -> None:
    """A write behind the last row that was looked at is no conflict."""
    slow = store.begin()
    rows = slow.scan("t", "by_id", *EVERYTHING)
    next(rows)
    put(slow, "z", n=0.0)
    fast = store.begin()
    put(fast, "d", n=0.0)
    store.commit(fast, 2)

    assert store.commit(slow, 3).ts == 3


def test_an_equal_write_is_none(store: Store) -> None:
    """Putting what is there already touches nobody."""
    transaction = store.begin()
    put(transaction, "a", n=3.0)
    assert transaction.changes() == ()


def test_timestamps_grow_even_if_the_clock_does_not(store: Store) -> None:
    """Every commit has a timestamp of its own."""
    first, second = store.begin(), store.begin()
    put(first, "x", n=1.0)
    put(second, "y", n=1.0)
    assert (store.commit(first, 0).ts, store.commit(second, 0).ts) == (2, 3)


def test_old_versions_are_forgotten(store: Store) -> None:
    """Memory is bounded by what is there, not by what ever was."""
    for step in range(50):
        transaction = store.begin()
        put(transaction, "a", n=float(step))
        store.commit(transaction, 10 + step)
    last = store.begin()
    put(last, "a", n=-1.0)
    store.commit(last, RETENTION_NS * 2)
    again = store.begin()
    put(again, "b", n=-1.0)
    store.commit(again, RETENTION_NS * 4)

    table = store.tables["t"]
    assert len(table.documents["a"]) == 1
    assert len(table.indexes["by_n"].entries) == 4
