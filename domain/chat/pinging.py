"""`ping`: tells a client which of its rooms have newer events, so that a lost push is found."""

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
        """Posts a `pong` with the heads that are ahead of the client's versions.

        It costs one read per room, and one more for each room that the client is behind in,
        normally none. A room that the person may not read is left out, like one that does not
        exist.
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
