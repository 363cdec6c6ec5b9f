"""The consumers that write: views, people's own rooms."""

from collections.abc import Sequence
from typing import Any, Protocol

from domain.aggregate import Command, Event
from domain.chat.services import Services
from domain.chat.succeeding import Succession
from domain.chat.withholding import change_in
from domain.consuming import TRANSIENT, Transient
from domain.errors import NotFound, ParleyError
from domain.executing import outcomes_of
from domain.log import EventLog, is_person
from domain.person.person import CloseOffer, GainRoom, LoseRoom, OfferRoom, PersonErased, ReadMarked
from domain.projections.store import Head
from domain.projections.views import Views, header_of
from domain.room.invitations import InvitationDeclined, MemberInvited
from domain.room.membership import MemberJoined, MemberLeft, RoleChanged
from domain.room.view import Message, RoomView


class HasViews(Protocol):
    @property
    def views(self) -> Views: ...

    @property
    def log(self) -> EventLog: ...


class ProjectViews:
    """Folds rooms and read marks into the views."""

    name = "project_views"
    gapless = True
    ATTEMPTS = 4
    """Tries of a fold that another one was faster than; what is left is retried later."""

    def __init__(self, services: HasViews) -> None:
        self._views = services.views
        self._log = services.log

    def last(self, stream: str) -> int:
        if is_person(stream):
            return self._views.person_version(stream)
        return self._views.base(stream).version

    def refresh(self, stream: str) -> None:
        self._views.refresh(stream)

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        before, after = events[0].originator_version - 1, events[-1].originator_version
        for _ in range(self.ATTEMPTS):
            # What was remembered of the view may be old: after a refusal it is read again.
            last = self.last(stream)
            if last >= after:
                return
            if last < before:
                break
            if self._save(stream, [event for event in events if event.originator_version > last]):
                return
        raise Transient(f"the view of {stream} moved meanwhile")

    def _save(self, stream: str, events: Sequence[Event]) -> bool:
        if is_person(stream):
            marks = {e.room: e.version for e in events if isinstance(e, ReadMarked)}
            if any(isinstance(event, PersonErased) for event in events):
                # Before the view says that it has the event: what fails here comes again.
                self._views.forget_person(stream)
                marks = {}
            before, after = events[0].originator_version - 1, events[-1].originator_version
            return self._views.save_person(stream, before, after, marks)
        base, view = self._open(stream)
        view.apply_all(event.wire() for event in events)
        return self._views.save_onto(stream, base, view)

    def _open(self, room: str) -> tuple[Head, RoomView]:
        # Not the view itself: it would hold itself, and stay until the garbage collector stops
        # everything to look for it.
        ahead: dict[int, int] = {}

        def load(version: int) -> Message | None:
            found = self._views.folded_message(room, version)
            if found is None:
                return None
            message, ahead[version] = found
            return message

        view = RoomView(load)
        view.ahead = ahead
        base = self._views.base(room)
        header = header_of(base)
        return base, view if header is None else view.restore(header)

    def skip(self, stream: str, version: int) -> None:
        """Moves past a version; of a room it takes along what the skipped event takes away, so
        that no page shows a text that was deleted or replaced."""
        for _ in range(self.ATTEMPTS):
            last = self.last(stream)
            if last >= version:
                return
            if is_person(stream):
                kept = self._views.save_person(stream, last, version, {})
            else:
                base, view = self._open(stream)
                try:
                    self._take_away(view, stream, version)
                except TRANSIENT:
                    raise
                except Exception:
                    # Of a message whose row is damaged; poison never stops its room.
                    base, view = self._open(stream)
                view.version = version
                kept = self._views.save_onto(stream, base, view)
            if kept:
                return
        raise Transient(f"the view of {stream} moved meanwhile")

    def _take_away(self, view: RoomView, room: str, upto: int) -> None:
        """Folds edits and deletions up to a version, as far as they can be read."""
        for stored in self._log.recorder.select_events(room, gt=view.version, lte=upto):
            change = change_in(stored)
            if change is not None:
                view.version = stored.originator_version - 1
                view.apply(change)

    def reset(self, stream: str) -> None:
        if is_person(stream):
            self._views.reset_person(stream)
        else:
            self._views.reset_room(stream)


Membership = MemberJoined | MemberLeft | RoleChanged | MemberInvited | InvitationDeclined
"""Events that are copied to a person's own log."""


class TrackMemberships:
    """Tells people's own logs of rooms that they gained, lost or are invited to, and hands over the
    rooms of those who were erased.

    It keeps no progress: a person's log knows the room version that it heard of last, so events
    may come twice, late and in any order, and those of other topics need not come at all.
    """

    name = "track_memberships"
    gapless = False
    topics = (
        MemberJoined.TOPIC,
        MemberLeft.TOPIC,
        RoleChanged.TOPIC,
        MemberInvited.TOPIC,
        InvitationDeclined.TOPIC,
        PersonErased.TOPIC,
    )

    def __init__(self, services: Services) -> None:
        self._succession = Succession(services)
        self._executor = services.executor
        self._now = services.now

    def last(self, stream: str) -> int | None:
        return None

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        if is_person(stream):
            if any(isinstance(event, PersonErased) for event in events):
                self._succession.of_person(stream)
            return
        self._tell(stream, events)
        for event in events:
            # Of the two, their log's PersonErased and this, the later one finds the other.
            if isinstance(event, MemberJoined | RoleChanged) and event.role == "owner":
                self._succession.of_new_owner(stream, event.user)

    def _tell(self, stream: str, events: Sequence[Event]) -> None:
        batches: dict[str, list[Command]] = {}
        for event in events:
            if isinstance(event, Membership):
                batches.setdefault(event.user, []).append(self._command(stream, event))
        for outcomes in outcomes_of(self._executor, list(batches.items())):
            for outcome in outcomes:
                # Of somebody unknown there is no log to tell; anything else may pass.
                if isinstance(outcome, ParleyError) and not isinstance(outcome, NotFound):
                    raise Transient(outcome.code)

    def _command(self, room: str, event: Membership) -> Command:
        common: dict[str, Any] = {
            "by": event.by,
            # A space, which clients' ids cannot have, keeps it from meeting one of theirs.
            "id": f"{room} {event.originator_version}",
            "at": event.at,
            "recorded_at": self._now(),
            "digest": "",
            "room": room,
            "room_version": event.originator_version,
        }
        if isinstance(event, MemberLeft):
            return LoseRoom(**common)
        if isinstance(event, InvitationDeclined):
            return CloseOffer(**common)
        if isinstance(event, MemberInvited):
            return OfferRoom(role=event.role, **common)
        return GainRoom(role=event.role, **common)

    def skip(self, stream: str, version: int) -> None:
        """Nothing to move past."""

    def reset(self, stream: str) -> None:
        """Nothing to forget: what is told again changes nothing."""
