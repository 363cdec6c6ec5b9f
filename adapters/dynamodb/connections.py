"""Connections, by connection id, by person and by room.

    pk         sk
    C#ID       C             user, session       the connection: there while it is open
    U#USER     C#ID          session             a person's connections
    U#USER     R#ROOM#ID     seen                a person's rooms, by connection
    R#ROOM     HH#ID         user                a room's connections; HH spreads them evenly

All expire at `expires`, in seconds since the epoch. DynamoDB deletes them late, so reads leave out
expired items. The item under `U#` is authoritative for a subscription: the one under `R#` is
written after it and deleted with it.
"""

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from adapters.dynamodb.table import ConditionFailed, Item, Table, encode_item
from domain.ports.connections import Connection, Shard

LIFETIME = 2 * 3_600 + 15 * 60
"""Seconds that a connection is kept. API Gateway closes it after 2 hours."""

STALE = 2 * 3_600 + 5 * 60
"""Seconds after which a connection must be closed, even if no close was reported."""

YOUNG = 10
"""Seconds in which API Gateway may answer that a new connection is gone because it does not know it
yet."""

PARTS = 256
"""Values of HH."""

MEMORY = 1_000
"""Number of connections whose person is cached."""

Key = dict[str, str]


def _part(connection_id: str) -> int:
    return zlib.crc32(connection_id.encode()) % PARTS


def _within(connection_id: str, shard: Shard | None) -> bool:
    if shard is None:
        return True
    low, high = _range(shard)
    return low <= _part(connection_id) < high


def _range(shard: Shard) -> tuple[int, int]:
    """Returns the range of HH of a shard: from the first value to before the second."""
    part, of = shard
    return PARTS * part // of, PARTS * (part + 1) // of


def _connection_key(connection_id: str) -> Key:
    return {"pk": f"C#{connection_id}", "sk": "C"}


def _person_key(user: str, connection_id: str) -> Key:
    return {"pk": f"U#{user}", "sk": f"C#{connection_id}"}


def _own_key(user: str, room: str, connection_id: str) -> Key:
    return {"pk": f"U#{user}", "sk": f"R#{room}#{connection_id}"}


def _room_key(room: str, connection_id: str) -> Key:
    return {"pk": f"R#{room}", "sk": f"{_part(connection_id):02x}#{connection_id}"}


class DynamoConnections:
    """Implements the Connections port.

    Parameters
    ----------
    clock: returns seconds since the epoch.
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._known: OrderedDict[str, Item] = OrderedDict()

    # Opening and closing

    def open(self, connection: Connection) -> None:
        lapse = {"expires": int(self._clock()) + LIFETIME, "session": connection.session}
        items = (
            {**_connection_key(connection.id), "user": connection.user, **lapse},
            {**_person_key(connection.user, connection.id), **lapse},
        )
        # Both or none: nothing would ever find a half.
        self._transact([{"Put": {"Item": encode_item(item)}} for item in items])

    def close(
        self, connection_id: str, room: str | None = None
    ) -> tuple[Connection, list[str]] | None:
        # First, so that a concurrent subscription finds it gone (see `subscribe`), and so that only
        # one of several callers that close it reports it.
        item = self._table.delete(_connection_key(connection_id))
        self._known.pop(connection_id, None)
        if item is None:
            if room is not None:
                self._table.delete(_room_key(room, connection_id))
            return None
        user = item["user"]
        rooms = [at for at, one, _ in self._subscriptions(user) if one == connection_id]
        keys = [_person_key(user, connection_id)]
        for at in rooms:
            keys += [_own_key(user, at, connection_id), _room_key(at, connection_id)]
        self._table.write_many(deletes=keys)
        return Connection(connection_id, user, item["session"]), sorted(rooms)

    def stale(self) -> Iterator[str]:
        over = int(self._clock()) + LIFETIME - STALE
        found = self._table.every(
            FilterExpression="sk = :c AND expires < :over",
            ExpressionAttributeValues=encode_item({":c": "C", ":over": over}),
            ProjectionExpression="pk",
        )
        return (item["pk"][2:] for item in found)

    def young(self, connection_ids: Sequence[str]) -> Sequence[str]:
        items = self._table.get_many(
            [_connection_key(one) for one in dict.fromkeys(connection_ids)]
        )
        since = self._clock() - YOUNG + LIFETIME
        return [item["pk"][2:] for item in items if item["expires"] > since]

    # Subscribing

    def subscribe(self, connection_id: str, room: str, version: int = 0) -> bool:
        known = self._open_one(connection_id)
        if known is None:
            return False
        user, expires = known["user"], known["expires"]
        first = not self.in_room_of(user, room)
        own, row = _own_key(user, room, connection_id), _room_key(room, connection_id)
        with suppress(ConditionFailed):  # it has already seen a later version
            self._table.update(
                own,
                "SET seen = :seen, expires = :expires",
                values={":seen": version, ":expires": expires},
                condition="attribute_not_exists(seen) OR seen < :seen",
            )
        self._table.put({**row, "user": user, "expires": expires})
        # A close before these writes did not see the items; a later close does. So does
        # `unsubscribe`.
        there = self._table.get_many([_connection_key(connection_id), own])
        if len(there) == 2:
            return first
        if not any(item["sk"] == "C" for item in there):
            self._known.pop(connection_id, None)
            self._table.delete(own)
        self._table.delete(row)
        return False

    def _open_one(self, connection_id: str) -> Item | None:
        """Returns the connection's item, possibly cached; None if it is not open."""
        item = self._known.get(connection_id)
        if item is None:
            item = self._table.get(_connection_key(connection_id))
            if item is None:
                return None
            self._known[connection_id] = item
            if len(self._known) > MEMORY:
                self._known.popitem(last=False)
        return item if item["expires"] > self._clock() else None

    def unsubscribe(
        self, user: str, room: str, before: int | None = None, shard: Shard | None = None
    ) -> None:
        for _, connection_id, seen in self._subscriptions(user, room):
            if (before is None or seen < before) and _within(connection_id, shard):
                self._leave(user, room, connection_id, before)

    def _leave(self, user: str, room: str, connection_id: str, before: int | None) -> None:
        own: dict[str, Any] = {"Key": encode_item(_own_key(user, room, connection_id))}
        if before is not None:
            own["ConditionExpression"] = "attribute_not_exists(seen) OR seen < :before"
            own["ExpressionAttributeValues"] = encode_item({":before": before})
        row = {"Key": encode_item(_room_key(room, connection_id))}
        # Both or none, so that a retry finds what a failure left.
        with suppress(ConditionFailed):  # it has synced in the meantime
            self._transact([{"Delete": own}, {"Delete": row}])

    # Who is connected where

    def in_room(self, room: str, shard: Shard | None = None) -> Sequence[str]:
        return [_id_in(item) for item in self._rows(room, shard)]

    def some_in_room(self, room: str, limit: int) -> tuple[Sequence[str], int]:
        rows = list(self._query(room, None, limit + 1))
        found = [_id_in(row) for row in self._live(rows)]
        if len(rows) <= limit:
            return found, len(found)
        if len(found) <= limit:
            # Some of those have expired: only the rest show whether there are more.
            found = [_id_in(row) for row in self._rows(room)]
            return found[:limit], len(found)
        # HH spreads them evenly: how far these reach tells about how many there are.
        reached = int(rows[-1]["sk"][:2], 16) + 1
        return found[:limit], max(limit + 1, len(rows) * PARTS // reached)

    def of_user(self, user: str) -> Sequence[str]:
        return sorted(item["sk"][2:] for item in self._mine(user, "C#"))

    def of_session(self, user: str, session: str) -> Sequence[str]:
        mine = self._mine(user, "C#")
        return sorted(item["sk"][2:] for item in mine if item["session"] == session)

    def in_room_of(self, user: str, room: str) -> bool:
        return any(True for _ in self._mine(user, f"R#{room}#"))

    def online(self, room: str, limit: int) -> list[str]:
        page = self._table.query("pk = :pk", values={":pk": f"R#{room}"}, limit=limit)
        return list(dict.fromkeys(item["user"] for item in self._live(page)))

    def _rows(self, room: str, shard: Shard | None = None) -> Iterator[Item]:
        return self._live(self._query(room, shard, None))

    def _query(self, room: str, shard: Shard | None, limit: int | None) -> Iterator[Item]:
        """Yields a room's rows, including expired ones."""
        values: dict[str, Any] = {":pk": f"R#{room}"}
        condition = "pk = :pk"
        if shard is not None:
            low, high = _range(shard)
            # `$` comes after `#`.
            values |= {":low": f"{low:02x}#", ":high": f"{high - 1:02x}$"}
            condition += " AND sk BETWEEN :low AND :high"
        # Read consistently: a connection that has synced must not miss later events.
        return self._table.query(condition, values=values, limit=limit)

    def _mine(self, user: str, prefix: str) -> Iterator[Item]:
        values = {":pk": f"U#{user}", ":prefix": prefix}
        return self._live(self._table.query("pk = :pk AND begins_with(sk, :prefix)", values=values))

    def _subscriptions(self, user: str, room: str | None = None) -> Iterator[tuple[str, str, int]]:
        """Yields (room, connection, version seen), including expired ones."""
        prefix = "R#" if room is None else f"R#{room}#"
        values = {":pk": f"U#{user}", ":prefix": prefix}
        for item in self._table.query("pk = :pk AND begins_with(sk, :prefix)", values=values):
            _, at, connection_id = item["sk"].split("#", 2)
            yield at, connection_id, item["seen"]

    def _live(self, items: Iterable[Item]) -> Iterator[Item]:
        now = self._clock()
        return (item for item in items if item["expires"] > now)

    def _transact(self, requests: Sequence[dict[str, dict[str, Any]]]) -> None:
        items = [
            {kind: {"TableName": self._table.name, **more} for kind, more in request.items()}
            for request in requests
        ]
        self._table.call("transact_write_items", TransactItems=items)


def _id_in(row: Item) -> str:
    """Returns the connection of a room's row."""
    return str(row["sk"][3:])
