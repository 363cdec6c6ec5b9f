"""Wrapped keys in a dict."""

from collections.abc import Mapping, Sequence


class MemoryKeys:
    def __init__(self) -> None:
        self._keys: dict[str, bytes | None] = {}

    def wrapped(self, user: str) -> bytes | None:
        return self._keys.get(user)

    def wrapped_many(self, users: Sequence[str]) -> dict[str, bytes]:
        found = {user: self.wrapped(user) for user in users}
        return {user: wrapped for user, wrapped in found.items() if wrapped is not None}

    def add(self, keys: Mapping[str, bytes]) -> None:
        for user, wrapped in keys.items():
            self._keys.setdefault(user, wrapped)

    def destroy(self, user: str) -> bool:
        had = self._keys.get(user) is not None
        self._keys[user] = None
        return had
