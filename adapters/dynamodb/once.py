"""Marks of what was done, in the progress table: an item each, without expiry.

pk `notified#STREAM#VERSION`, sk what was done: each event has a partition of its own.
"""

import secrets
from typing import Any

from adapters.dynamodb.table import ConditionFailed, Table


class DynamoOnce:
    """Implements the Once port."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, stream: str, version: int, what: str) -> bool:
        """One conditional write.

        It carries a token: a try whose answer was lost is known for this claim's own when the
        next one meets its mark.
        """
        token = secrets.token_hex(8)
        try:
            self._table.put(
                {**_key(stream, version, what), "token": token},
                condition="attribute_not_exists(pk)",
                held=True,
            )
        except ConditionFailed as failed:
            return failed.item is not None and failed.item.get("token") == token
        return True

    def release(self, stream: str, version: int, what: str) -> None:
        self._table.delete(_key(stream, version, what))


def _key(stream: str, version: int, what: str) -> dict[str, Any]:
    return {"pk": f"notified#{stream}#{version}", "sk": what}
