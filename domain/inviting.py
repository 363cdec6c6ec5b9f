"""How long somebody who declined is left in peace, and when an invitation got lost: what rooms and
people both go by."""

from datetime import datetime, timedelta

REST = timedelta(days=7)
"""After an invitation was declined or withdrawn nobody may invite that person to that room, and
the person whose invitation was declined may not invite them anywhere."""


LOST = timedelta(minutes=1)
"""After this time an invitation that the invited person's own log does not have was dropped there;
before, it may be on its way (`track_memberships` takes about a second)."""


def rests_until(declined_at: str) -> datetime:
    """Returns when an invitation that was declined or withdrawn at one time bars no other."""
    return datetime.fromisoformat(declined_at) + REST


def resting(declined_at: str, now: str) -> bool:
    """Returns whether an invitation that was declined at one time still bars another.

    Times are UTC ISO 8601, as events have them.
    """
    return datetime.fromisoformat(now) < rests_until(declined_at)


def seconds(at: str) -> int:
    """Returns a time of an event as Unix seconds, rounded down."""
    return int(datetime.fromisoformat(at).timestamp())


def lost(invited_at: int, now: str) -> bool:
    """Returns whether an invitation that did not arrive is not on its way either.

    `invited_at` is in Unix seconds, 0 where it is not known; `now` is UTC ISO 8601.
    """
    return seconds(now) - invited_at >= LOST.total_seconds()
