"""The ViewStore port, below rooms and people: rows, names and heads mean the same in each store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.dynamodb.table import Table
from adapters.dynamodb.views import DynamoStore
from adapters.memory.views import MemoryStore
from adapters.sqlite.views import SqliteStore
from adapters.sqlite.views_file import open_views
from domain.projections.store import Document, Fold, Head, Patch, Span, ViewStore
from tests.support.dynamodb import ENGINES, engine_of

STREAM, KEY = "R#a", "k#1"
ODD = (
    "v", "message", "member", "pk", "sk", "generation", "version", "_v", "__v", "_", "under",
    "a-b", "a b", "size", "name",
)  # fmt: skip
"""Names of fields that an adapter may use itself, or may not take as they are."""


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ViewStore]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "sqlite":
        database = open_views(tmp_path / "views.db")
        yield SqliteStore(database)
        database.close()
    else:
        client, tables = engine_of(request, request.param)
        yield DynamoStore(Table(client, tables["views"]))


def save(store: ViewStore, **parts: Any) -> None:
    version = store.head(STREAM).version
    assert store.save(STREAM, version, Fold(Head(version + 1), **parts))


def listed(store: ViewStore) -> list[tuple[str, Document]]:
    return store.keyed(Span(STREAM, listed=True))


def row(store: ViewStore) -> Document | None:
    """Returns the row, which every way of reading gives."""
    found = store.row(STREAM, KEY)
    assert store.rows([(STREAM, KEY)]) == ({} if found is None else {(STREAM, KEY): found})
    assert store.span(Span(STREAM)) == ([] if found is None else [found])
    folded = store.folded(STREAM, KEY)
    assert (folded and folded[0]) == found
    return found


def test_a_row_that_was_put_whole_is_patched(store: ViewStore) -> None:
    save(store, rows={KEY: {"a": 1, "b": {"c": [1]}}})
    save(store, patches=[Patch(KEY, {"a": 2, "d": None})])
    assert row(store) == {"a": 2, "b": {"c": [1]}, "d": None}
    save(store, rows={KEY: {"e": 3}})
    assert row(store) == {"e": 3}, "nothing stays of the patched row"


def test_a_row_is_put_whole_and_patched_in_one_save(store: ViewStore) -> None:
    # Several rows, so that the writes of a store that has threads run in parallel.
    keys = [f"k#{number}" for number in range(1, 13)]
    for _ in range(2):
        save(
            store,
            rows={key: {"a": 1, "b": 1, "n": 1} for key in keys},
            numbers=dict.fromkeys(keys, 5),
            patches=[Patch(key, {"b": value}) for value in (2, 3) for key in keys],
        )
        assert store.rows([(STREAM, key) for key in keys]) == {
            (STREAM, key): {"a": 1, "b": 3, "n": 5} for key in keys
        }


def test_a_row_that_is_put_whole_is_under_no_name(store: ViewStore) -> None:
    save(store, patches=[Patch(KEY, {"a": 1}, under="tag")])
    assert (store.under("tag"), listed(store)) == ([STREAM], [(KEY, {"a": 1})])
    save(store, rows={KEY: {"a": 2}})
    assert (store.under("tag"), listed(store)) == ([], [])
    store.amend("tag", {"a": 9})
    assert row(store) == {"a": 2}
    # It can be listed again, under the same name, or in the save that writes it.
    save(store, patches=[Patch(KEY, {"a": 3}, under="tag")])
    assert (store.under("tag"), listed(store)) == ([STREAM], [(KEY, {"a": 3})])
    save(store, rows={KEY: {"a": 4}}, patches=[Patch(KEY, {"b": 5}, under="tag")])
    assert (store.under("tag"), listed(store)) == ([STREAM], [(KEY, {"a": 4, "b": 5})])
    store.amend("tag", {"a": None})
    assert row(store) == {"a": None, "b": 5}
    save(store, patches=[Patch(KEY, {}, under=None)])
    assert (store.under("tag"), listed(store)) == ([], [])
    assert row(store) == {"a": None, "b": 5}


def test_a_row_without_fields_exists(store: ViewStore) -> None:
    save(store, patches=[Patch(KEY, {}, under="tag")])
    assert row(store) == {}
    save(store, patches=[Patch(KEY, {})])
    assert (row(store), store.under("tag")) == ({}, [STREAM])


@pytest.mark.parametrize("name", ODD)
def test_a_field_may_have_any_name(store: ViewStore, name: str) -> None:
    save(store, patches=[Patch(KEY, {name: "first", "a": 1}, under="tag")])
    assert (row(store), store.under("tag"), store.under("first")) == (
        {name: "first", "a": 1}, [STREAM], [],
    )  # fmt: skip
    save(store, patches=[Patch(KEY, {name: 7})])
    save(store, patches=[Patch(KEY, {"a": 2})])
    assert row(store) == {name: 7, "a": 2}
    store.amend("tag", {name: "amended"})
    assert row(store) == {name: "amended", "a": 2}
    save(store, rows={KEY: {name: "whole", "b": 1}})
    save(store, patches=[Patch(KEY, {"b": 2})])
    assert row(store) == {name: "whole", "b": 2}
    save(store, patches=[Patch(KEY, {name: "patched"})])
    assert row(store) == {name: "patched", "b": 2}


@pytest.mark.parametrize("name", ODD)
def test_a_head_may_have_any_field(store: ViewStore, name: str) -> None:
    assert store.save(STREAM, 0, Fold(Head(1, {name: 9, "a": 1}), rows={KEY: {"a": 1}}))
    assert store.head(STREAM) == store.base(STREAM) == Head(1, {name: 9, "a": 1})
    store.refresh(STREAM)
    assert store.base(STREAM) == Head(1, {name: 9, "a": 1})
    assert store.heads([STREAM]) == {STREAM: Head(1, {name: 9, "a": 1})}
    assert store.save(STREAM, 1, Fold(Head(2, {name: 10, "a": 1})))
    assert store.head(STREAM) == Head(2, {name: 10, "a": 1})
    assert row(store) == {"a": 1}


def test_a_head_has_the_fields_of_the_last_save(store: ViewStore) -> None:
    assert store.save(STREAM, 0, Fold(Head(1, {"a": 1, "version": 2, "c": 3})))
    assert store.save(STREAM, 1, Fold(Head(2, {"c": 4})))
    store.refresh(STREAM)
    assert store.head(STREAM) == Head(2, {"c": 4})
