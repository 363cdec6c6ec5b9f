"""Work that nobody waits for."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Background(Protocol):
    def run(self, work: Callable[[], None], owner: str = "") -> None:
        """Runs `work` apart from what must answer at once; on Lambda, right away.

        Raises
        ------
        RateLimited: too much of the owner's work waits already, or of everybody's.
        """
        ...

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Has `Chat.settle_presence` called after the grace time."""
        ...
