"""Allowances that all processes share: how many commands and reads a person may send in a minute.

    pk            sk
    rate#KEY      MINUTE    taken, expires

A process takes tokens from the minute's item in chunks, so that most commands of an active person
cost no call. While half of a minute's tokens are left, a chunk is granted; after that the tokens of
one command at a time, so that a person whose commands spread over many processes is not refused
because these hold unspent tokens.

At most LIMIT tokens a minute are granted, whatever the number of processes. A process may keep a
chunk for LIFE, so a burst can add at most CHUNK tokens per process, once.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from adapters.dynamodb.table import ConditionFailed, Table, encode_item
from domain.errors import Throttled
from domain.ports.limits import Limiter
from domain.protocol.limits import COMMANDS_A_MINUTE

WINDOW = 60.0
"""Seconds that an item is valid."""

LIMIT = COMMANDS_A_MINUTE
"""Tokens that all processes together may get for a key in a window."""

CHUNK = 30
"""Tokens that a process takes at a time."""

LIFE = 1_800.0
"""Seconds that a process may keep a chunk."""

READS = "reads:"
"""Prefix of the keys for reads (domain/chat/metering.py)."""

FREE_READS = 60
"""Tokens for reads that a process grants in a window by itself, so that a ping or a page costs no
write."""

LOCAL = "from:"
"""Prefix of the keys for addresses of entries. For these, the limits of API Gateway and the
firewall are the shared ones."""

PEOPLE = 50_000
"""Number of keys kept; the least recently used one is dropped and loses its chunk."""


@dataclass(slots=True)
class _Held:
    """The tokens that this process has for one key."""

    tokens: int = 0
    lapses: float = 0.0
    window: int = -1
    free: int = 0
    tight: bool = False
    refused: bool = False


class SharedAllowances:
    """Implements the Limiter port.

    If DynamoDB does not answer, only the process's own allowance applies.

    Parameters
    ----------
    own: the process's own allowance, checked first.
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
            # A refusal of an expensive request does not mean that a cheap one is refused.
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
        """Returns the tokens that were granted; 0 if none were."""
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
