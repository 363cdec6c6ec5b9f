"""The time that remains for the running invocation."""

from typing import Any

SPARE = 3.0
"""Seconds of an invocation that posts must leave for the work after them."""

_context: Any = None


def begin(context: Any) -> None:
    """Records the invocation that begins. On Lambda, where `left` is used, one runs at a time."""
    global _context
    _context = context


def left() -> float:
    """Returns the seconds that a post may take: the remaining time minus SPARE; negative if none
    remains."""
    if _context is None:
        return 0.0
    remaining: int = _context.get_remaining_time_in_millis()
    return remaining / 1_000 - SPARE
