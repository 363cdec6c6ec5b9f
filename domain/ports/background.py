"""Work that nobody waits for."""

from collections.abc import Callable, Sequence
from typing import Protocol

Work = Callable[[], "Work | None"]
"""A piece of work; it returns the rest, if there is one."""


class Background(Protocol):
    def run(self, work: Work, owner: str = "") -> None:
        """Runs `work` off the thread that must answer quickly; on Lambda, immediately. Other
        owners have their turn before the rest that a piece of work returns.

        Raises
        ------
        RateLimited: too much work of the owner, or of all owners, already waits.
        """
        ...

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        """Schedules a call of `Chat.settle_presence` after the grace time."""
        ...
