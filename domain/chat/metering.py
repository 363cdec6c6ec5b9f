"""What reads cost: one allowance a person, apart from that of their commands, so that somebody who
posts a lot still hears what they missed."""

from domain.chat.services import Services
from domain.errors import RateLimited

ROWS = 200
"""Rows of a page that cost as much as one call."""

HELD = 50
"""Rooms of a `sync` that are held up to a version and cost as much as one call together."""

SNAPSHOTS = 5
"""Rooms of a `sync` that ask for a snapshot and cost as much as one call together."""


def spend_read(services: Services, user: str, rows: int = 0) -> None:
    """Takes a call that reads off the person's allowance.

    Parameters
    ----------
    rows: rows that the call may read.

    Raises
    ------
    RateLimited: less than that is left.
    """
    _spend(services, user, 1 + rows // ROWS)


def spend_sync(services: Services, user: str, held: int, snapshots: int) -> None:
    """Takes a `sync` off the person's allowance. Raises RateLimited."""
    _spend(services, user, 1 + held // HELD + snapshots // SNAPSHOTS)


def may_read(services: Services, user: str, rows: int) -> bool:
    """Takes rows that were read off the person's allowance; returns whether there was enough."""
    cost = rows // ROWS
    return not cost or services.limiter.allow(f"reads:{user}", cost)


def _spend(services: Services, user: str, cost: int) -> None:
    if not services.limiter.allow(f"reads:{user}", cost):
        raise RateLimited
