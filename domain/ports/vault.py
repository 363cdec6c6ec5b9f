"""People's keys, and sealing texts with them."""

from collections.abc import Sequence
from typing import Protocol

from domain.protocol.types import Sealed


class Tampered(ValueError):
    """The sealed text is not authentic: it was changed, moved or cut, or is under another key."""

    def __init__(self) -> None:
        super().__init__("a sealed text was tampered with")


class Vault(Protocol):
    """Keys of people. Destroying a key erases everything that was sealed with it, everywhere."""

    def create(self, users: Sequence[str]) -> None:
        """Creates a key for each of `users` that never had one; durable on return."""
        ...

    def seal(self, user: str, text: str) -> Sealed:
        """Seals a text under the user's key. Raises Unauthenticated if the key is gone."""
        ...

    def open(self, sealed: Sealed) -> str | None:
        """Opens a text; None if its key is gone. Raises Tampered if it does not fit its key."""
        ...

    def open_many(self, sealed: Sequence[Sealed]) -> list[str | None]:
        """Opens texts in order, each as `open` does; the keys are read together. One that does
        not fit its key is None, so that it does not hide the others."""
        ...

    def digest(self, user: str, content: bytes) -> str:
        """Returns a digest of `content` that cannot be guessed without the user's key."""
        ...

    def blind(self, text: str) -> str:
        """Returns a stable pseudonym of `text` under the installation's key."""
        ...

    def destroy(self, user: str) -> bool:
        """Destroys the user's key permanently; returns whether there was one. A concurrent use does
        not leave it in a cache."""
        ...

    def forget(self, user: str) -> None:
        """Drops the key from this process's cache: it may have been destroyed elsewhere."""
        ...
