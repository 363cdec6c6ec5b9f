"""Allowances that all processes share: what one person may ask in a minute, whoever serves them.

    pk            sk
    rate#KEY      MINUTE    taken, expires

A process takes tokens from the minute's item in chunks, so that a command of somebody who is active
costs no call. While half of a minute's tokens are left a chunk is granted; after that the tokens of
one command at a time, so that a person whose commands spread over many processes is not refused for
what these hold unspent.

What is granted is what can be spent: LIMIT tokens a minute, whatever the number of processes. A
process may keep a chunk for LIFE, so a burst can add at most CHUNK tokens a process, once.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from adapters.dynamodb.table import ConditionFailed, Table, encode_item
from domain.errors import Throttled
from domain.ports.limits import Limiter

WINDOW = 60.0
"""Seconds that an item counts."""

LIMIT = 300
"""Tokens that a key is granted in a window by all processes together."""

CHUNK = 30
"""Tokens that a process takes at a time."""

LIFE = 1_800.0
"""Seconds that a process may keep a chunk."""

READS = "reads:"
"""Begins the keys of what people read (domain/chat/metering.py)."""

FREE_READS = 60
"""Tokens of reads that a process grants in a window by itself: a ping or a page costs no write."""

LOCAL = "from:"
"""Begins the keys of addresses that enter: API Gateway's and the firewall's limits are the
shared ones there."""

PEOPLE = 50_000
"""Keys remembered; the one unused for longest is forgotten, which costs it its chunk."""


@dataclass(slots=True)
class _Held:
    """What this process has for one key."""

    tokens: int = 0
    lapses: float = 0.0
    window: int = -1
    free: int = 0
    tight: bool = False
    refused: bool = False


class SharedAllowances:
    """Implements the Limiter port.

    Where DynamoDB does not answer, the process's own allowance is all that counts.

    Parameters
    ----------
    own: the process's own allowance, asked first.
    table: the accounts table.
    clock: returns seconds since the epoch.
    """

    def __init__(self, own: Limiter, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._own = own
        self._table = table
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = Lock()

    def allow(self, user: str, cost: int = 1) -> bool:
        if not self._own.allow(user, cost):
            return False
        if user.startswith(LOCAL):
            return True
        with self._lock:
            return self._take(user, min(cost, CHUNK), self._clock())

    def _take(self, key: str, cost: int, now: float) -> bool:
        held = self._of(key, int(now // WINDOW))
        if held.free >= cost:
            held.free -= cost
            return True
        if now >= held.lapses:
            held.tokens = 0
        if held.tokens < cost:
            granted = 0 if held.refused else self._claim(key, held, cost)
            if granted > cost:
                held.lapses = now + LIFE
            held.tokens += granted
        if held.tokens < cost:
            # What costs more than is left says nothing of what costs least.
            held.refused = held.refused or cost == 1
            return False
        held.tokens -= cost
        return True

    def _of(self, key: str, window: int) -> _Held:
        held = self._held.setdefault(key, _Held())
        self._held.move_to_end(key)
        if len(self._held) > PEOPLE:
            self._held.popitem(last=False)
        if held.window != window:
            held.window, held.tight, held.refused = window, False, False
            held.free = FREE_READS if key.startswith(READS) else 0
        return held

    def _claim(self, key: str, held: _Held, cost: int) -> int:
        """Returns the tokens that were granted; 0 where none were."""
        try:
            if not held.tight:
                if self._add(key, held.window, CHUNK, upto=LIMIT // 2):
                    return CHUNK
                held.tight = True
            return cost if self._add(key, held.window, cost, upto=LIMIT) else 0
        except (Throttled, OSError):
            return cost

    def _add(self, key: str, window: int, tokens: int, *, upto: int) -> bool:
        values = {
            ":tokens": tokens,
            ":room": upto - tokens,
            ":expires": int((window + 2) * WINDOW),
        }
        try:
            self._table.call(
                "update_item",
                tries=1,
                TableName=self._table.name,
                Key=encode_item({"pk": f"rate#{key}", "sk": str(window)}),
                UpdateExpression="SET expires = :expires ADD taken :tokens",
                ConditionExpression="attribute_not_exists(taken) OR taken <= :room",
                ExpressionAttributeValues=encode_item(values),
            )
        except ConditionFailed:
            return False
        return True
