"""A person's pending invitations, and the inviters whose invitations they declined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.aggregate import Command
from domain.concerns import after
from domain.inviting import resting
from domain.person.memberships import Memberships, RoomGained, RoomLost
from domain.person.person import (
    ENTRY_BYTES,
    Part,
    Person,
    PersonEvent,
    decides,
    require_registered,
)
from domain.protocol.types import Role

MAX_OFFERS = 50
"""Maximum of pending invitations of a person."""

MAX_OFFERS_BY = 3
"""Maximum of pending invitations of a person from one inviter."""

MAX_DECLINED = 100
"""Maximum of recorded inviters whose invitations a person declined."""


class Offer(NamedTuple):
    """A pending invitation to a room; `version` and `at` are those of the room's event."""

    by: str
    role: str
    version: int
    at: str


@dataclass
class Invitations(Part):
    """Pending invitations by room, and for each inviter the time (UTC) when an invitation of theirs
    was last declined, oldest first."""

    offers: dict[str, Offer] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)

    def close(self, room: str, version: int) -> Offer | None:
        """Removes the invitation to a room if it is older than a version of the room."""
        offer = self.offers.get(room)
        return self.offers.pop(room) if offer is not None and offer.version < version else None

    def note_declined(self, inviter: str, at: str) -> None:
        self.declined.pop(inviter, None)
        self.declined[inviter] = at
        if len(self.declined) > MAX_DECLINED:
            self.declined.pop(next(iter(self.declined)))

    def allows(self, inviter: str, now: str) -> bool:
        """Returns whether an inviter may send one more invitation: they have few pending ones, and
        the person declined none of theirs recently."""
        declined = self.declined.get(inviter)
        if declined is not None and resting(declined, now):
            return False
        theirs = sum(offer.by == inviter for offer in self.offers.values())
        return theirs < MAX_OFFERS_BY and len(self.offers) < MAX_OFFERS

    def snapshot(self) -> dict[str, Any]:
        return {
            "offers": [[room, *offer] for room, offer in self.offers.items()],
            "declined": list(self.declined.items()),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        # Snapshots of earlier releases have neither.
        self.offers = {room: Offer(*offer) for room, *offer in state.get("offers", ())}
        self.declined = dict(state.get("declined", ()))

    def weight(self) -> int:
        return 2 * (len(self.offers) + len(self.declined)) * ENTRY_BYTES


@dataclass(kw_only=True)
class RoomOffered(PersonEvent):
    """`by` invited them; `room_version` is the version of the room's event."""

    TOPIC = "person.room-offered"
    room: str
    role: Role
    room_version: int

    def apply(self, aggregate: Person) -> None:
        offer = Offer(self.by, self.role, self.room_version, self.at)
        aggregate.part(Invitations).offers[self.room] = offer


@dataclass(kw_only=True)
class OfferClosed(PersonEvent):
    """An invitation has ended: declined if `by` is the person, otherwise withdrawn by `by`."""

    TOPIC = "person.offer-closed"
    room: str
    room_version: int

    def apply(self, aggregate: Person) -> None:
        invitations = aggregate.part(Invitations)
        offer = invitations.close(self.room, self.room_version)
        if offer is not None and self.by == self.originator_id:
            invitations.note_declined(offer.by, self.recorded_at)
        aggregate.part(Memberships).by_room[self.room] = (None, self.room_version)


@after(RoomGained)
def _close_gained(person: Person, event: RoomGained) -> None:
    person.part(Invitations).close(event.room, event.room_version)


@after(RoomLost)
def _close_lost(person: Person, event: RoomLost) -> None:
    person.part(Invitations).close(event.room, event.room_version)


@dataclass(kw_only=True, slots=True)
class OfferRoom(Command):
    """`by` is the inviter."""

    room: str
    role: str
    room_version: int


@dataclass(kw_only=True, slots=True)
class CloseOffer(Command):
    """`by` declined or withdrew the invitation."""

    room: str
    room_version: int


@decides(OfferRoom)
def offer_room(person: Person, command: OfferRoom) -> int:
    """An invitation beyond the limits is dropped: the room has it, the person does not see it."""
    require_registered(person)
    invitations = person.part(Invitations)
    offer = invitations.offers.get(command.room)
    known = offer is not None and offer.version >= command.room_version
    if known or person.part(Memberships).knows(command.room, command.room_version):
        return person.version
    if offer is None and not invitations.allows(command.by, command.recorded_at):
        return person.version
    return person.append(
        RoomOffered,
        command,
        room=command.room,
        role=command.role,
        room_version=command.room_version,
    )


@decides(CloseOffer, after_erasure=True)
def close_offer(person: Person, command: CloseOffer) -> int:
    require_registered(person)
    if person.part(Memberships).knows(command.room, command.room_version):
        return person.version
    return person.append(OfferClosed, command, room=command.room, room_version=command.room_version)
