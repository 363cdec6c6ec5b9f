"""Views in one DynamoDB table.

| pk | sk | item |
|---|---|---|
| `R#room`, `P#user` | `head` | generation, version, a room's header; `posted`, see below |
| `R#room#generation` | `m#version` | a message; `v` |
| `R#room#generation` | `u#user` | a member; `v`; `member` while present, for the index |
| `P#user#generation` | `mark#room` | a read mark; `v` |
| `directory#open`, `directory#private` | room | that there is the room |
| `generations` | stream#generation | what may be deleted later (adapters/dynamodb/generations.py) |

A save writes its rows first, each on the condition that it is not of a later fold (`v`), then the
head, on the condition that nobody moved it: no transaction, one write a row (docs/adr/0009).

The version of a member's newest post stands in the head first, for at most WRITERS of them, and
in their rows once there are more: a message so costs two writes rather than three.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson

from adapters.dynamodb.heads import POSTED, Head, Heads, partition, stream_of
from adapters.dynamodb.table import ConditionFailed, Item, Table
from adapters.dynamodb.view_rows import (
    NOT_NEWER,
    OPEN,
    PRIVATE,
    directory,
    member_key,
    member_of,
    member_update,
    message_item,
    message_key,
    user_in,
    version_in,
)
from domain.log import is_person
from domain.protocol.types import Sealed
from domain.room.view import Message, RoomView

FEW = 4
"""Rows that are written one after the other; more are written at once."""

WRITERS = 16
"""People whose newest post a head holds, some 25 bytes each: it stays under 1 KB, a write unit."""

WORKERS = 8
"""Writes at once; boto3's pool has ten connections."""


class DynamoViews:
    """Implements the Views port.

    Parameters
    ----------
    building: a generation that nobody reads yet; None for the live views.
    workers: rows written at once; 1 for one after the other.
    """

    def __init__(
        self,
        table: Table,
        building: int | None = None,
        workers: int = WORKERS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._heads = Heads(table, building, monotonic)
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None

    # Rooms

    def header(self, room: str) -> dict[str, Any] | None:
        return self._heads.read(room).header()

    def headers(self, rooms: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = {room: head.header() for room, head in self._heads.read_many(rooms).items()}
        return {room: header for room, header in found.items() if header is not None}

    def fold_base(self, room: str) -> dict[str, Any] | None:
        return self._heads.base(room).header()

    def refresh(self, stream: str) -> None:
        self._heads.forget(stream)

    def listed_rooms(self, after: str = "", limit: int | None = None) -> list[str]:
        condition, values = "pk = :pk", {":pk": OPEN}
        if after:
            condition, values = f"{condition} AND sk > :after", {**values, ":after": after}
        found = self._table.query(condition, values=values, projection="sk", limit=limit)
        return [item["sk"] for item in found]

    # Messages

    def message(self, room: str, version: int) -> Message | None:
        found = self.folded_message(room, version)
        return None if found is None else found[0]

    def folded_message(self, room: str, version: int) -> tuple[Message, int] | None:
        row = self._row(room, message_key(version))
        return None if row is None else (orjson.loads(row["message"]), row["v"])

    def messages_at(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Message]:
        rows = self._rows([(room, message_key(version)) for room, version in keys])
        return {
            (room, version_in(sk)): orjson.loads(row["message"]) for (room, sk), row in rows.items()
        }

    def page(self, room: str, before: int | None, limit: int) -> list[Message]:
        last = "m#~" if before is None else message_key(before - 1)
        rows = self._between(room, "m#", last, descending=True, limit=limit)
        return [orjson.loads(row["message"]) for row in rows][::-1]

    def ordinal(self, room: str, version: int) -> int:
        last = message_key(version)
        for row in self._between(room, "m#", last, descending=True, limit=1, projection="n"):
            return int(row["n"])
        return 0

    def ordinals(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Reads the messages of just those versions in batches: a mark is a message's version, as
        a rule. For a key that is none there is a Query, several at once."""
        rows = self._rows([(room, message_key(version)) for room, version in keys])
        found = {(room, version_in(sk)): int(row["n"]) for (room, sk), row in rows.items()}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if len(missing) <= FEW or self._workers <= 1:
            return found | {key: self.ordinal(*key) for key in missing}
        searched = self._threads().map(lambda key: self.ordinal(*key), missing)
        return found | dict(zip(missing, searched, strict=True))

    # Members

    def member(self, room: str, user: str) -> dict[str, Any] | None:
        # The head first: what it no longer holds was in the row before.
        posted = self._heads.read(room).posted()
        row = self._row(room, member_key(user))
        if row is None and user not in posted:
            return None
        return member_of(row or {}, posted.get(user, 0))

    def members(self, room: str, after: str, limit: int) -> list[dict[str, Any]]:
        present = "attribute_exists(#member)"
        names = {"#member": "member"}
        # The first key above `after`: no id has a NUL in it.
        first = f"u#{after}\x00" if after else "u#"
        rows = self._between(room, first, "u#~", filter=present, names=names, limit=limit)
        return [
            {"user": user_in(row["sk"]), "name": row.get("name"), "role": row["role"]}
            for row in rows
        ]

    def names(self, room: str, users: Sequence[str]) -> dict[str, Sealed]:
        return {user: name for (_, user), name in self.names_of([(room, u) for u in users]).items()}

    def names_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Sealed]:
        rows = self._rows([(room, member_key(user)) for room, user in keys])
        return {(room, user_in(sk)): member_of(r)["name"] for (room, sk), r in rows.items()}

    def rooms_of(
        self, user: str, after: str = "", limit: int | None = None
    ) -> list[tuple[str, str, int]]:
        # Above every generation of the room `after`, and below any other room's.
        last = f"R#{after}#~" if after else "R#"
        rooms: list[tuple[str, str, int]] = []
        while limit is None or len(rooms) < limit:
            found = list(
                self._table.query(
                    "#member = :user AND pk > :last",
                    values={":user": user, ":last": last},
                    names={"#member": "member"},
                    index="by_member",
                    projection="pk",
                    limit=limit,
                )
            )
            rooms += self._current(user, found)
            if limit is None or len(found) < limit:
                break
            last = found[-1]["pk"]
        return rooms[:limit]

    def _current(self, user: str, found: Sequence[Item]) -> list[tuple[str, str, int]]:
        """Returns the user's rooms among places of the index, which has every generation's."""
        wanted = [place for item in found if (place := stream_of(item["pk"])) is not None]
        heads = self._heads.read_many({room for room, _ in wanted})
        current = [
            r for r, generation in wanted if r in heads and heads[r].generation == generation
        ]
        rows = self._rows([(room, member_key(user)) for room in current if heads[room].version])
        mine = {
            room: member_of(row, heads[room].posted().get(user, 0))
            for (room, _), row in rows.items()
        }
        return [
            (room, row["role"], row["posted"])
            for room, row in sorted(mine.items())
            if row["role"] is not None
        ]

    def roles_of(self, user: str, rooms: Sequence[str]) -> dict[str, str]:
        rows = self._rows([(room, member_key(user)) for room in rooms])
        roles = {room: member_of(row)["role"] for (room, _), row in rows.items()}
        return {room: role for room, role in roles.items() if role is not None}

    # Rows

    def _row(self, stream: str, sk: str) -> Item | None:
        generation = self._heads.generation(stream)
        return self._table.get({"pk": partition(stream, generation), "sk": sk})

    def _rows(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        generations = self._heads.generations([stream for stream, _ in places])
        keys = {(partition(s, generations[s]), sk): (s, sk) for s, sk in places}
        items = self._table.get_many([{"pk": pk, "sk": sk} for pk, sk in keys])
        return {keys[item["pk"], item["sk"]]: item for item in items}

    def _between(self, stream: str, first: str, last: str, **more: Any) -> Iterator[Item]:
        pk = partition(stream, self._heads.generation(stream))
        if first > last:
            return iter(())
        return self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            values={":pk": pk, ":first": first, ":last": last},
            **more,
        )

    # Folding

    def save_room(self, room: str, expected: int, view: RoomView) -> bool:
        head = self._heads.base(room, expected)
        if head.version != expected:
            return False
        pk = partition(room, head.generation)
        posted = {**head.posted(), **view.posted}
        # Of who joined or left, the row is written anyway.
        told = set(posted) if len(posted) > WRITERS else posted.keys() & view.members.keys()
        writes = [partial(self._put_message, pk, view, version) for version in sorted(view.changed)]
        writes += [
            partial(self._update_member, pk, view, user, posted.get(user))
            for user in sorted({*view.members, *told})
        ]
        self._write(writes)
        if not expected and self._heads.building is None:
            self._table.put({"pk": directory(view.kind), "sk": room})
        left = {user: version for user, version in posted.items() if user not in told}
        fields = {**view.header(), POSTED: left}
        return self._heads.move(room, head, fields.pop("version"), fields)

    def _put_message(self, pk: str, view: RoomView, version: int) -> None:
        item = message_item(pk, view, version)
        self._table.put(item, condition=NOT_NEWER, values={":v": view.version})

    def _update_member(self, pk: str, view: RoomView, user: str, posted: int | None) -> None:
        key = {"pk": pk, "sk": member_key(user)}
        self._table.update(key, **member_update(view, user, posted), condition=NOT_NEWER)

    def _write(self, writes: Sequence[Callable[[], None]]) -> None:
        """Writes rows; one that is refused is of a later fold, and stays."""
        if len(writes) <= FEW or self._workers <= 1:
            for write in writes:
                _guarded(write)
            return
        for done in [self._threads().submit(_guarded, write) for write in writes]:
            done.result()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="parley-views")
        return self._pool

    def reset_room(self, room: str) -> None:
        for listed in (OPEN, PRIVATE):
            self._table.delete({"pk": listed, "sk": room})
        self._reset(room)

    # People

    def person_version(self, user: str) -> int:
        return self._heads.base(user).version

    def marks(self, user: str, rooms: Sequence[str] | None = None) -> dict[str, int]:
        if rooms is not None and not rooms:
            return {}
        pk = partition(user, self._heads.read(user).generation)
        # One Query of the range that the rooms are in: their marks lie close together in it.
        first, last = (min(rooms), max(rooms)) if rooms else ("", "~")
        rows = self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            values={":pk": pk, ":first": f"mark#{first}", ":last": f"mark#{last}"},
        )
        marks = {row["sk"].removeprefix("mark#"): row["mark"] for row in rows}
        return marks if rooms is None else {r: marks[r] for r in rooms if r in marks}

    def save_person(self, user: str, expected: int, version: int, marks: Mapping[str, int]) -> bool:
        head = self._heads.base(user, expected)
        if head.version != expected:
            return False
        pk = partition(user, head.generation)
        self._write([partial(self._put_mark, pk, room, version, marks[room]) for room in marks])
        return self._heads.move(user, head, version, {})

    def _put_mark(self, pk: str, room: str, version: int, mark: int) -> None:
        item = {"pk": pk, "sk": f"mark#{room}", "v": version, "mark": mark}
        self._table.put(item, condition=NOT_NEWER, values={":v": version})

    def forget_person(self, user: str) -> None:
        pk = partition(user, self._heads.read(user).generation)
        marks = self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)",
            values={":pk": pk, ":prefix": "mark#"},
            projection="pk, sk",
        )
        self._table.write_many(deletes=[{"pk": one["pk"], "sk": one["sk"]} for one in marks])
        # Of all generations: none of them is to show the name.
        rooms = self._table.query(
            "#member = :user",
            values={":user": user},
            names={"#member": "member"},
            index="by_member",
            projection="pk",
        )
        self._write([partial(self._forget_name, one["pk"], user) for one in rooms])

    def _forget_name(self, pk: str, user: str) -> None:
        self._table.update(
            {"pk": pk, "sk": member_key(user)},
            "REMOVE #name",
            names={"#name": "name"},
            condition="attribute_exists(pk)",
        )

    def reset_person(self, user: str) -> None:
        self._reset(user)

    def _reset(self, stream: str) -> None:
        """Begins the stream anew under the next generation, so that a fold in flight writes its
        rows where nobody reads."""
        head = self._heads.read(stream)
        key = self._heads.key(stream)
        if head.version and self._heads.building is None:
            self._table.put({**key, "generation": head.generation + 1, "version": 0})
        else:
            self._table.delete(key)
        self._heads.forget(stream)
        self.delete_rows(stream, head.generation)

    def delete_rows(self, stream: str, generation: int) -> int:
        """Deletes a generation's rows; returns how many that were."""
        values = {":pk": partition(stream, generation)}
        rows = self._table.query("pk = :pk", values=values, projection="pk, sk")
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
        self._table.write_many(deletes=keys)
        return len(keys)

    # An operator's

    def dump(self) -> Iterator[dict[str, Any]]:
        """Scans for the heads, then queries stream by stream."""
        for stream, head in self._heads.every():
            if is_person(stream):
                marks = dict(sorted(self.marks(stream).items()))
                yield {"person": stream, "version": head.version, "marks": marks}
            else:
                yield {"room": stream, **(head.header() or {})}
                yield from self._dump_rows(stream, head)

    def _dump_rows(self, room: str, head: Head) -> Iterator[dict[str, Any]]:
        pk = partition(room, head.generation)
        # In one order of keys: messages, then members, who are shown first.
        messages, members = [], {user: member_of({}, v) for user, v in head.posted().items()}
        for row in self._table.query("pk = :pk", values={":pk": pk}):
            if row["sk"].startswith("u#"):
                user = user_in(row["sk"])
                members[user] = member_of(row, head.posted().get(user, 0))
            elif row["sk"].startswith("m#"):
                messages.append(row["message"])
        for user, member in sorted(members.items()):
            yield {"room": room, "user": user, **member}
        for message in messages:
            yield {"room": room, "message": orjson.loads(message)}

    def clear(self) -> None:
        self._heads.forget_all()
        keys = self._table.every(ProjectionExpression="pk, sk")
        self._table.write_many(deletes=[{"pk": key["pk"], "sk": key["sk"]} for key in keys])
        self._heads.forget_all()


def _guarded(write: Callable[[], None]) -> None:
    try:
        write()
    except ConditionFailed:
        return
