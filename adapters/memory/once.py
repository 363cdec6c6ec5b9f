"""Marks of completed work, in a set."""

from threading import Lock


class MemoryOnce:
    """Implements the Once port."""

    def __init__(self) -> None:
        self._done: set[tuple[str, int, str]] = set()
        self._lock = Lock()

    def claim(self, stream: str, version: int, what: str) -> bool:
        with self._lock:
            mark = (stream, version, what)
            if mark in self._done:
                return False
            self._done.add(mark)
            return True

    def release(self, stream: str, version: int, what: str) -> None:
        with self._lock:
            self._done.discard((stream, version, what))
