"""Deciding commands: late retries, and messages fresh to the room's head (rules 4 to 6)."""

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
"""Messages that deciding keeps of a room before it begins anew from the view."""

MAX_TAIL_BYTES = 2**20
"""The same by size: a message has 16 KB at most. While the view stands still, what the tail has
grown by since it began counts alone."""

MAX_LAG = 1_000
"""Events that deciding folds onto a view that lags, some 90 ms; with more, commands that need a
message are answered `room_busy` until the view has caught up."""


class Decider:
    """Decides a command on an aggregate, with what the aggregate does not hold itself.

    Parameters
    ----------
    alone: whether this process alone appends: then what it reads of people may be kept.
    """

    def __init__(self, log: EventLog, views: Views, alone: bool = False) -> None:
        self._log = log
        self._views = views
        self._alone = alone

    def decide(self, aggregate: Aggregate, command: Command) -> Outcome:
        """Returns the command's outcome; events that it decides are pending after."""
        try:
            known = aggregate.recall(command)
            if known is None:
                known = self._late(aggregate, command)
            if known is not None:
                return known
            return aggregate.decide(command, lambda version: self._message(aggregate, version))
        except ParleyError as refusal:
            # Its traceback holds the frames of its callers, and they hold the outcomes: a circle
            # that only the garbage collector would undo.
            return refusal.with_traceback(None)

    def _late(self, aggregate: Aggregate, command: Command) -> int | None:
        """Returns the version that answered a command which the window forgot.

        Raises
        ------
        BeyondWindow: the log is to be searched first. Never for somebody who was no member, whose
            frames could cost a search each.
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
        # What is appended from now on is in the window, or searched next.
        seen = aggregate.version - len(aggregate.pending)
        raise BeyondWindow(after, min(aggregate.forgotten, seen), seen)

    def _belonged(self, aggregate: Aggregate, user: str) -> bool:
        """Returns whether the person is a member or was one, as their own log says."""
        if aggregate.knows(user):
            return True
        person = self._log.load(user) if self._alone else self._log.read(user)
        return isinstance(person, Person) and aggregate.id in person.part(Memberships).by_room

    def _message(self, aggregate: Aggregate, version: int) -> dict[str, Any] | None:
        """Folds one message to the aggregate's head: the view's, then the log's tail."""
        tail, aggregate.tail = aggregate.tail, None
        saved = aggregate.version - len(aggregate.pending)
        if tail is not None and saved - tail.version > MAX_LAG:
            tail = None  # nobody looked for so long that the view is nearer
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
        # Kept only now: a read that fails midway leaves an event half applied.
        aggregate.tail = tail
        self._log.cache.weigh(aggregate.id, aggregate)
        return message

    def _begin_tail(self, room: str, former: Tail | None) -> Tail:
        """Returns a tail that begins with the view; the former one where a new one would fold the
        same events again, at each command until the view moves."""
        header = self._views.header(room)
        version = header["version"] if header is not None else 0
        if (
            former is not None
            and former.since == version
            and len(former.messages) <= MAX_TAIL
            # Bounded also where the view stands still since nothing happens: refused commands
            # load messages all the same.
            and former.grown() <= MAX_TAIL_BYTES
        ):
            return former
        tail = Tail(lambda wanted: self._views.message(room, wanted))
        if header is not None:
            tail.restore(header)
        return tail
