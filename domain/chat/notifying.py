"""Telling people of mentions and direct messages who are not looking at the room."""

import orjson

from domain.chat.services import Services
from domain.chat.unsealing import open_words
from domain.errors import Throttled
from domain.log import from_envelope
from domain.ports.outbound import Notice, Notifier
from domain.room.messages import MessagePosted


class Notifying:
    """Sends each notice at most once, however often its event comes.

    The mark is made before the notice goes out and is for good: an event that comes again (a
    queue's second delivery, dead letters redriven, the relay's copy) sends nothing. What was
    surely not sent has its mark taken away and is tried again. A crash between the two loses the
    notice rather than sending it twice: the message itself waits in the room, counted as
    unread, while mail that comes again is a nuisance that cannot be taken back
    (docs/adr/0010).

    An edit names nobody (only MessagePosted has `notify`), and folding views anew passes by here
    never: this reads the queue alone.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def notify(self, body: str | bytes) -> None:
        """Tells those whom an event's envelope names.

        Raises the first failure once everybody was tried; what raised may come again.
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
        """Returns what a message there is to whom it names, and the room's name."""
        header = self._services.views.header(room)
        if header is None:
            # The views are not there yet, or are folded anew.
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
