"""The rows of all views in one DynamoDB table. A STORAGE FORMAT, but a rebuild can fill it again.

| pk | sk | item |
|---|---|---|
| `R#lobby`, a stream | `head` | generation, version, values of the projection |
| `R#lobby#generation` | a row's key | `v`; a document as one text, or field by field; `member` |
| `generations` | stream#generation | rows to delete later (adapters/dynamodb/generations.py) |

A save writes its rows first, each on the condition that no later fold wrote it (`v`), then the
head, on the condition that it was not moved: no transaction, one write per row (docs/adr/0009).

adapters/dynamodb/rows.py defines the items.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from adapters.dynamodb.heads import HEAD, Heads, partition, stream_of
from adapters.dynamodb.rows import UNDER, document_of, item_of, sets_of, update_of
from adapters.dynamodb.table import ConditionFailed, Item, Table
from domain.projections.store import (
    FIRST,
    LAST,
    NUMBER,
    Document,
    Fold,
    Head,
    Patch,
    Span,
)

FEW = 4
"""Up to this number, rows are written one after the other; more are written in parallel."""

WORKERS = 8
"""Parallel writes; boto3's pool has ten connections."""

INDEX = "by_member"

NOT_NEWER = "attribute_not_exists(v) OR v <= :v"
"""The condition of a row's write: no later fold has written it."""


class DynamoStore:
    """Implements the ViewStore port.

    Parameters
    ----------
    building: a generation that is not read yet; None for the live rows.
    workers: rows written in parallel; 1 for one after the other.
    """

    spares_rows = True

    def __init__(
        self,
        table: Table,
        building: int | None = None,
        workers: int = WORKERS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._heads = Heads(table, building, monotonic)
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None

    # Reading

    def head(self, stream: str) -> Head:
        return self._heads.read(stream).shown()

    def heads(self, streams: Sequence[str]) -> dict[str, Head]:
        return {stream: head.shown() for stream, head in self._heads.read_many(streams).items()}

    def row(self, stream: str, key: str) -> Document | None:
        found = self.folded(stream, key)
        return None if found is None else found[0]

    def folded(self, stream: str, key: str) -> tuple[Document, int] | None:
        generation = self._heads.generation(stream)
        item = self._table.get({"pk": partition(stream, generation), "sk": key})
        return None if item is None else (document_of(item), item["v"])

    def rows(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        generations = self._heads.generations([stream for stream, _ in places])
        keys = {(partition(s, generations[s]), key): (s, key) for s, key in places}
        items = self._table.get_many([{"pk": pk, "sk": sk} for pk, sk in keys])
        return {keys[item["pk"], item["sk"]]: document_of(item) for item in items}

    def span(self, span: Span) -> list[Document]:
        return [row for _, row in self.keyed(span)]

    def keyed(self, span: Span) -> list[tuple[str, Document]]:
        if span.first > span.last:
            return []
        pk = partition(span.stream, self._heads.generation(span.stream))
        more: dict[str, Any] = {}
        if span.listed:
            more = {"filter": "attribute_exists(#under)", "names": {"#under": UNDER}}
        items = self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            values={":pk": pk, ":first": span.first, ":last": span.last},
            descending=span.newest,
            limit=span.limit,
            **more,
        )
        # The head of a rebuilt generation is stored among its rows.
        found = [(item["sk"], document_of(item)) for item in items if item["sk"] != HEAD]
        return found[::-1] if span.newest else found

    def numbers(self, spans: Sequence[Span]) -> list[int | None]:
        """Reads the rows at the spans' ends in batches, because the wanted row is normally there. A
        span without such a row costs a Query, several in parallel."""
        found: dict[Span, int | None] = {}
        if len(spans) > 1:
            ends = self.rows(list(dict.fromkeys((span.stream, span.last) for span in spans)))
            found = {s: ends[s[0], s[2]].get(NUMBER) for s in spans if (s[0], s[2]) in ends}
        missing = [span for span in dict.fromkeys(spans) if span not in found]
        few = len(missing) <= FEW or self._workers <= 1
        queried = map(self._number, missing) if few else self._threads().map(self._number, missing)
        found |= zip(missing, queried, strict=True)
        return [found[span] for span in spans]

    def _number(self, span: Span) -> int | None:
        pk = partition(span.stream, self._heads.generation(span.stream))
        items = self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            values={":pk": pk, ":first": span.first, ":last": span.last},
            descending=True,
            limit=1,
            projection=NUMBER,
        )
        for item in items:
            return item.get(NUMBER)
        return None

    def under(self, name: str, after: str = "", limit: int | None = None) -> list[str]:
        streams: list[str] = []
        # Above every generation of the stream `after`, and below any other stream's.
        last = f"{after}#~" if after else FIRST
        while limit is None or len(streams) < limit:
            wanted = None if limit is None else limit - len(streams)
            found = [item["pk"] for item in self._listed(name, last, wanted)]
            # A stream appears there once per generation.
            streams += dict.fromkeys(
                stream
                for pk in found
                if (stream := stream_of(pk)) not in streams[-1:] and stream is not None
            )
            if wanted is None or len(found) < wanted:
                break
            last = found[-1]
        return streams

    def _listed(self, name: str, above: str, limit: int | None = None) -> Iterator[Item]:
        return self._table.query(
            "#under = :name AND pk > :above",
            values={":name": name, ":above": above},
            names={"#under": UNDER},
            index=INDEX,
            projection="pk, sk",
            limit=limit,
        )

    # Folding

    def base(self, stream: str) -> Head:
        return self._heads.base(stream).shown()

    def refresh(self, stream: str) -> None:
        self._heads.forget(stream)

    def save(self, stream: str, expected: int, fold: Fold) -> bool:
        base = self._heads.base(stream, expected)
        if base.version != expected:
            return False
        pk, version = partition(stream, base.generation), fold.head.version
        numbers = [Patch(key, {NUMBER: number}) for key, number in fold.numbers.items()]
        # Writes of one row run in order: whole, its number, its patches.
        writes: dict[str, list[Callable[[], Any]]] = {}
        for key, document in fold.rows.items():
            writes[key] = [partial(self._put, item_of(pk, version, key, document))]
        for patch in (*numbers, *fold.patches):
            writes.setdefault(patch.key, []).append(partial(self._patch, pk, version, patch))
        self._write([partial(_in_order, ones) for ones in writes.values()])
        return self._heads.move(stream, base, version, fold.head.fields)

    def _put(self, item: Item) -> None:
        self._table.put(item, condition=NOT_NEWER, values={":v": item["v"]})

    def _patch(self, pk: str, version: int, patch: Patch) -> None:
        key = {"pk": pk, "sk": patch.key}
        self._table.update(key, **update_of(patch, version), condition=NOT_NEWER)

    def _write(self, writes: Sequence[Callable[[], Any]]) -> None:
        """Writes rows; a refused row belongs to a later fold and stays."""
        if len(writes) <= FEW or self._workers <= 1:
            for write in writes:
                _guarded(write)
            return
        for done in [self._threads().submit(_guarded, write) for write in writes]:
            done.result()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="parley-views")
        return self._pool

    def reset(self, stream: str) -> None:
        """Starts the stream again under the next generation, so that the rows of a running fold are
        not read."""
        head = self._heads.read(stream)
        key = self._heads.key(stream)
        if head.version and self._heads.building is None:
            self._table.put({**key, "generation": head.generation + 1, "version": 0})
        else:
            self._table.delete(key)
        self._heads.forget(stream)
        self.delete_rows(stream, head.generation)

    def delete_rows(self, stream: str, generation: int) -> int:
        """Deletes a generation's rows; returns their number."""
        return self._delete("pk = :pk", {":pk": partition(stream, generation)})

    def _delete(self, condition: str, values: Mapping[str, str]) -> int:
        rows = self._table.query(condition, values=values, projection="pk, sk")
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
        self._table.write_many(deletes=keys)
        return len(keys)

    # Erasing

    def drop(self, stream: str, first: str = FIRST, last: str = LAST) -> None:
        pk = partition(stream, self._heads.read(stream).generation)
        values = {":pk": pk, ":first": first, ":last": last}
        self._delete("pk = :pk AND sk BETWEEN :first AND :last", values)

    def amend(self, name: str, fields: Mapping[str, Any]) -> None:
        sets, names, values = sets_of(fields)
        self._write(
            [
                partial(
                    self._table.update,
                    {"pk": item["pk"], "sk": item["sk"]},
                    f"SET {sets}",
                    names=names,
                    values=values,
                    condition="attribute_exists(pk)",
                )
                for item in self._listed(name, FIRST)
            ]
        )

    # For operators

    def every(self) -> Iterator[tuple[str, Head]]:
        for stream, head in self._heads.every():
            yield stream, head.shown()

    def clear(self) -> None:
        self._heads.forget_all()
        keys = self._table.every(ProjectionExpression="pk, sk")
        self._table.write_many(deletes=[{"pk": key["pk"], "sk": key["sk"]} for key in keys])
        self._heads.forget_all()


def _in_order(writes: Sequence[Callable[[], Any]]) -> None:
    for write in writes:
        _guarded(write)


def _guarded(write: Callable[[], Any]) -> None:
    try:
        write()
    except ConditionFailed:
        return
