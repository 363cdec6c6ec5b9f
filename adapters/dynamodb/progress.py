"""Consumers' progress: their parked events and their positions.

| pk | sk | item |
|---|---|---|
| `parked#consumer` | `stream#version` | reason, at |
| `consumers` | consumer | written at its first parked event, so that a Query finds all |
| `position#consumer` | `position` | position |
"""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext, suppress

from adapters.dynamodb.table import ConditionFailed, Item, Table
from domain.ports.consumers import Parked

CONSUMERS = "consumers"


class DynamoProgress:
    """Implements the Progress port. On AWS the queues keep the positions; positions here are for
    tools."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def position(self, consumer: str) -> int:
        item = self._table.get(_position(consumer))
        return int(item["position"]) if item else 0

    def advance(self, consumer: str, position: int) -> None:
        self._table.put({**_position(consumer), "position": position})

    def together(self) -> AbstractContextManager[object]:
        """Each write is independent: consumers may read their own partial writes."""
        return nullcontext()

    def park(self, parked: Parked) -> None:
        self._table.put({"pk": CONSUMERS, "sk": parked.consumer})
        item = {
            "pk": f"parked#{parked.consumer}",
            "sk": _place(parked.stream, parked.version),
            "reason": parked.reason,
            "at": parked.at,
        }
        with suppress(ConditionFailed):
            self._table.put(item, condition="attribute_not_exists(pk)")

    def parked(self) -> list[Parked]:
        return [
            _parked(row["sk"], item)
            for row in self._table.query("pk = :pk", values={":pk": CONSUMERS})
            for item in self._table.query("pk = :pk", values={":pk": f"parked#{row['sk']}"})
        ]

    def unpark(self, consumer: str, stream: str, upto: int, keep: Collection[int] = ()) -> None:
        kept = {_place(stream, version) for version in keep}
        values = {
            ":pk": f"parked#{consumer}",
            ":first": _place(stream, 0),
            ":last": _place(stream, upto),
        }
        found = self._table.query("pk = :pk AND sk BETWEEN :first AND :last", values=values)
        self._delete([item for item in found if item["sk"] not in kept])

    def forget(self, consumer: str) -> None:
        self._table.delete(_position(consumer))
        values = {":pk": f"parked#{consumer}"}
        self._delete(list(self._table.query("pk = :pk", values=values)))

    def _delete(self, items: list[Item]) -> None:
        self._table.write_many(deletes=[{"pk": item["pk"], "sk": item["sk"]} for item in items])


def _position(consumer: str) -> Item:
    return {"pk": f"position#{consumer}", "sk": "position"}


def _place(stream: str, version: int) -> str:
    return f"{stream}#{version:016d}"


def _parked(consumer: str, item: Item) -> Parked:
    stream, _, version = item["sk"].rpartition("#")
    return Parked(consumer, stream, int(version), item["reason"], item["at"])
