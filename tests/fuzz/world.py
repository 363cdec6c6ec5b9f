"""The data folder that is fuzzed: people, and rooms long enough that an unbounded read shows."""

from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from domain.aggregate import Command, Event
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted
from local.folder import DataFolder
from local.offline import Offline
from local.stores import Stores

EVENTS = 30_000
"""Events of a long room; reading them all takes more than a second."""

FUZZERS = 8
TALKERS = 2
AT = "2026-01-02T03:04:05.000000+00:00"


@dataclass
class World:
    """What each process knows about the folder.

    Attributes
    ----------
    tokens: sessions of the fuzzers, who are f0, f1 …; a stranger is the last.
    people: their ids.
    rooms: ids and heads of the rooms that they may fuzz.
    talkers: tokens of those who talk in the room `talk`.
    """

    tokens: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    rooms: dict[str, int] = field(default_factory=dict)
    talkers: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def make(path: Path) -> World:
    """Makes the folder. The last fuzzer is a member of nothing."""
    world = World()
    with (
        closing(DataFolder(path)) as folder,
        closing(Stores(folder)) as stores,
        closing(Offline(stores)) as offline,
    ):
        entering = offline.chat.entering
        for number in range(FUZZERS):
            token, user = entering.enter(f"f{number}", None)
            world.tokens.append(token)
            world.people.append(user)
        talkers = []
        for number in range(TALKERS):
            token, user = entering.enter(f"talker {number}", None)
            world.talkers.append(token)
            talkers.append(user)
        fill = _Filler(stores)
        members = world.people[:-1]
        world.rooms["long"] = fill.room("long", "public", members[:4], EVENTS)
        world.rooms["long-private"] = fill.room("long-private", "private", members[:2], EVENTS)
        for kind in ("public", "private", "broadcast"):
            world.rooms[f"some-{kind}"] = fill.room(f"some-{kind}", kind, members, 300)
        fill.room("talk", "private", talkers, 20)
    return world


class _Filler:
    """Appends events as the executor would have, without deciding each."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def room(self, room: str, kind: str, members: list[str], count: int) -> int:
        """Makes a room of so many events, the first member its owner; returns its head."""
        vault, log = self._stores.vault, self._stores.log
        first = {"name": vault.seal(members[0], f"Room {room}"), "kind": kind}
        made: list[Event] = [_event(RoomCreated, room, 1, members[0], **first)]
        for number, user in enumerate(members):
            name = vault.seal(user, f"member {number}")
            role = "owner" if number == 0 else "member"
            made.append(
                _event(MemberJoined, room, len(made) + 1, user, user=user, name=name, role=role)
            )
        for n in range(1, count - len(made) + 1):
            by = members[n % len(members)]
            text = vault.seal(by, f"message {n} of {room}, about as long as people write")
            content: dict[str, Any] = {"text": text, "kind": "text", "n": n, "reply_to": None}
            made.append(_event(MessagePosted, room, len(made) + 1, by, **content, notify=[]))
        for start in range(0, len(made), 1_000):
            log.recorder.insert_events(log.stored(made[start : start + 1_000]))
        aggregate = log.read(room)
        log.save_snapshot(log.checkpoint(aggregate))
        return len(made)


def _event(event_class: type[Any], room: str, version: int, by: str, **data: Any) -> Event:
    command = Command(by=by, id=f"{room}-{version}", at=AT, recorded_at=AT, digest="fuzz")
    event: Event = event_class(
        originator_id=room,
        originator_version=version,
        at=command.at,
        recorded_at=command.recorded_at,
        by=command.by,
        id=command.id,
        digest=command.digest,
        **data,
    )
    return event
