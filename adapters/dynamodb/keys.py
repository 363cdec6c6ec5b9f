"""Wrapped keys. A destroyed key's bytes are overwritten; a tombstone remains.

The table has no point-in-time recovery and no stream: a copy of it would bring back erased people's
texts.
"""

from collections.abc import Mapping, Sequence

from adapters.dynamodb.table import ConditionFailed, Table


class DynamoKeys:
    """Implements the vault's KeyStore; an item is `{user, wrapped}` or `{user, destroyed}`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def wrapped(self, user: str) -> bytes | None:
        item = self._table.get({"user": user})
        return item.get("wrapped") if item else None

    def wrapped_many(self, users: Sequence[str]) -> dict[str, bytes]:
        items = self._table.get_many([{"user": user} for user in users])
        return {item["user"]: item["wrapped"] for item in items if item.get("wrapped")}

    def add(self, keys: Mapping[str, bytes]) -> None:
        for user, wrapped in keys.items():
            try:
                self._table.put(
                    {"user": user, "wrapped": wrapped},
                    condition="attribute_not_exists(#user)",
                    names={"#user": "user"},
                )
            except ConditionFailed:
                continue  # neither a key nor a tombstone is ever replaced

    def destroy(self, user: str) -> bool:
        before = self._table.update(
            {"user": user},
            "SET #destroyed = :yes REMOVE #wrapped",
            names={"#destroyed": "destroyed", "#wrapped": "wrapped"},
            values={":yes": True},
            returning="ALL_OLD",
        )
        return before is not None and "wrapped" in before
