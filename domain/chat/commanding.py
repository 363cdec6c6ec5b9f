"""Handles client frames of commands, read marks and typing, from the allowance to the answer."""

from collections.abc import Callable, Sequence
from typing import Any

from domain.aggregate import Command
from domain.chat import frames
from domain.chat.authorising import Standing
from domain.chat.building import PLANS, digest
from domain.chat.metering import spend_read
from domain.chat.preparing import Preparing
from domain.chat.reading import Reading
from domain.chat.services import Services
from domain.chat.signals import signal_recipients
from domain.errors import (
    BeyondWindow,
    Internal,
    Invalid,
    NotFound,
    ParleyError,
    RateLimited,
    Unauthenticated,
)
from domain.metrics import INTERNAL
from domain.person.marks import MarkRead
from domain.ports.background import Work
from domain.ports.commands import Outcome
from domain.ports.connections import Connection
from domain.protocol import client as wire
from domain.retrying import Retrying, Unfinished
from domain.room.messages import Post
from domain.room.room import Room

SEARCHES = 5
"""Maximum of searches for one late retry: in a busy room the window moves on during a search."""

PIECES = 6
"""Maximum of steps in which one search creates the index of old parts of a log: other people's work
runs between them. A search that needs more is refused as `room_busy`; the next one continues from
there."""

SEARCH_ROWS = 1_000
"""Number of rows of a page that cost as much as a search."""


class Commanding:
    """Passes client frames of one connection to their use cases."""

    def __init__(self, services: Services, reading: Reading, preparing: Preparing) -> None:
        self._services = services
        self._reading = reading
        self._preparing = preparing
        self._retrying = Retrying(services.log, services.index)

    def base(self, user: str, frame: wire.Command) -> dict[str, Any]:
        now = self._services.now()
        return {
            "by": user,
            "id": frame.id,
            "at": now,
            "recorded_at": now,
            "digest": digest(self._services, user, frame),
            "since": frame.since,
        }

    def command(self, connection: Connection, frame: Any) -> None:
        """Passes the frame's command to the executor; `ack` or `error` follows, except for an
        accepted quiet post, which its push confirms."""
        user = connection.user
        self._spend(user)
        people = self._people(user, frame)

        def refuse(refusal: ParleyError) -> None:
            self._answer(connection.id, frame.id, frame.room, [refusal])

        self._preparing.in_turn(
            connection.id, people, lambda: self._decide(connection, frame), refuse
        )

    def _people(self, user: str, frame: Any) -> Sequence[str]:
        """Returns the people whose logs are needed to build or decide a command; the logs must be
        in memory if only this process appends."""
        plan = PLANS[frame.action]
        if plan.looked_up is not None and plan.looked_up.people is not None:
            return (user, *(getattr(frame, field) for field in plan.looked_up.people))
        if plan.names:
            return (user,)
        if frame.since is None or not self._services.alone:
            return ()
        # A late retry of a person who is not a member reads their log (Decider).
        room = self._services.log.cached(frame.room)
        return () if room is not None and room.knows(user) else (user,)

    def _decide(self, connection: Connection, frame: Any) -> None:
        services, user = self._services, connection.user
        command = PLANS[frame.action].build(services, user, frame, self.base(user, frame))
        quiet = isinstance(command, Post) and command.quiet
        self._execute(connection, frame.room, command, quiet=quiet)

    def _execute(
        self,
        connection: Connection,
        room: str,
        command: Command,
        tries: int = 0,
        *,
        quiet: bool = False,
    ) -> None:
        def answer(outcomes: Sequence[Outcome]) -> None:
            outcome = outcomes[0]
            if isinstance(outcome, BeyondWindow) and tries < SEARCHES:
                # It may be a late retry whose push was sent long ago, so it is acknowledged.
                self._search(connection, room, command, outcome, tries)
            elif not quiet or isinstance(outcome, ParleyError):
                self._answer(connection.id, command.id, room, outcomes)

        self._services.executor.execute(room, [command], answer)

    def _search(
        self, connection: Connection, room: str, command: Command, gap: BeyondWindow, tries: int
    ) -> None:
        """Looks up a late retry off the event loop, then decides it again."""

        def search(pieces: int = PIECES) -> Work | None:
            try:
                self._retrying.look_up(room, command, gap)
            except Unfinished as unfinished:
                if pieces > 1:
                    return lambda: search(pieces - 1)
                self._answer(connection.id, command.id, room, [unfinished])
                return None
            except ParleyError as refusal:
                self._answer(connection.id, command.id, room, [refusal])
                return None
            except Exception:
                self._answer(connection.id, command.id, room, [Internal()])
                raise
            self._execute(connection, room, command, tries + 1)
            return None

        try:
            spend_read(self._services, connection.user, rows=SEARCH_ROWS)
            self._services.background.run(search, owner=connection.user)
        except ParleyError as refusal:
            self._answer(connection.id, command.id, room, [refusal])

    def read(self, connection: Connection, frame: wire.Read) -> None:
        """Moves a read mark; it cannot move beyond the room's head."""
        self._spend(connection.user)
        standing = self._reading.authorising.in_memory(frame.room)
        self._with_standing(
            connection, frame, standing, lambda found: self._mark(connection, frame, found)
        )

    def _with_standing(
        self,
        connection: Connection,
        frame: wire.Read | wire.Typing,
        standing: Standing | None,
        then: Callable[[Standing], None],
    ) -> None:
        """Continues with a room's standing, which is looked up off the event loop if it is not
        known; the result is answered if the frame has an id."""
        if standing is not None:
            then(standing)
            return

        def look() -> None:
            try:
                then(self._reading.authorising.standing(frame.room))
            except Exception as error:
                if frame.id is not None:
                    refusal = error if isinstance(error, ParleyError) else Internal()
                    self._answer(connection.id, frame.id, frame.room, [refusal])
                if not isinstance(error, ParleyError):
                    raise

        self._services.background.run(look, owner=connection.user)

    def _mark(self, connection: Connection, frame: wire.Read, standing: Standing) -> None:
        user = connection.user
        if not standing.readable_by(user):
            raise NotFound("no such room")
        if frame.version > standing.version:
            raise Invalid("the room has no such version yet")
        # `since` is a version of the room, not of the person's log; a mark that only moves forward
        # needs no search for retries.
        base = {**self.base(user, frame), "since": None}
        mark = MarkRead(room=frame.room, version=frame.version, **base)

        def answer(outcomes: Sequence[Outcome]) -> None:
            kept = outcomes[0]
            version = kept if isinstance(kept, ParleyError) else frame.version
            self._answer(connection.id, frame.id, frame.room, [version])

        self._services.executor.execute(user, [mark], answer)

    def typing(self, connection: Connection, frame: wire.Typing) -> None:
        """Tells the room, unless it is large; silently dropped if the person may not post there."""
        services, user = self._services, connection.user
        if not services.limiter.allow(user):
            return
        # The aggregate in memory may be behind its log, which is acceptable for a sign that
        # expires.
        room = services.log.cached(frame.room)

        def tell(standing: Standing) -> None:
            if standing.role(user) is not None:
                others = signal_recipients(
                    services.connections, frame.room, apart_from=connection.id
                )
                services.gateway.post(others, frames.typing(frame.room, user))

        known = Standing.of(room) if isinstance(room, Room) else None
        self._with_standing(connection, frame, known, tell)

    def _spend(self, user: str) -> None:
        if not self._services.limiter.allow(user):
            raise RateLimited
        if not user:
            raise Unauthenticated

    def _answer(self, connection_id: str, id: str, room: str, outcomes: Sequence[Outcome]) -> None:
        outcome = outcomes[0]
        if isinstance(outcome, ParleyError):
            if isinstance(outcome, Internal):
                self._services.metrics.add(INTERNAL)
            frame = frames.error(outcome, id)
        else:
            frame = frames.ack(id, room, outcome)
        self._services.gateway.post([connection_id], frame)
