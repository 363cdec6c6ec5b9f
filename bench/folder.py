"""A data folder with one long room, written through the real event store.

Each event is created, folded, sealed and encoded as in the engine; only deciding and the commit of
each message are left out: events are inserted by the thousand, and the snapshot is taken at the
end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from domain.aggregate import Aggregate, Event
from domain.chat.consumers import TrackMemberships
from domain.log import empty
from domain.person.lifecycle import PersonRegistered
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted
from local.folder import DataFolder
from local.stores import Stores

ROOM = "long"
MEMBERS = 50
BATCH = 5_000
TEXT_SIZE = 200
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def write(path: Path, messages: int) -> int:
    """Writes a room with this many messages; returns the number of all events of the folder."""
    folder = DataFolder(path)
    try:
        stores = Stores(folder)
        try:
            return _write(stores, messages)
        finally:
            stores.close()
    finally:
        folder.close()


def _write(stores: Stores, messages: int) -> int:
    users = [f"u_{number:020d}" for number in range(MEMBERS)]
    stores.vault.create(users)
    for user in users:
        name = stores.vault.seal(user, f"person {user[-2:]}")
        _insert(stores, [_event(PersonRegistered, user, 1, user, name=name)])
    room = empty(ROOM)
    events = _room_events(stores, users, messages)
    while batch := list(islice(events, BATCH)):
        for event in batch:
            room.fold(event)
        _insert(stores, batch)
        if room.version % 100_000 < BATCH:
            print(f"{room.version:,} events …", file=sys.stderr, flush=True)
    _finish(stores, room)
    return room.version + MEMBERS


def _finish(stores: Stores, room: Aggregate) -> None:
    """Leaves the folder in the state of a stopped server: with a snapshot, and people's logs up to
    date."""
    stores.log.save_snapshot(stores.log.checkpoint(room))
    head = stores.events.events.max_notification_id() or 0
    stores.progress.advance(TrackMemberships.name, head)


def _room_events(stores: Stores, users: list[str], messages: int) -> Iterator[Event]:
    seal = stores.vault.seal
    owner = users[0]
    yield _event(RoomCreated, ROOM, 1, owner, name=seal(owner, "A long room"), kind="public")
    for version, user in enumerate(users, 2):
        name, role = seal(user, f"person {user[-2:]}"), "owner" if user == owner else "member"
        yield _event(MemberJoined, ROOM, version, user, user=user, name=name, role=role)
    for n in range(1, messages + 1):
        user = users[n * 7 % MEMBERS]
        text = seal(user, f"message {n} ".ljust(TEXT_SIZE, "x"))
        said: dict[str, Any] = {"text": text, "kind": "text", "n": n}
        yield _event(MessagePosted, ROOM, MEMBERS + 1 + n, user, reply_to=None, notify=[], **said)


def _event(of: type[Event], log_id: str, version: int, by: str, /, **data: Any) -> Event:
    at = (BEGINNING + timedelta(seconds=version)).isoformat(timespec="microseconds")
    return of(
        originator_id=log_id,
        originator_version=version,
        at=at,
        recorded_at=at,
        by=by,
        id=f"made:{version}",
        digest="made",
        **data,
    )


def _insert(stores: Stores, events: list[Event]) -> None:
    stores.events.events.insert_events(stores.log.stored(events))
