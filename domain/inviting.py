"""How long somebody who declined is left in peace: what rooms and people both go by."""

from datetime import datetime, timedelta

REST = timedelta(days=7)
"""After an invitation was declined or withdrawn nobody may invite that person to that room, and
the person whose invitation was declined may not invite them anywhere."""


def resting(declined_at: str, now: str) -> bool:
    """Returns whether an invitation that was declined at one time still bars another.

    Times are UTC ISO 8601, as events have them.
    """
    return datetime.fromisoformat(now) - datetime.fromisoformat(declined_at) < REST
