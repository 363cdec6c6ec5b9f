"""A token bucket per person."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

PEOPLE = 50_000
"""Number of buckets kept; the least recently used one is dropped, which only refills it."""


class TokenBuckets:
    """Implements the Limiter port.

    Parameters
    ----------
    per_minute: commands a minute; 0 lets everything through.
    burst: commands at once.
    """

    def __init__(
        self, per_minute: float, burst: int = 100, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def allow(self, user: str, cost: int = 1) -> bool:
        if not self._rate:
            return True
        with self._lock:
            return self._take(user, min(float(cost), self._burst), self._clock())

    def _take(self, user: str, cost: float, now: float) -> bool:
        tokens, then = self._buckets.get(user, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        allowed = tokens >= cost
        self._buckets[user] = (tokens - cost if allowed else tokens, now)
        self._buckets.move_to_end(user)
        if len(self._buckets) > PEOPLE:
            self._buckets.popitem(last=False)
        return allowed
