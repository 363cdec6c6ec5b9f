"""Generations of the views: rebuilds a stream next to the one that is read.

A generation is a growing number; a rebuild uses the time in milliseconds. Rows that may be deleted
later are recorded before the first of them is written: `generations`, `stream#generation`, with
`at`, seconds since the epoch.
"""

import time
from collections.abc import Callable

from adapters.dynamodb.heads import HEAD, Head, Heads
from adapters.dynamodb.table import ConditionFailed, Item, Table, encode_item
from adapters.dynamodb.values import encode
from adapters.dynamodb.views import WORKERS, DynamoStore
from domain.log import is_person

LEDGER = "generations"


class DynamoGenerations:
    """Implements the Generations port.

    Parameters
    ----------
    workers: rows written in parallel.
    """

    def __init__(
        self,
        table: Table,
        workers: int = WORKERS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._workers = workers
        self._monotonic = monotonic
        self._live = Heads(table, None, monotonic)

    def generation(self, stream: str) -> int:
        return self._live.read(stream).generation

    def building(self, generation: int) -> DynamoStore:
        return DynamoStore(self._table, generation, self._workers, self._monotonic)

    def begin(self, stream: str, generation: int, now: float) -> None:
        self._table.put(_note(stream, generation, now))

    def adopt(self, stream: str, generation: int, now: float) -> bool:
        live = self._live.read(stream)
        if live.generation == generation:
            return True
        built = Heads(self._table, generation, self._monotonic).read(stream)
        if live.generation > generation or built.version < live.version:
            return False
        try:
            self._table.call(
                "transact_write_items", TransactItems=self._swap(stream, live, built, now)
            )
        except ConditionFailed:
            return False
        return True

    def _swap(self, stream: str, live: Head, built: Head, now: float) -> list[Item]:
        """Returns the transaction: the pointer moves unless the live fold is ahead, and the
        previous generation is recorded for deletion."""
        table = {"TableName": self._table.name}
        head = {
            "pk": stream,
            "sk": HEAD,
            **built.fields,
            "generation": built.generation,
            "version": built.version,
        }
        put = {
            "Item": encode_item(head),
            "ConditionExpression": "attribute_not_exists(#version)"
            " OR (#version <= :version AND #generation = :generation)",
            "ExpressionAttributeNames": {"#version": "version", "#generation": "generation"},
            "ExpressionAttributeValues": {
                ":version": encode(built.version),
                ":generation": encode(live.generation),
            },
        }
        own = {"pk": LEDGER, "sk": f"{stream}#{built.generation}"}
        return [
            {"Put": {**table, **put}},
            {"Put": {**table, "Item": encode_item(_note(stream, live.generation, now))}},
            {"Delete": {**table, "Key": encode_item(own)}},
        ]

    def clean(self, before: float) -> int:
        deleted = 0
        for note in list(self._table.query("pk = :pk", values={":pk": LEDGER})):
            stream, _, generation = note["sk"].rpartition("#")
            if note["at"] >= before:
                continue
            if "#" not in stream:
                # Recorded by a release that did not record the projection of a stream.
                stream = f"P#{stream}" if is_person(stream) else f"R#{stream}"
            # Never the generation that is read: its rebuild may have crashed before it recorded the
            # adoption.
            if self._live.read(stream).generation != int(generation):
                deleted += self.building(int(generation)).delete_rows(stream, int(generation))
            self._table.delete({"pk": LEDGER, "sk": note["sk"]})
        return deleted


def _note(stream: str, generation: int, now: float) -> Item:
    return {"pk": LEDGER, "sk": f"{stream}#{generation}", "at": now}
