"""Cursors of delivery: one item per lane, moved by one conditional write."""

import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from adapters.dynamodb.table import ConditionFailed, Table

LIFETIME = 30 * 86_400.0
"""Seconds after its last move until a cursor expires; its lane then begins with the next record.
Much longer than a queue keeps a record."""


LANES = 1_000
"""Number of lanes whose last move a process caches."""


def _key(lane: str) -> dict[str, str]:
    # One partition per lane: a single partition for all would be hot.
    return {"pk": f"cursor#{lane}", "sk": "-"}


class DynamoCursors:
    """Implements the Cursors port."""

    durable = True

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._before: OrderedDict[str, float] = OrderedDict()

    def advance(self, lane: str, first: int, last: int) -> int | None:
        """One conditional write.

        It carries a token. When the answer of a try is lost, the retry fails on the cursor that
        the lost try moved; the token shows that this call moved it.
        """
        token = secrets.token_hex(8)
        self._before.pop(lane, None)
        now = self._clock()
        try:
            before = self._table.update(
                _key(lane),
                "SET #version = :last, #at = :at, expires = :expires, #token = :token",
                names={"#version": "version", "#token": "token", "#at": "at"},
                values={
                    ":last": last,
                    ":before": first - 1,
                    ":at": round(now * 1_000),
                    ":expires": math.ceil(now + LIFETIME),
                    ":token": token,
                },
                condition="attribute_not_exists(pk) OR #version = :before",
                held=True,
                returning="UPDATED_OLD",
            )
        except ConditionFailed as failed:
            # An engine of before 2023 does not return the item with the refusal.
            held = failed.item or self._table.get(_key(lane))
            if held is not None and held.get("token") == token:
                return None
            return first - 1 if held is None else int(held["version"])
        self._before[lane] = (before or {}).get("at", 0) / 1_000
        if len(self._before) > LANES:
            self._before.popitem(last=False)
        return None

    def moved_before(self, lane: str) -> float:
        return self._before.get(lane, 0.0)

    def retreat(self, lane: str, first: int, last: int) -> None:
        with suppress(ConditionFailed):
            self._table.update(
                _key(lane),
                "SET #version = :before",
                names={"#version": "version"},
                values={":last": last, ":before": first - 1},
                condition="#version = :last",
            )
