"""Marks of completed work, in the progress table: one item each, without expiry.

pk `notified#STREAM#VERSION`, sk the work: each event has its own partition.
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

        It carries a token: if the answer to an attempt was lost, the retry finds the mark and
        recognises it as its own by the token.
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
