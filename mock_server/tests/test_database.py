"""`ctx.db`: writes, queries, ranges, schema."""

from typing import Any

import pytest

from unisono_mock import (
    UNDEFINED,
    App,
    Backend,
    Failed,
    Int64,
    MutationContext,
    QueryContext,
    Schema,
    table,
)
from unisono_mock.core.ids import encode_id
from unisono_mock.schema import SchemaError

app = App(
    schema=Schema(
        people=table(name=str, age=float | None, city=Any).index("by_city_age", "city", "age"),
        loose=table(),
    )
)


@app.mutation("do")
def do(ctx: MutationContext, steps: list[Any]) -> list[Any]:
    """Run steps like ["insert", "people", {...}]; gives their results."""
    return [getattr(ctx.db, step[0])(*step[1:]) for step in steps]


@app.mutation("unset")
def unset(ctx: MutationContext, id: str, field: str) -> None:
    ctx.db.patch(id, {field: UNDEFINED})


@app.query("names")
def names(
    ctx: QueryContext,
    equals: dict[str, Any] | None = None,
    bounds: list[list[Any]] | None = None,
    order: str = "asc",
    take: float | None = None,
) -> list[str]:
    query = ctx.db.query("people").order(order)
    if equals is not None or bounds is not None:

        def build(range_: Any) -> Any:
            for name, field, value in bounds or []:
                getattr(range_, name)(field, value)
            return range_

        query = query.with_index("by_city_age", build, **(equals or {}))
    found = query.collect() if take is None else query.take(int(take))
    return [person["name"] for person in found]


@app.query("only")
def only(ctx: QueryContext, name: str) -> Any:
    found = ctx.db.query("people").filter(lambda person: person["name"] == name)
    return found.unique()


@app.query("get")
def get(ctx: QueryContext, id: str) -> Any:
    return ctx.db.get(id)


@pytest.fixture
def backend() -> Backend:
    backend = Backend(app)
    people = [("ann", 30, "oslo"), ("bob", 20, "oslo"), ("cid", 40, "rome"), ("dan", None, "oslo")]
    for name, age, city in people:
        step = ["insert", "people", {"name": name, "age": age, "city": city}]
        backend.mutation("do", steps=[step])
    return backend


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, "ann bob cid dan"),
        ({"order": "desc", "take": 2}, "dan cid"),
        ({"equals": {"city": "oslo"}}, "dan bob ann"),
        ({"equals": {"city": "oslo"}, "order": "desc"}, "ann bob dan"),
        ({"equals": {"city": "oslo"}, "bounds": [["gt", "age", 20]]}, "ann"),
        ({"equals": {"city": "oslo"}, "bounds": [["gte", "age", 20]]}, "bob ann"),
        ({"equals": {"city": "oslo"}, "bounds": [["lt", "age", 30]]}, "dan bob"),
        ({"equals": {"city": "oslo"}, "bounds": [["lte", "age", 30]]}, "dan bob ann"),
        ({"equals": {"city": "oslo"}, "bounds": [["gt", "age", 30], ["lt", "age", 20]]}, ""),
        ({"equals": {"city": "oslo", "age": None}}, "dan"),
        ({"equals": {"city": Int64(1)}}, ""),
        ({"bounds": [["gt", "city", "oslo"]]}, "cid"),
        ({"take": 0}, ""),
    ],
)
def test_an_index_gives_a_range_in_order(
    backend: Backend, args: dict[str, Any], expected: str
) -> None:
    """Bounds follow the total order: null is smaller than every number."""
    assert backend.query("names", args) == expected.split()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"equals": {"age": 1}}, "didn't use the index fields in order"),
        ({"equals": {"name": "x"}}, "FieldNotInIndex"),
        ({"bounds": [["gt", "age", 1]]}, "didn't use the index fields in order"),
        ({"bounds": [["gt", "city", 1], ["lt", "age", 1]]}, "BoundsOnMultipleFields"),
        ({"bounds": [["gt", "city", 1], ["gte", "city", 2]]}, "AlreadyDefinedBound"),
        ({"take": -1}, "non-negative"),
        ({"order": "up"}, "'asc' or 'desc'"),
    ],
)
def test_a_wrong_range_is_an_error(backend: Backend, args: dict[str, Any], words: str) -> None:
    """It says what is wrong with it."""
    with pytest.raises(Failed, match=words):
        backend.query("names", args)


def test_unique_is_one_or_none_or_an_error(backend: Backend) -> None:
    """Two are one too many."""
    assert backend.query("only", name="ann")["age"] == 30
    assert backend.query("only", name="eve") is None
    backend.mutation("do", steps=[["insert", "people", {"name": "ann", "age": 1, "city": 1}]])
    with pytest.raises(Failed, match="more than one result from table people"):
        backend.query("only", name="ann")


def test_patch_replace_and_delete(backend: Backend) -> None:
    """A patch merges, a replacement replaces, what is deleted is gone."""
    (id_,) = backend.mutation("do", steps=[["insert", "loose", {"a": 1, "b": {"c": 1}}]])
    backend.mutation("do", steps=[["patch", id_, {"b": {"d": 2}}]])
    found = backend.query("get", id=id_)
    assert {name: found[name] for name in ("a", "b")} == {"a": 1, "b": {"d": 2}}
    backend.mutation("unset", id=id_, field="a")
    backend.mutation("do", steps=[["replace", id_, {"z": 1}]])
    assert sorted(backend.query("get", id=id_)) == ["_creationTime", "_id", "z"]
    backend.mutation("do", steps=[["delete", id_]])
    assert backend.query("get", id=id_) is None


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([["insert", "_storage", {}]], "read-only"),
        ([["insert", "a b", {}]], "InvalidTableName"),
        ([["insert", "loose", {"_x": 1}]], "starts with an underscore"),
        ([["insert", "loose", {"_id": "x"}]], "given by the database"),
        ([["insert", "loose", {"x": "y" * 2**20}]], "too large"),
        ([["patch", "nonsense", {}]], "Unable to decode ID"),
        ([["delete", encode_id(10009, bytes(16))]], "not found"),
        ([["patch", encode_id(10001, bytes(16)), {}]], "Update on nonexistent document ID"),
        ([["replace", encode_id(10001, bytes(16)), {}]], "Replace on nonexistent document ID"),
        ([["delete", encode_id(10001, bytes(16))]], "Delete on nonexistent document ID"),
        (
            [["insert", "people", {"name": 1, "age": 1, "city": 1}]],
            'Failed to insert or update a document in table "people" because it does not match '
            "the schema: Value does not match validator.\nPath: .name",
        ),
    ],
)
def test_wrong_writes_fail_the_mutation(backend: Backend, steps: list[Any], words: str) -> None:
    """And what was written before the wrong one is undone."""
    before = backend.store.latest
    with pytest.raises(Failed) as failed:
        backend.mutation("do", steps=[["insert", "loose", {}], *steps])
    assert words in failed.value.message
    assert backend.store.latest == before


def test_creation_times_grow_with_every_insert(backend: Backend) -> None:
    """Inside one mutation and across them, though the clock stands still."""
    ids = backend.mutation("do", steps=[["insert", "loose", {}] for _ in range(5)])
    ids += backend.mutation("do", steps=[["insert", "loose", {}]])
    times = [backend.query("get", id=id_)["_creationTime"] for id_ in ids]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Schema(_t=table()), "InvalidTableName"),
        (lambda: table().index("by_id", "a"), "IndexNameReserved"),
        (lambda: table().index("_x", "a"), "InvalidIndexName"),
        (lambda: table().index("x"), "EmptyIndex"),
        (lambda: table().index("x", *map(str, range(17))), "IndexTooManyFields"),
        (lambda: table().index("x", "a", "a"), "names a field twice"),
        (lambda: table().index("x", "_creationTime"), "IndexFieldNameReserved"),
        (lambda: table().index("x", "a").index("x", "b"), "two indexes"),
        (lambda: table().index("x", "a").index("y", "a"), "IndexNotUnique"),
    ],
)
def test_a_schema_that_cannot_be_is_refused(make: Any, words: str) -> None:
    """When it is written, not when it is used."""
    with pytest.raises(SchemaError, match=words):
        make()
