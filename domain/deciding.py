"""Decides commands: late retries, and messages read up to the room's head (rules 4 to 6)."""

from typing import Any

from domain.aggregate import Aggregate, Command
from domain.errors import BeyondWindow, CommandIdReused, ParleyError, RoomBusy
from domain.log import EventLog
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.ports.commands import Outcome
from domain.projections.views import Views
from domain.room.tail import Tail

MAX_TAIL = 1_000
"""Maximum of messages of a room that deciding keeps before it starts again from the view."""

MAX_TAIL_BYTES = 2**20
"""The same limit in bytes: a message has at most 16 KB. While the view does not move, only the
growth of the tail since its start counts."""

MAX_LAG = 1_000
"""Maximum of events that deciding folds onto a lagging view, about 90 ms; if there are more,
commands that need a message are answered `room_busy` until the view has caught up."""


class Decider:
    """Decides a command on an aggregate, with data that the aggregate itself does not have.

    Parameters
    ----------
    alone: whether only this process appends: then people's aggregates may be cached.
    """

    def __init__(self, log: EventLog, views: Views, alone: bool = False) -> None:
        self._log = log
        self._views = views
        self._alone = alone

    def decide(self, aggregate: Aggregate, command: Command) -> Outcome:
        """Returns the command's outcome; its events are pending afterwards."""
        try:
            known = aggregate.recall(command)
            if known is None:
                known = self._late(aggregate, command)
            if known is not None:
                return known
            return aggregate.decide(command, lambda version: self._message(aggregate, version))
        except ParleyError as refusal:
            # Its traceback references the frames of its callers, and they reference the outcomes: a
            # cycle that only the garbage collector would free.
            return refusal.with_traceback(None)

    def _late(self, aggregate: Aggregate, command: Command) -> int | None:
        """Returns the version that answered a command which has left the window.

        Raises
        ------
        BeyondWindow: the log must be searched first. Never raised for a person who was never a
            member, because each of their frames could cost a search.
        """
        if command.found is not None:
            version, digest = command.found
            if digest != command.digest:
                raise CommandIdReused
            return version
        if command.since is None:
            return None
        after = max(command.since, command.sought)
        if after >= aggregate.forgotten or not self._belonged(aggregate, command.by):
            return None
        # Later events are in the window, or searched next.
        seen = aggregate.version - len(aggregate.pending)
        raise BeyondWindow(after, min(aggregate.forgotten, seen), seen)

    def _belonged(self, aggregate: Aggregate, user: str) -> bool:
        """Returns whether the person is or was a member, according to their own log."""
        if aggregate.knows(user):
            return True
        person = self._log.load(user) if self._alone else self._log.read(user)
        return isinstance(person, Person) and aggregate.id in person.part(Memberships).by_room

    def _message(self, aggregate: Aggregate, version: int) -> dict[str, Any] | None:
        """Folds one message to the aggregate's head: the view's, then the log's tail."""
        tail, aggregate.tail = aggregate.tail, None
        saved = aggregate.version - len(aggregate.pending)
        if tail is not None and saved - tail.version > MAX_LAG:
            tail = None  # not used for so long that the view is closer
        if tail is None or len(tail.messages) > MAX_TAIL or tail.weight > MAX_TAIL_BYTES:
            tail = self._begin_tail(aggregate.id, tail)
        if saved - tail.version > MAX_LAG:
            raise RoomBusy("the room is being prepared; try again")
        if tail.version < saved:
            tail.apply_all(e.wire() for e in self._log.events(aggregate.id, after=tail.version))
        tail.apply_all(event.wire() for event in aggregate.pending)
        if tail.first is None:
            tail.first = tail.weight
        message = tail.message(version)
        # Cached only now: a read that fails midway leaves an event half applied.
        aggregate.tail = tail
        self._log.cache.weigh(aggregate.id, aggregate)
        return message

    def _begin_tail(self, room: str, former: Tail | None) -> Tail:
        """Returns a tail that begins with the view; or the previous one if a new one would fold the
        same events again at each command until the view moves."""
        header = self._views.header(room)
        version = header["version"] if header is not None else 0
        if (
            former is not None
            and former.since == version
            and len(former.messages) <= MAX_TAIL
            # Limited also while the view does not move because nothing happens: refused commands
            # load messages too.
            and former.grown() <= MAX_TAIL_BYTES
        ):
            return former
        tail = Tail(lambda wanted: self._views.message(room, wanted))
        if header is not None:
            tail.restore(header)
        return tail
