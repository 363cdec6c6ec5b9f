"""A cache with a limit of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SizedCache(Generic[K, V]):
    """Keeps the most recently used values, within a number of bytes.

    `put` computes a value's weight, and `weigh` computes it again: code that lets a kept value grow
    calls one of the two. The last value stays, however large it is: otherwise a room larger than
    the limit would be folded for each message.

    Parameters
    ----------
    limit: bytes.
    weight: returns an estimate of a value's bytes; it is called for every put, so it should be as
        fast as one.

    Attributes
    ----------
    bytes: the sum of the weights.
    """

    def __init__(self, limit: int, weight: Callable[[V], int]) -> None:
        self._limit = limit
        self._weight = weight
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """Returns the value and marks it as most recently used."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def put(self, key: K, value: V) -> None:
        weight = self._weight(value)
        with self._lock:
            self._put(key, value, weight)

    def weigh(self, key: K, value: V) -> None:
        """Weighs a value again if it is the one that is kept."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] is value:
                self._put(key, value, self._weight(value))

    def _put(self, key: K, value: V, weight: int) -> None:
        before = self._kept.get(key)
        self._kept[key] = (value, weight)
        self._kept.move_to_end(key)
        self.bytes += weight - (before[1] if before else 0)
        while self.bytes > self._limit and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed

    def drop(self, key: K) -> None:
        """Drops a value, if it is kept."""
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is not None:
                self.bytes -= kept[1]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self.bytes = 0
