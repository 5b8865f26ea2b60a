"""What a commit makes stale."""

import random

from unisono_mock.core.reactor import RangeTree, Reactor, Watch
from unisono_mock.core.store import ReadSet, Store


def watch(table: str, low: bytes, high: bytes) -> Watch:
    reads = ReadSet()
    reads.add_range(table, "by_id", low, high)
    return Watch(reads)


def test_a_range_tree_agrees_with_looking_at_every_range() -> None:
    """Whatever is added and removed, the walk finds what a full search finds."""
    draw = random.Random(7)
    tree = RangeTree()
    kept: list[tuple[bytes, bytes, Watch]] = []
    for _ in range(2000):
        if kept and draw.random() < 0.4:
            low, high, gone = kept.pop(draw.randrange(len(kept)))
            tree.remove(low, high, gone)
        else:
            low, high = sorted(draw.randbytes(1) for _ in range(2))
            new = watch("t", low, high)
            tree.add(low, high, new)
            kept.append((low, high, new))
        key = draw.randbytes(2)
        expected = {each for low, high, each in kept if low <= key < high}
        assert set(tree.holding(key)) == expected


def test_a_commit_names_exactly_the_watches_whose_ranges_it_wrote() -> None:
    """Ranges next to the written key stay untouched."""
    store, reactor = Store(), Reactor()
    transaction = store.begin()
    transaction.write("t", "id", {"_id": "id", "_creationTime": 1.0})
    key = store.table("t").indexes["by_id"].key({"_id": "id"})
    hit, before, behind = (
        watch("t", key, key + b"\x00"),
        watch("t", b"", key),
        watch("t", key + b"\x00", b"\xff"),
    )
    for each in (hit, before, behind):
        reactor.add(each)
    commit = store.commit(transaction, 1)

    assert reactor.commit(commit) == [hit]
    assert hit.stale
    assert reactor.commit(commit) == []
