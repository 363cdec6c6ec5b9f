"""The use cases that handlers call.

`domain.chat.receiving` handles client frames separately: only one function needs the wire models,
and their import takes longer than the rest of the domain.
"""

from collections.abc import Callable, Sequence

from eventsourcing.persistence import StoredEvent

from domain.chat import frames
from domain.chat.archiving import document
from domain.chat.consumers import TrackMemberships
from domain.chat.delivering import Deliver
from domain.chat.entering import Entering
from domain.chat.erasing import Erasing
from domain.chat.finding import Finding
from domain.chat.inviting import Inviting
from domain.chat.listing import Listing
from domain.chat.notifying import Notifying
from domain.chat.preferences import Preferences
from domain.chat.preparing import Preparing
from domain.chat.projecting import ProjectViews
from domain.chat.reading import Reading
from domain.chat.retaining import Retaining
from domain.chat.services import Services
from domain.chat.sessions import Sessions
from domain.chat.signals import signal_recipients
from domain.claiming import Claiming
from domain.consuming import Consuming, Record
from domain.errors import RateLimited, Unauthenticated
from domain.ports.accounts import Session
from domain.ports.connections import Connection

__all__ = ["Chat", "Services"]

MAX_CONNECTIONS = 50
"""Maximum of open connections of a person: a push to the person costs one post for each."""


class Chat:
    """The use cases over one set of services, except those that begin with a client's frame."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.sessions = Sessions(services)
        self.entering = Entering(services, self.sessions)
        self.erasing = Erasing(services)
        self.inviting = Inviting(services)
        self.preferences = Preferences(services)
        self.preparing = Preparing(services)
        self.reading = Reading(services)
        self.listing = Listing(services)
        self.finding = Finding(services, self.reading.authorising)
        self._notifying = Notifying(services)
        self._retaining = Retaining(services)
        shared = (services.log, services.progress, services.now)
        self.consuming = {
            ProjectViews.name: Consuming(ProjectViews(services), *shared),
            TrackMemberships.name: Consuming(TrackMemberships(services), *shared),
            Deliver.name: Claiming(
                Deliver(services),
                *shared,
                services.cursors,
                services.gathering,
                seconds=services.seconds,
            ),
        }

    def connect(self, connection_id: str, session: Session) -> None:
        """Stores a connection; it subscribes to rooms with `sync`.

        Raises
        ------
        Unauthenticated: the session ended since its ticket was redeemed.
        RateLimited: the person already has MAX_CONNECTIONS.
        """
        if len(self.services.connections.of_user(session.user)) >= MAX_CONNECTIONS:
            raise RateLimited("you have too many open connections")
        self.services.connections.open(Connection(connection_id, session.user, session.session))
        # Checked after it is stored: a session that ends later finds the connection and closes it.
        if not self.sessions.lives(session):
            self.services.connections.close(connection_id)
            raise Unauthenticated

    def disconnect(self, connection_id: str) -> None:
        closed = self.services.connections.close(connection_id)
        if closed is not None:
            connection, rooms = closed
            self.services.background.presence_check(connection.user, rooms)

    def settle_presence(self, user: str, rooms: Sequence[str]) -> None:
        """Tells rooms, except large ones, that a person is offline, if they have not come back."""
        connections = self.services.connections
        for room in rooms:
            if not connections.in_room_of(user, room):
                frame = frames.presence(room, user, "offline")
                self.services.gateway.post(signal_recipients(connections, room), frame)

    def sweep(self, more: Callable[[], bool]) -> dict[str, int]:
        """Deletes expired connections, sessions and tickets and replaces old content, while
        `more()`; returns the number of each.

        `events` counts events whose content was replaced (domain/chat/retaining.py).

        A connection that cannot be open any more is closed as if its `$disconnect` had arrived.
        """
        closed = 0
        for connection_id in self.services.connections.stale():
            if not more():
                break
            self.disconnect(connection_id)
            closed += 1
        expired = self.services.accounts.drop_expired(self.services.seconds(), more)
        replaced = self._retaining.run(more)
        return {"connections": closed, "accounts": expired, "events": replaced}

    def apply_records(self, consumer: str, records: Sequence[Record]) -> list[str]:
        """Passes queue records to a consumer; returns the ids of those to retry."""
        return self.consuming[consumer].consume(records)

    def notify(self, body: str | bytes) -> None:
        """Notifies the people in an event's envelope, each at most once."""
        self._notifying.notify(body)

    def relay(self, events: Sequence[StoredEvent]) -> list[int]:
        """Publishes the log's events to the topic; returns the positions of those to retry."""
        assert self.services.topic is not None, "this runtime has no topic"
        return self.services.topic.publish(events)

    def archive(self, events: Sequence[StoredEvent]) -> list[int]:
        """Archives the log's events; returns the positions of those to retry."""
        assert self.services.archive is not None, "this runtime has no archive"
        return self.services.archive.put([document(event) for event in events])
