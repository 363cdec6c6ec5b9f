"""Recipients of signals: pushes about typing and presence, which are not stored in a log."""

from collections.abc import Sequence

from domain.ports.connections import Connections

LARGE = 500
"""Number of a room's connections above which nobody gets its signals. A signal is one push for each
connection, and people in a large room type, connect and disconnect all the time: signals would cost
more than the messages, and delay the person who types or connects."""


def signal_recipients(connections: Connections, room: str, apart_from: str = "") -> Sequence[str]:
    """Returns a room's connections without the sender of the signal; none for a large room."""
    present, about = connections.some_in_room(room, LARGE)
    return [one for one in present if one != apart_from] if about <= LARGE else []
