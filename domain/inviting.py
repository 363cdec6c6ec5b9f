"""Rules about time that rooms and people share: how long a person who declined is not invited
again, and when an invitation counts as lost."""

from datetime import datetime, timedelta

REST = timedelta(days=7)
"""For this time after an invitation was declined or withdrawn, nobody may invite that person to
that room, and the person whose invitation was declined may not invite them anywhere."""


LOST = timedelta(minutes=1)
"""After this time, an invitation that is not in the invited person's own log counts as dropped
there; before, it may still arrive (`track_memberships` takes about a second)."""


def rests_until(declined_at: str) -> datetime:
    """Returns until when an invitation that was declined or withdrawn at a time prevents
    another."""
    return datetime.fromisoformat(declined_at) + REST


def resting(declined_at: str, now: str) -> bool:
    """Returns whether an invitation that was declined at a time still prevents another.

    Times are UTC ISO 8601, as in events.
    """
    return datetime.fromisoformat(now) < rests_until(declined_at)


def seconds(at: str) -> int:
    """Returns a time of an event as Unix seconds, rounded down."""
    return int(datetime.fromisoformat(at).timestamp())


def lost(invited_at: int, now: str) -> bool:
    """Returns whether an invitation that did not arrive will not arrive any more.

    `invited_at` is in Unix seconds, 0 if unknown; `now` is UTC ISO 8601.
    """
    return seconds(now) - invited_at >= LOST.total_seconds()
