"""Wrapped keys in a dict."""

from collections.abc import Mapping


class MemoryKeys:
    def __init__(self) -> None:
        self._keys: dict[str, bytes | None] = {}

    def wrapped(self, user: str) -> bytes | None:
        return self._keys.get(user)

    def add(self, keys: Mapping[str, bytes]) -> None:
        for user, wrapped in keys.items():
            self._keys.setdefault(user, wrapped)

    def destroy(self, user: str) -> bool:
        had = self._keys.get(user) is not None
        self._keys[user] = None
        return had
