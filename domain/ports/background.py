"""Work that nobody waits for."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Background(Protocol):
    def run(self, work: Callable[[], None], owner: str = "") -> None:
        """Runs `work` off the thread that must answer quickly; on Lambda, immediately.

        Raises
        ------
        RateLimited: too much work of the owner, or of all owners, already waits.
        """
        ...

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Schedules a call of `Chat.settle_presence` after the grace time."""
        ...
