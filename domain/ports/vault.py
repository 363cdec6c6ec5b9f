"""People's keys, and what is sealed under them."""

from collections.abc import Sequence
from typing import Protocol

from domain.protocol.types import Sealed


class Vault(Protocol):
    """Keys of people. Destroying one erases what was sealed with it, everywhere."""

    def create(self, users: Sequence[str]) -> None:
        """Makes a key for each of `users` that never had one; durable on return."""
        ...

    def seal(self, user: str, text: str) -> Sealed:
        """Seals a text under the user's key. Raises Unauthenticated where it is gone."""
        ...

    def open(self, sealed: Sealed) -> str | None:
        """Opens a text; None where its key is gone."""
        ...

    def open_many(self, sealed: Sequence[Sealed]) -> list[str | None]:
        """Opens texts in order, each as `open` does; the keys are read together."""
        ...

    def digest(self, user: str, content: bytes) -> str:
        """Returns a digest of `content` that nobody can guess without the user's key."""
        ...

    def blind(self, text: str) -> str:
        """Returns a stable pseudonym of `text` under the installation's key."""
        ...

    def destroy(self, user: str) -> bool:
        """Destroys the user's key for good; returns whether there was one. No use of it that is
        under way leaves it in a cache."""
        ...

    def forget(self, user: str) -> None:
        """Drops the key from this process's cache: it may have been destroyed elsewhere."""
        ...
