"""A room whose members are all connected, and messages in it."""

import time
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

from adapters.dynamodb.connections import LIFETIME, PARTS
from adapters.dynamodb.table import Table
from domain.aggregate import Command
from domain.chat.sessions import hashed
from domain.consuming import Record
from domain.executing import outcomes_of, versions_of
from domain.log import envelope
from domain.person.lifecycle import Register
from domain.person.sessions import StartSession
from domain.ports.accounts import Session
from domain.room.invitations import Join
from domain.room.lifecycle import CreateRoom
from local.payloads import authorizer_event, socket_context, socket_event
from tools.cost.stack import Stack

ROOM = "ubuntu-support"
TEXT = "have you tried to boot with the older kernel from grub?!"
"""56 bytes, the mean of 11,612 messages of #ubuntu (tests/fixtures/irc has some of them)."""

AUTHORS = 5
PING_ROOMS = 5
"""Number of rooms in a ping."""

SESSION = "5" * 32
CHUNK = 90
"""Commands of one transaction, which takes 100 events."""


class Talk:
    """A public room of `members`, all connected; a few of them write in turn."""

    def __init__(self, stack: Stack, members: int) -> None:
        self.stack = stack
        self.members = members
        self.users = [f"u_{number:013d}" for number in range(members)]
        self.connections = [f"Dq3{number:09d}AcCI=" for number in range(members)]
        self.authors = min(AUTHORS, members)
        self._sent = self._marked = 0
        self._enter()
        self._connect()
        self._seen = self._head()

    # Setup, which is not counted

    def _enter(self) -> None:
        chat = self.stack.chat("socket_message", False)
        services = chat.services
        services.vault.create(self.users[: self.authors])
        now = services.now()
        # For people who never write, names sealed under an author's key have the same size.
        names = [
            services.vault.seal(self.users[i % self.authors], f"member-{i}")
            for i in range(self.members)
        ]

        def base(user: str, what: str) -> dict[str, Any]:
            return {
                "by": user,
                "id": f"{what}:{user}",
                "at": now,
                "recorded_at": now,
                "digest": services.vault.digest(self.users[0], user.encode()),
            }

        for user, name in list(zip(self.users, names, strict=True))[: self.authors]:
            registered = [
                Register(name=name, **base(user, "register")),
                StartSession(session=SESSION, **base(user, "session")),
            ]
            versions_of(outcomes_of(services.executor, [(user, registered)])[0])
        owner, name = self.users[0], names[0]
        commands: list[Command] = [
            CreateRoom(name=name, kind="public", member_name=name, **base(owner, "create"))
        ]
        others = list(zip(self.users, names, strict=True))[1:]
        commands += [Join(name=name, **base(user, "join")) for user, name in others]
        for start in range(0, len(commands), CHUNK):
            chunk = commands[start : start + CHUNK]
            versions_of(outcomes_of(services.executor, [(ROOM, chunk)])[0])
        self._project([ROOM, *self.users[: self.authors]])

    def _project(self, logs: Sequence[str]) -> None:
        services = self.stack.chat("project_views").services
        for log in logs:
            stored = services.log.recorder.select_events(log)
            records = [Record(str(i), envelope(one)) for i, one in enumerate(stored)]
            assert not self.stack.chat("project_views").apply_records("project_views", records)

    def _connect(self) -> None:
        """Writes the room's rows as `sync` leaves them (adapters/dynamodb/connections.py)."""
        lapse = int(time.time()) + LIFETIME
        own = [
            {"pk": f"U#{user}", "sk": f"C#{connection}", "session": SESSION, "expires": lapse}
            for user, connection in zip(self.users, self.connections, strict=True)
        ]
        table = Table(self.stack.plain["dynamodb"], "cost-connections")
        rows = [
            {
                "pk": f"R#{ROOM}",
                "sk": f"{zlib.crc32(connection.encode()) % PARTS:02x}#{connection}",
                "user": user,
                "expires": lapse,
            }
            for user, connection in zip(self.users, self.connections, strict=True)
        ]
        table.write_many(puts=[*rows, *own[: self.authors]])

    # Messages

    def _context(self, number: int) -> dict[str, Any]:
        user = self.users[number]
        return {
            "connectionId": self.connections[number],
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "authorizer": {"principalId": user, "user": user, "session": SESSION},
        }

    def send(self, action: str, fast: bool = True, by: int | None = None, **fields: Any) -> None:
        """Sends a frame of an author."""
        self._sent += 1
        number = self._sent % self.authors if by is None else by
        frame: dict[str, Any] = {"action": action}
        if action == "ping":
            frame |= self._held(number)
        else:
            frame |= {"room": ROOM, **fields}
        if action not in ("ping", "typing"):
            # Has the length of the browser's ids.
            frame["id"] = f"0d3a8f51-6c2e-4b7a-9f10-{self._sent:012d}"
        self.stack.frame(self._context(number), orjson.dumps(frame).decode(), fast)

    def _held(self, number: int) -> dict[str, Any]:
        """Returns the ping of an up-to-date person in PING_ROOMS rooms. A log without events
        represents the other rooms: checking it costs the same read."""
        others = {f"{ROOM}-{other}": 0 for other in range(1, PING_ROOMS)}
        return {"rooms": {ROOM: self._head(), **others}, "user": self._head(self.users[number])}

    def post(self, fast: bool, *, quiet: bool = False) -> None:
        self.send("post", fast, text=TEXT, **({"quiet": True} if quiet else {}))

    def _head(self, log: str = ROOM) -> int:
        found = self.stack.plain["dynamodb"].query(
            TableName="cost-events",
            KeyConditionExpression="#log = :log",
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues={":log": {"S": log}},
            ScanIndexForward=False,
            Limit=1,
        )["Items"]
        return int(found[0]["version"]["N"])

    def spread(self, log: str = ROOM, after: int | None = None) -> None:
        """Delivers everything that was written: stream, topic, queues, consumers."""
        since = self._seen if after is None else after
        found = self.stack.plain["dynamodb"].query(
            TableName="cost-events",
            KeyConditionExpression="#log = :log AND #version > :after",
            ExpressionAttributeNames={"#log": "log", "#version": "version"},
            ExpressionAttributeValues={":log": {"S": log}, ":after": {"N": str(since)}},
        )["Items"]
        if after is None:
            self._seen += len(found)
        self.stack.invoke("relay_events", self.stack.stream(found))
        if self.stack.meter is not None:
            self.stack.invoke("archive_events", self.stack.stream(found))
        self.stack.drain("views", "project_views")
        self.stack.drain("delivery", "deliver")

    def alone(self, messages: int, fast: bool, *, quiet: bool = False) -> None:
        """Sends messages, each once all before are delivered."""
        for _ in range(messages):
            self.post(fast, quiet=quiet)
            self.spread()

    def backlog(self, messages: int, fast: bool) -> None:
        """Sends messages that are delivered at once."""
        for _ in range(messages):
            self.post(fast)
        self.spread()

    # Other actions

    def read(self) -> None:
        """Moves an author's read mark, which their own connections get as a push."""
        user = self.users[1]
        before = self._head(user)
        self._marked += 1
        self.send("read", by=1, version=self._marked)
        self.spread(user, before)
        assert self._head(user) == before + 1

    def come_and_go(self) -> None:
        """Connects a person again, syncs the room without missed events, and disconnects."""
        user, connection = self.users[0], "Dq3GONEBYNOWAcC="
        # They have no other connection: everybody in the room is told that they come and go.
        table = Table(self.stack.plain["dynamodb"], "cost-connections")
        own = table.query("pk = :pk", values={":pk": f"U#{user}"})
        table.write_many(deletes=[{"pk": row["pk"], "sk": row["sk"]} for row in list(own)])
        session = Session(user, SESSION, time.time() + 86_400.0)
        ticket = f"ticket-{time.time_ns()}"
        accounts = self.stack.chat("authorize").services.accounts
        accounts.put_ticket(hashed(ticket), session)
        domain = "abcdefghij.execute-api.us-east-1.amazonaws.com"
        self.stack.invoke("authorize", authorizer_event(ticket, domain))
        known = {"user": user, "session": SESSION}
        context = socket_context(connection, known, domain)
        self.stack.invoke("socket_connect", socket_event({**context, "routeKey": "$connect"}))
        sync = {"action": "sync", "id": "s" * 36, "rooms": {ROOM: self._seen}}
        self.stack.frame(context, orjson.dumps(sync).decode(), True)
        self.stack.invoke("socket_disconnect", socket_event(context))
        self.stack.drain("presence", "settle_presence")
