"""Views over each of the three stores."""

from collections.abc import Mapping
from typing import Any

from adapters.dynamodb.table import Table
from adapters.dynamodb.views import DynamoStore
from adapters.memory.views import MemoryStore
from adapters.sqlite.database import Database
from adapters.sqlite.views import SqliteStore
from domain.projections.rows import MARKS, OPEN, person_stream, room_stream
from domain.projections.store import Fold, Head, Patch
from domain.projections.views import Views
from domain.room.view import RoomView


class NoWords:
    """A vault that opens nothing."""

    def open(self, sealed: Any) -> None:
        return None

    def blind(self, text: str) -> str:
        return text

    def forget(self, user: str) -> None:
        """Nothing is remembered."""


class EditedViews(Views):
    """Views that tests write to themselves, as the projector does."""

    def listed_rooms(self, after: str = "", limit: int | None = None) -> list[str]:
        """Returns the ids of public and broadcast rooms in order: those above `after`, at most
        `limit`."""
        return [s[2:] for s in self.store.under(OPEN, room_stream(after) if after else "", limit)]

    def base(self, room: str) -> Head:
        return self.store.base(room_stream(room))

    def save_onto(self, room: str, base: Head, view: RoomView) -> bool:
        return self.store.save(room_stream(room), base.version, self.fold_of(base, view))

    def reset_room(self, room: str) -> None:
        self.store.reset(room_stream(room))

    def person_version(self, user: str) -> int:
        return self.store.base(person_stream(user)).version

    def save_person(self, user: str, expected: int, version: int, marks: Mapping[str, int]) -> bool:
        patches = [Patch(f"{MARKS}{room}", {"mark": mark}) for room, mark in marks.items()]
        return self.store.save(person_stream(user), expected, Fold(Head(version), patches=patches))

    def reset_person(self, user: str) -> None:
        self.store.reset(person_stream(user))

    def forget_person(self, user: str) -> None:
        self.forget_marks(user)
        self.forget_names(user)


class MemoryViews(EditedViews):
    def __init__(self) -> None:
        self.memory = MemoryStore()
        super().__init__(self.memory)


class SqliteViews(EditedViews):
    def __init__(self, database: Database) -> None:
        super().__init__(SqliteStore(database))


class DynamoViews(EditedViews):
    def __init__(self, table: Table, *arguments: Any, **named: Any) -> None:
        super().__init__(DynamoStore(table, *arguments, **named))


def save_room(views: Views, room: str, expected: int, view: RoomView) -> bool:
    """Saves a fold as the projector does that began at `expected`."""
    edited = EditedViews(views.store)
    base = edited.base(room)
    if base.version != expected:
        views.refresh(room)
        base = edited.base(room)
    return base.version == expected and edited.save_onto(room, base, view)
