"""The use cases over adapters/memory, with people who speak frames.

chat = memory_chat()
ann, bob = person(chat, "ann"), person(chat, "bob")
ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
run_consumers(chat)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

import orjson
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.connections import MemoryConnections
from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.memory.gateway import InlineBackground, RecordingGateway
from adapters.memory.keys import MemoryKeys
from adapters.memory.limiter import TokenBuckets
from adapters.memory.progress import MemoryProgress
from adapters.vault.aes import AesVault
from adapters.vault.openssl import OpenSslCipher
from domain.chat import Chat, Services
from domain.chat.receiving import Receiving
from domain.chat.sessions import hashed
from domain.consuming import Record
from domain.executing import DirectExecutor, outcomes_of, versions_of
from domain.log import EventLog, envelope
from domain.person.lifecycle import Register
from domain.person.person import Person
from domain.person.sessions import StartSession
from domain.ports.accounts import Session
from domain.ports.connections import Connection
from domain.ports.limits import Limiter
from domain.projections.views import Views
from domain.protocol.server import server_frame
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from tests.support.views import MemoryViews

MASTER = bytes(range(32))
BATCH = 10
"""Records that a FIFO queue hands over at a time."""


class Clock:
    """Counts: each look at the time is a millisecond later. `wait` moves it on."""

    def __init__(self) -> None:
        self._start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._ticks = count()
        self._waited = 0.0

    def wait(self, seconds: float) -> None:
        self._waited += seconds

    def _time(self) -> datetime:
        return self._start + timedelta(milliseconds=next(self._ticks), seconds=self._waited)

    def now(self) -> str:
        return self._time().isoformat(timespec="microseconds")

    def seconds(self) -> float:
        return self._time().timestamp()


def memory_chat(
    *,
    clock: Clock | None = None,
    recorder: AggregateRecorder | None = None,
    views: Views | None = None,
    limiter: Limiter | None = None,
    keys: MemoryKeys | None = None,
) -> Chat:
    """Returns use cases over memory, deciding at once; ports may be swapped."""
    clock = clock or Clock()
    views = views or MemoryViews()
    log = EventLog(recorder or MemoryEvents(), MemorySnapshots())
    return Chat(
        Services(
            log=log,
            executor=DirectExecutor(log, views, pause=lambda seconds: None),
            views=views,
            progress=MemoryProgress(),
            vault=AesVault(keys or MemoryKeys(), MASTER, OpenSslCipher),
            accounts=MemoryAccounts(),
            connections=MemoryConnections(),
            gateway=RecordingGateway(),
            limiter=limiter or TokenBuckets(0),
            background=InlineBackground(),
            now=clock.now,
            seconds=clock.seconds,
        )
    )


def records(chat: Chat, after: int = 0) -> list[tuple[int, Record]]:
    """Returns the log's notifications above an id, as queue records."""
    recorder = chat.services.log.recorder
    assert isinstance(recorder, ApplicationRecorder)
    found = recorder.select_notifications(after, 1_000_000, inclusive_of_start=False)
    return [(notice.id, Record(str(notice.id), envelope(notice))) for notice in found]


def run_consumers(chat: Chat, consumers: Sequence[str] | None = None) -> None:
    """Feeds what is new in the log to the consumers (all three by default), batch by batch,
    until none has anything left: `track_memberships` appends to people's logs."""
    progress = chat.services.progress
    busy = True
    while busy:
        busy = False
        for name in consumers or list(chat.consuming):
            todo = records(chat, progress.position(name))
            for start in range(0, len(todo), BATCH):
                batch = todo[start : start + BATCH]
                assert chat.apply_records(name, [record for _, record in batch]) == []
                progress.advance(name, batch[-1][0])
                busy = True


@dataclass(frozen=True)
class Someone:
    """A person with one connection, which is their id's name."""

    chat: Chat
    user: str
    token: str
    connection: Connection

    def send(self, **frame: Any) -> list[dict[str, Any]]:
        """Sends a client frame (with an id of its own unless one is given); returns what the
        connection got meanwhile."""
        if frame["action"] not in ("typing", "ping"):
            frame.setdefault("id", f"{self.connection.id}-{next(_ids)}")
        Receiving(self.chat).receive(self.connection, orjson.dumps(frame).decode())
        return self.frames()

    def frames(self) -> list[dict[str, Any]]:
        """Takes the frames that were posted to the connection; each is of the wire's shape."""
        gateway = self.chat.services.gateway
        assert isinstance(gateway, RecordingGateway)
        return [shown(frame) for frame in gateway.frames.pop(self.connection.id, [])]

    def sync(self, **rooms: int | None) -> list[dict[str, Any]]:
        """Syncs rooms, whose names here have `_` for `-`."""
        return self.send(action="sync", rooms={r.replace("_", "-"): v for r, v in rooms.items()})

    def another(self, connection: str) -> "Someone":
        """Returns the same person with a further connection."""
        opened = Connection(connection, self.user, self.connection.session)
        self.chat.services.connections.open(opened)
        return Someone(self.chat, self.user, self.token, opened)


def admit(owner: Someone, other: Someone, room: str, role: str = "member") -> None:
    """Has somebody invite a stranger to a private room, and the stranger accept."""
    for who, frame in (
        (owner, {"action": "add_member", "user": other.user, "role": role}),
        (other, {"action": "join"}),
    ):
        assert who.send(room=room, **frame)[-1]["type"] == "ack"


def old_private_room(owner: Someone, room: str) -> None:
    """Puts a private room into the log whose id can be guessed, as earlier releases took it."""
    services = owner.chat.services
    name = cast(Person, services.log.read(owner.user)).name
    common: dict[str, Any] = {"originator_id": room, "by": owner.user, "at": services.now()}
    common |= {"recorded_at": common["at"], "id": f"old {room}", "digest": ""}
    words = services.vault.seal(owner.user, room)
    created = RoomCreated(originator_version=1, name=words, kind="private", **common)
    joined = MemberJoined(originator_version=2, user=owner.user, name=name, role="owner", **common)
    services.log.recorder.insert_events(services.log.stored([created, joined]))


_ids = count(1)


def shown(frame: bytes) -> dict[str, Any]:
    """Decodes a server frame, held against the wire models."""
    server_frame.validate_json(frame)
    decoded: dict[str, Any] = orjson.loads(frame)
    return decoded


def person(chat: Chat, nickname: str, name: str | None = None) -> Someone:
    """Registers `u_NICKNAME` with a live session (token `token-NICKNAME`) and connects them.

    They are called `name`, or by the nickname.

    Ids are not random here as `Entering.enter` makes them, so that runs are alike.
    """
    services, user, token = chat.services, f"u_{nickname.lower()}", f"token-{nickname}"
    services.vault.create([user])
    session = hashed(token)[:32]
    now = services.now()
    common: dict[str, Any] = {"by": user, "at": now, "recorded_at": now, "digest": ""}
    words = services.vault.seal(user, name or nickname)
    commands = [
        Register(id=f"register:{user}", name=words, **common),
        StartSession(id=f"session:{session}", session=session, **common),
    ]
    versions_of(outcomes_of(services.executor, [(user, commands)])[0])
    kept = Session(user, session, services.seconds() + 86_400.0)
    services.accounts.put_session(hashed(token), kept)
    connection = Connection(nickname, user, session)
    services.connections.open(connection)
    return Someone(chat, user, token, connection)
