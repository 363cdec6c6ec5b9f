"""The person aggregate: events, state, decisions.

Topics and field names are a STORAGE FORMAT (docs/events.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, NamedTuple

from domain.aggregate import (
    NOT_KEPT,
    Aggregate,
    Command,
    Event,
    MessageOf,
    Snapshot,
    restore_window,
    window_state,
)
from domain.errors import NotFound, Unauthenticated
from domain.inviting import resting
from domain.protocol.types import Role, Sealed

MAX_SESSIONS = 100
"""Open sessions of a person: the log keeps them all in memory and in each snapshot."""

ENDED_TOGETHER = 50
"""Sessions that one start ends at most, where an older log has more open than MAX_SESSIONS: every
recorder appends that many events as a whole."""

MAX_OFFERS = 50
"""Pending invitations of a person."""

MAX_OFFERS_BY = 3
"""Pending invitations of a person by one inviter."""

MAX_DECLINED = 100
"""Inviters remembered whose invitations a person declined."""

# Events


@dataclass(kw_only=True)
class PersonEvent(Event):
    @staticmethod
    def empty(originator_id: str) -> "Person":
        return Person(originator_id)


@dataclass(kw_only=True)
class PersonRegistered(PersonEvent):
    TOPIC = "person.registered"
    name: Sealed

    def apply(self, aggregate: "Person") -> None:
        aggregate.name = self.name


@dataclass(kw_only=True)
class SessionStarted(PersonEvent):
    """`session` is the first half of the token's hash: it names the session, opens nothing."""

    TOPIC = "person.session-started"
    session: str

    def apply(self, aggregate: "Person") -> None:
        aggregate.sessions[self.session] = self.recorded_at


@dataclass(kw_only=True)
class SessionEnded(PersonEvent):
    TOPIC = "person.session-ended"
    session: str

    def apply(self, aggregate: "Person") -> None:
        aggregate.sessions.pop(self.session, None)


@dataclass(kw_only=True)
class ReadMarked(PersonEvent):
    TOPIC = "person.read-marked"
    room: str
    version: int

    def apply(self, aggregate: "Person") -> None:
        aggregate.marks[self.room] = (self.version, self.originator_version)


@dataclass(kw_only=True)
class RoomGained(PersonEvent):
    """They became a member, or their role there changed; `room_version` says by which event."""

    TOPIC = "person.room-gained"
    room: str
    role: Role
    room_version: int

    def apply(self, aggregate: "Person") -> None:
        aggregate.close_offer(self.room, self.room_version)
        aggregate.rooms[self.room] = (self.role, self.room_version)


@dataclass(kw_only=True)
class RoomLost(PersonEvent):
    TOPIC = "person.room-lost"
    room: str
    room_version: int

    def apply(self, aggregate: "Person") -> None:
        aggregate.close_offer(self.room, self.room_version)
        aggregate.rooms[self.room] = (None, self.room_version)


@dataclass(kw_only=True)
class RoomOffered(PersonEvent):
    """`by` invited them; `room_version` says by which event."""

    TOPIC = "person.room-offered"
    room: str
    role: Role
    room_version: int

    def apply(self, aggregate: "Person") -> None:
        aggregate.offers[self.room] = Offer(self.by, self.role, self.room_version, self.at)


@dataclass(kw_only=True)
class OfferClosed(PersonEvent):
    """An invitation is over: declined where `by` is the person, else withdrawn by `by`."""

    TOPIC = "person.offer-closed"
    room: str
    room_version: int

    def apply(self, aggregate: "Person") -> None:
        offer = aggregate.close_offer(self.room, self.room_version)
        if offer is not None and self.by == self.originator_id:
            aggregate.note_declined(offer.by, self.recorded_at)
        aggregate.rooms[self.room] = (None, self.room_version)


@dataclass(kw_only=True)
class NoticesSet(PersonEvent):
    """Whether they want mail of mentions and direct messages."""

    TOPIC = "person.notices-set"
    mail: bool

    def apply(self, aggregate: "Person") -> None:
        aggregate.mail = self.mail


@dataclass(kw_only=True)
class FileImported(PersonEvent):
    """All of a file is in a room; `file` is the SHA-256 of its content."""

    TOPIC = "person.file-imported"
    room: str
    file: str

    def apply(self, aggregate: "Person") -> None:
        aggregate.files.add((self.room, self.file))


@dataclass(kw_only=True)
class PersonErased(PersonEvent):
    """Their key was destroyed and all their sessions ended. It holds nothing that is sealed: it is
    written, read and shown without the key."""

    TOPIC = "person.erased"

    def apply(self, aggregate: "Person") -> None:
        aggregate.erased = True
        aggregate.name = NOT_KEPT
        aggregate.sessions.clear()


PERSON_EVENTS: tuple[type[PersonEvent], ...] = (
    PersonRegistered,
    SessionStarted,
    SessionEnded,
    ReadMarked,
    RoomGained,
    RoomLost,
    RoomOffered,
    OfferClosed,
    NoticesSet,
    FileImported,
    PersonErased,
)


@dataclass(kw_only=True)
class PersonSnapshot(Snapshot):
    TOPIC = "person.snapshot"

    def mutate(self, _: None) -> "Person":
        person = Person(self.originator_id)
        person.version = self.originator_version
        person.name = self.state["name"]
        sessions = self.state["sessions"]
        # An older snapshot does not say when they began.
        person.sessions = dict(zip(sessions, self.state.get("began") or repeat(""), strict=False))
        person.marks = {room: (mark, own) for room, mark, own in self.state["marks"]}
        person.rooms = {room: (role, version) for room, role, version in self.state["rooms"]}
        person.files = {(room, file) for room, file in self.state["files"]}
        person.erased = self.state.get("erased", False)
        # Snapshots of earlier releases have none of these.
        person.offers = {room: Offer(*offer) for room, *offer in self.state.get("offers", ())}
        person.declined = dict(self.state.get("declined", ()))
        person.mail = self.state.get("mail", False)
        restore_window(person, self.state)
        return person


# Commands


@dataclass(kw_only=True, slots=True)
class Register(Command):
    name: Sealed


@dataclass(kw_only=True, slots=True)
class StartSession(Command):
    session: str


@dataclass(kw_only=True, slots=True)
class EndSession(Command):
    session: str


@dataclass(kw_only=True, slots=True)
class MarkRead(Command):
    room: str
    version: int


@dataclass(kw_only=True, slots=True)
class GainRoom(Command):
    room: str
    role: str
    room_version: int


@dataclass(kw_only=True, slots=True)
class LoseRoom(Command):
    room: str
    room_version: int


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


@dataclass(kw_only=True, slots=True)
class SetNotices(Command):
    mail: bool


@dataclass(kw_only=True, slots=True)
class NoteImport(Command):
    room: str
    file: str


@dataclass(kw_only=True, slots=True)
class Erase(Command):
    """Notes that the person's key was destroyed."""


# State


class Offer(NamedTuple):
    """A pending invitation to a room; `version` is that of the room's event, `at` its time."""

    by: str
    role: str
    version: int
    at: str


ENTRY_BYTES = 200
"""A room, a read mark, a file or a session in memory (measured by tests/unit/test_memory.py)."""


class Person(Aggregate):
    """Name (sealed), sessions, rooms, invitations, preferences and read marks."""

    snapshot_class = PersonSnapshot

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.name: Sealed = {}
        self.sessions: dict[str, str] = {}
        """Open session to when it was recorded, the longest open first; "" where that is not
        known."""
        self.marks: dict[str, tuple[int, int]] = {}
        """Room to (version read, version of the person's event that says so)."""
        self.rooms: dict[str, tuple[str | None, int]] = {}
        """Room to (role, None once it was lost; version of the room's event that says so)."""
        self.files: set[tuple[str, str]] = set()
        self.erased = False
        self.offers: dict[str, Offer] = {}
        """Pending invitations by room."""
        self.declined: dict[str, str] = {}
        """Inviter to when (UTC) an invitation of theirs was declined last, oldest first."""
        self.mail = False

    def close_offer(self, room: str, version: int) -> Offer | None:
        """Takes the invitation to a room away that is older than a version of the room."""
        offer = self.offers.get(room)
        return self.offers.pop(room) if offer is not None and offer.version < version else None

    def note_declined(self, inviter: str, at: str) -> None:
        self.declined.pop(inviter, None)
        self.declined[inviter] = at
        if len(self.declined) > MAX_DECLINED:
            self.declined.pop(next(iter(self.declined)))

    def may_be_invited(self, inviter: str, now: str) -> bool:
        """Returns whether one more invitation by somebody is no burden: they have few pending ones,
        and declined none of that person's lately."""
        declined = self.declined.get(inviter)
        if declined is not None and resting(declined, now):
            return False
        theirs = sum(offer.by == inviter for offer in self.offers.values())
        return theirs < MAX_OFFERS_BY and len(self.offers) < MAX_OFFERS

    def weight(self) -> int:
        small = len(self.rooms) + len(self.marks) + len(self.files) + len(self.sessions)
        offered = len(self.offers) + len(self.declined)
        return super().weight() + (small + 2 * offered) * ENTRY_BYTES

    def snapshot_state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "sessions": list(self.sessions),
            "began": list(self.sessions.values()),
            "marks": [[room, *mark] for room, mark in self.marks.items()],
            "rooms": [[room, *known] for room, known in self.rooms.items()],
            "files": sorted(self.files),
            "offers": [[room, *offer] for room, offer in self.offers.items()],
            "declined": list(self.declined.items()),
            "mail": self.mail,
            "erased": self.erased,
            **window_state(self),
        }

    def decide(self, command: Command, message_of: MessageOf) -> int:
        if self.erased and not isinstance(command, AFTER_ERASURE):
            if command.by == self.id:
                raise Unauthenticated("this person was erased")
            raise NotFound("no such person")
        return DECISIONS[type(command)](self, command)


# Decisions


def register(person: Person, command: Register) -> int:
    if person.version:
        return person.version
    return person.append(PersonRegistered, command, name=command.name)


def _registered(person: Person) -> None:
    if not person.version:
        raise NotFound("no such person")


def start_session(person: Person, command: StartSession) -> int:
    """Beyond MAX_SESSIONS the longest open ones end."""
    _registered(person)
    if command.session in person.sessions:
        return person.version
    over = min(len(person.sessions) - MAX_SESSIONS + 1, ENDED_TOGETHER)
    for oldest in list(islice(person.sessions, max(0, over))):
        person.append(SessionEnded, command, session=oldest)
    return person.append(SessionStarted, command, session=command.session)


def end_session(person: Person, command: EndSession) -> int:
    if command.session not in person.sessions:
        return person.version
    return person.append(SessionEnded, command, session=command.session)


def mark_read(person: Person, command: MarkRead) -> int:
    """A mark only moves forward."""
    _registered(person)
    version, own = person.marks.get(command.room, (0, 0))
    if command.version <= version:
        return own
    return person.append(ReadMarked, command, room=command.room, version=command.version)


def gain_room(person: Person, command: GainRoom) -> int:
    _registered(person)
    if _knows(person, command):
        return person.version
    return person.append(
        RoomGained,
        command,
        room=command.room,
        role=command.role,
        room_version=command.room_version,
    )


def lose_room(person: Person, command: LoseRoom) -> int:
    _registered(person)
    if _knows(person, command):
        return person.version
    return person.append(RoomLost, command, room=command.room, room_version=command.room_version)


def _knows(person: Person, command: GainRoom | LoseRoom | OfferRoom | CloseOffer) -> bool:
    """What a room's later event said stands, in whatever order they are told."""
    return person.rooms.get(command.room, (None, 0))[1] >= command.room_version


def offer_room(person: Person, command: OfferRoom) -> int:
    """An invitation too many is dropped: the room has it, the person is not bothered."""
    _registered(person)
    offer = person.offers.get(command.room)
    known = offer is not None and offer.version >= command.room_version
    if known or _knows(person, command):
        return person.version
    if offer is None and not person.may_be_invited(command.by, command.recorded_at):
        return person.version
    return person.append(
        RoomOffered,
        command,
        room=command.room,
        role=command.role,
        room_version=command.room_version,
    )


def close_offer(person: Person, command: CloseOffer) -> int:
    _registered(person)
    if _knows(person, command):
        return person.version
    return person.append(OfferClosed, command, room=command.room, room_version=command.room_version)


def set_notices(person: Person, command: SetNotices) -> int:
    _registered(person)
    if person.mail == command.mail:
        return person.version
    return person.append(NoticesSet, command, mail=command.mail)


def note_import(person: Person, command: NoteImport) -> int:
    _registered(person)
    if (command.room, command.file) in person.files:
        return person.version
    return person.append(FileImported, command, room=command.room, file=command.file)


def erase(person: Person, command: Erase) -> int:
    _registered(person)
    if person.erased:
        return person.version
    return person.append(PersonErased, command)


AFTER_ERASURE = (Erase, EndSession, GainRoom, LoseRoom, CloseOffer)
"""What an erased person's log still takes: none of it is something that they do. Rooms that they
were in may be heard of late."""

DECISIONS: dict[type[Command], Callable[[Person, Any], int]] = {
    Register: register,
    StartSession: start_session,
    EndSession: end_session,
    MarkRead: mark_read,
    GainRoom: gain_room,
    LoseRoom: lose_room,
    OfferRoom: offer_room,
    CloseOffer: close_offer,
    SetNotices: set_notices,
    NoteImport: note_import,
    Erase: erase,
}
