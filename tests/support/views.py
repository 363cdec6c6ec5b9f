"""Views over each of the three stores."""

from typing import Any

from adapters.dynamodb.table import Table
from adapters.dynamodb.views import DynamoStore
from adapters.memory.views import MemoryStore
from adapters.sqlite.database import Database
from adapters.sqlite.views import SqliteStore
from domain.projections.views import Views
from domain.room.view import RoomView


class MemoryViews(Views):
    def __init__(self) -> None:
        self.memory = MemoryStore()
        super().__init__(self.memory)


class SqliteViews(Views):
    def __init__(self, database: Database) -> None:
        super().__init__(SqliteStore(database))


class DynamoViews(Views):
    def __init__(self, table: Table, *arguments: Any, **named: Any) -> None:
        super().__init__(DynamoStore(table, *arguments, **named))


def save_room(views: Views, room: str, expected: int, view: RoomView) -> bool:
    """Saves a fold as the projector does that began at `expected`."""
    base = views.base(room)
    if base.version != expected:
        views.refresh(room)
        base = views.base(room)
    return base.version == expected and views.save_onto(room, base, view)
