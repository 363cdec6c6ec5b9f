"""Rows of the views: their keys, and what a fold writes. A STORAGE FORMAT, though one that a
rebuild makes anew."""

from collections.abc import Mapping
from typing import Any

import orjson

from adapters.dynamodb.table import Item
from domain.room.view import RoomView

OPEN, PRIVATE = "directory#open", "directory#private"
OPEN_KINDS = ("public", "broadcast")

NOT_NEWER = "attribute_not_exists(v) OR v <= :v"
"""The condition of a row's write: no fold that came further has written it."""


def directory(kind: str | None) -> str:
    """Returns the partition that lists rooms of a kind."""
    return OPEN if kind in OPEN_KINDS else PRIVATE


def message_key(version: int) -> str:
    return f"m#{version:016d}"


def version_in(sk: str) -> int:
    return int(sk.removeprefix("m#"))


def member_key(user: str) -> str:
    return f"u#{user}"


def user_in(sk: str) -> str:
    return sk.removeprefix("u#")


def message_item(pk: str, view: RoomView, version: int) -> Item:
    """Returns a message's row as a fold leaves it."""
    message = view.messages[version]
    return {
        "pk": pk,
        "sk": message_key(version),
        "v": view.version,
        "n": message["n"],
        # As one text: it is smaller than a map, and reactions keep their order.
        "message": orjson.dumps(message).decode(),
    }


def member_of(row: Mapping[str, Any], posted: int = 0) -> dict[str, Any]:
    """Returns `{name, role, posted}` of a member's row; `posted` is what the head tells of it."""
    newest = max(row.get("posted", 0), posted)
    return {"name": row.get("name"), "role": row.get("role"), "posted": newest}


def member_update(view: RoomView, user: str, posted: int | None) -> dict[str, Any]:
    """Returns `Table.update`'s arguments for what a fold changed of a member, with the version of
    their newest post where the row is to be told.

    Those present have `member`, by which the index finds their rooms.
    """
    fields = dict(view.members.get(user, {}))
    if posted is not None:
        fields["posted"] = posted
    gone = "role" in fields and fields["role"] is None
    if fields.get("role") is not None:
        fields["member"] = user
    names = {f"#{name}": name for name in fields} | ({"#member": "member"} if gone else {})
    sets = "".join(f", #{name} = :{name}" for name in fields)
    return {
        "expression": f"SET v = :v{sets}" + (" REMOVE #member" if gone else ""),
        "names": names,
        "values": {":v": view.version, **{f":{name}": value for name, value in fields.items()}},
    }
