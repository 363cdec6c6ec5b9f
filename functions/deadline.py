"""How long the invocation that runs may still take."""

from typing import Any

SPARE = 3.0
"""Seconds of an invocation that no post takes: for what follows it."""

_context: Any = None


def begin(context: Any) -> None:
    """Notes the invocation that begins. One runs at a time where `left` is asked, on Lambda."""
    global _context
    _context = context


def left() -> float:
    """Returns the seconds that a post may take: those left, without SPARE; negative where there
    are none."""
    if _context is None:
        return 0.0
    remaining: int = _context.get_remaining_time_in_millis()
    return remaining / 1_000 - SPARE
