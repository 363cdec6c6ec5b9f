"""`ping`: tells a client which of its rooms went on without it, so that a lost push is found."""

from domain.chat import frames
from domain.chat.reading import Reading
from domain.chat.services import Services
from domain.ports.connections import Connection
from domain.protocol.client import Ping


class Pinging:
    """Answers pings from the logs, not from the views, which may be behind."""

    def __init__(self, services: Services, reading: Reading) -> None:
        self._services = services
        self._authorising = reading.authorising

    def ping(self, connection: Connection, frame: Ping) -> None:
        """Posts a `pong` with the heads that are beyond what the client holds.

        Costs one read a room, and one more for each room that is behind: as a rule none is. A room
        that the person may not read is left out, like one that is not there.
        """
        user = connection.user
        heads = {
            room: head
            for room, held in frame.rooms.items()
            if (head := self._services.log.head(room)) > held
            and self._authorising.standing(room).readable_by(user)
        }
        own = None
        if frame.user is not None and (head := self._services.log.head(user)) > frame.user:
            own = head
        self._services.gateway.post([connection.id], frames.pong(heads, own))
