"""Notifies people who do not have the room open of mentions and direct messages."""

import orjson

from domain.chat.services import Services
from domain.chat.unsealing import open_words
from domain.errors import Throttled
from domain.log import from_envelope
from domain.ports.outbound import Notice, Notifier
from domain.room.messages import MessagePosted


class Notifying:
    """Sends each notice at most once, however often its event arrives.

    The mark is written before the notice is sent and is permanent: an event that arrives again (a
    queue's second delivery, redriven dead letters, the relay's copy) sends nothing. If a notice was
    certainly not sent, its mark is removed and it is retried. A crash between the two loses the
    notice instead of sending it twice: the message itself is in the room, counted as unread, while
    a repeated mail cannot be taken back (docs/adr/0010).

    An edit notifies nobody (only MessagePosted has `notify`). A rebuild never calls this: it only
    reads the queue.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def notify(self, body: str | bytes) -> None:
        """Notifies the people in an event's envelope.

        Raises the first failure after all people were tried; failed notices may be retried.
        """
        event = from_envelope(orjson.loads(body))
        if not isinstance(event, MessagePosted):
            return
        room, version = event.originator_id, event.originator_version
        in_room = self._services.connections.in_room_of
        away = [user for user in event.notify if not in_room(user, room)]
        if not away:
            return
        kind, name = self._about(room)
        problems: list[Exception] = []
        for user in away:
            for notifier in self._services.notifiers:
                try:
                    self._send(notifier, Notice(user, kind, room, version, name))
                except Exception as error:
                    problems.append(error)
        if problems:
            raise problems[0]

    def _about(self, room: str) -> tuple[str, str | None]:
        """Returns the kind of notice for a message in the room, and the room's name."""
        header = self._services.views.header(room)
        if header is None:
            # The views do not exist yet, or are being rebuilt.
            return "mention", None
        direct = header["kind"] == "private" and header["member_count"] == 2
        name = open_words(self._services.vault, header["name"])
        return "direct" if direct else "mention", name

    def _send(self, notifier: Notifier, notice: Notice) -> None:
        once = self._services.once
        assert once is not None, "notifiers come with their marks"
        place = (notice.room, notice.version, f"{notifier.channel} {notice.user}")
        if not once.claim(*place):
            return
        try:
            notifier.notify(notice)
        except Throttled:
            once.release(*place)
            raise
