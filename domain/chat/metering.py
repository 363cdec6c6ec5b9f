"""The cost of reads: each person has one allowance for reads, separate from commands, so that a
person who posts a lot can still read what they missed."""

from domain.chat.services import Services
from domain.errors import RateLimited

ROWS = 200
"""Number of rows of a page that cost as much as one call."""

HELD = 50
"""Number of rooms of a `sync`, with a version, that together cost as much as one call."""

SNAPSHOTS = 5
"""Number of rooms of a `sync`, without a version, that together cost as much as one call."""


def rows_of_snapshot() -> int:
    """Returns how many rows cost as much as the snapshot of a room."""
    return ROWS // SNAPSHOTS


def spend_read(services: Services, user: str, rows: int = 0) -> None:
    """Charges a reading call to the person's allowance.

    Parameters
    ----------
    rows: rows that the call may read.

    Raises
    ------
    RateLimited: the allowance is not enough.
    """
    _spend(services, user, 1 + rows // ROWS)


def spend_sync(services: Services, user: str, held: int, snapshots: int) -> None:
    """Charges a `sync` to the person's allowance. Raises RateLimited."""
    _spend(services, user, 1 + held // HELD + snapshots // SNAPSHOTS)


class Reads:
    """The rows that a call actually reads, charged to the person's allowance as they are read."""

    def __init__(self, services: Services, user: str) -> None:
        self._services = services
        self._user = user
        self._owed = 0

    def charge(self, rows: int) -> bool:
        """Returns whether the allowance was enough; less than ROWS are charged with the next."""
        self._owed += rows
        cost, self._owed = divmod(self._owed, ROWS)
        return not cost or self._services.limiter.allow(f"reads:{self._user}", cost)


def _spend(services: Services, user: str, cost: int) -> None:
    if not services.limiter.allow(f"reads:{user}", cost):
        raise RateLimited
