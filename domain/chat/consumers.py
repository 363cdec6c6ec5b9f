"""The consumer that writes to people's own logs."""

from collections.abc import Sequence
from typing import Any

from domain.aggregate import Command, Event
from domain.chat.services import Services
from domain.chat.succeeding import STEP, Succession
from domain.consumer import Transient
from domain.errors import NotFound, ParleyError
from domain.executing import outcomes_of
from domain.log import is_person
from domain.person.invitations import CloseOffer, OfferRoom
from domain.person.lifecycle import PersonErased
from domain.person.memberships import GainRoom, LoseRoom
from domain.room.declaring import OF_USER
from domain.room.room import ROOM_EVENTS, RoomEvent


class TrackMemberships:
    """Records in people's own logs the rooms that they gained, lost or are invited to, and names
    new owners for the rooms of erased people.

    It stores no progress: each person's log has the last room version that was applied, so events
    may arrive twice, late and in any order, and events of other topics may be left out.
    """

    name = "track_memberships"
    gapless = False
    topics = (
        *(event.TOPIC for event in ROOM_EVENTS if event.membership in OF_USER),
        PersonErased.TOPIC,
    )

    def __init__(self, services: Services) -> None:
        self._succession = Succession(services, STEP)
        self._executor = services.executor
        self._now = services.now

    def last(self, stream: str) -> int | None:
        return None

    def apply(self, stream: str, events: Sequence[Event]) -> None:
        if is_person(stream):
            if any(isinstance(event, PersonErased) for event in events):
                self._succession.of_person(stream)
            return
        told: list[Any] = [
            event
            for event in events
            if isinstance(event, RoomEvent) and event.membership in OF_USER
        ]
        self._tell(stream, told)
        for event in told:
            # Of the person's PersonErased and this event, the later one finds the other.
            if event.membership == "gained" and event.role == "owner":
                self._succession.of_new_owner(stream, event.user)

    def _tell(self, stream: str, events: Sequence[Any]) -> None:
        batches: dict[str, list[Command]] = {}
        for event in events:
            batches.setdefault(event.user, []).append(self._command(stream, event))
        for outcomes in outcomes_of(self._executor, list(batches.items())):
            for outcome in outcomes:
                # An unknown person has no log; any other failure may be transient.
                if isinstance(outcome, ParleyError) and not isinstance(outcome, NotFound):
                    raise Transient(outcome.code)

    def _command(self, room: str, event: Any) -> Command:
        common: dict[str, Any] = {
            "by": event.by,
            # A space, which clients' ids cannot have, prevents a collision with one of theirs.
            "id": f"{room} {event.originator_version}",
            "at": event.at,
            "recorded_at": self._now(),
            "digest": "",
            "room": room,
            "room_version": event.originator_version,
        }
        if event.membership == "lost":
            return LoseRoom(**common)
        if event.membership == "closed":
            return CloseOffer(**common)
        if event.membership == "offered":
            return OfferRoom(role=event.role, **common)
        return GainRoom(role=event.role, **common)

    def skip(self, stream: str, version: int) -> None:
        """Nothing to skip."""

    def reset(self, stream: str) -> None:
        """Nothing to drop: repeated events change nothing."""
