"""Who is told of typing and presence."""

from collections.abc import Sequence

from domain.ports import Connections

LARGE = 500
"""Connections of a room above which it is told neither. Each hint is as many pushes as the room
has connections, and so many people in it type, come and go all the time: it would cost more than
the messages, and hold up who types or comes."""


def hearing(connections: Connections, room: str, apart_from: str = "") -> Sequence[str]:
    """Returns a room's connections, save the one that the hint is from; none of a large room."""
    present, about = connections.some_in_room(room, LARGE)
    return [one for one in present if one != apart_from] if about <= LARGE else []
