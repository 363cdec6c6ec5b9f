"""A rebuild reads log by log: rooms whose events lie between each other are written seldom."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.sqlite.views import SqliteStore
from domain.log import mapper
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted
from local.folder import DataFolder
from local.rebuilding import rebuild
from local.stores import Stores
from tests.support.aggregates import happened, sealed, stand

ROOMS, EVENTS = 20, 12
ANN = "u_ann"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    folder = DataFolder(tmp_path)
    opened = Stores(folder)
    yield opened
    opened.close()
    folder.close()


def past(number: int) -> Any:
    """Returns what happened in a room as its event of a number."""
    name = sealed(ANN)
    if number == 1:
        return happened(RoomCreated, ANN, name=name, kind="public")
    if number == 2:
        return happened(MemberJoined, ANN, user=ANN, name=name, role="owner")
    text = sealed(ANN, f"{number}")
    said = {"text": text, "n": number - 2, "reply_to": None, "notify": []}
    return happened(MessagePosted, ANN, kind="text", **cast(dict[str, Any], said))


def append(stores: Stores, numbers: range) -> None:
    """Appends to all rooms in turn."""
    for number in numbers:
        events = [stand(f"room-{room}", number, past(number)) for room in range(ROOMS)]
        stores.events.events.insert_events([mapper.to_stored_event(one) for one in events])


def test_each_room_is_written_once(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the log it would be six times: two events of each room are a page."""
    monkeypatch.setattr("local.rebuilding.PAGE", 2 * ROOMS)
    append(stores, range(1, EVENTS + 1))
    saved: list[str] = []
    save = SqliteStore.save

    def counted(self: SqliteStore, stream: str, *rest: Any) -> bool:
        saved.append(stream)
        return save(self, stream, *rest)

    monkeypatch.setattr(SqliteStore, "save", counted)
    told: list[tuple[int, int]] = []
    rebuild(stores, None, lambda done, of: told.append((done, of)))
    assert sorted(saved) == sorted(f"R#room-{room}" for room in range(ROOMS))
    assert told[-1] == (ROOMS * EVENTS, ROOMS * EVENTS)
    header = stores.views.header("room-7")
    assert header is not None
    assert (header["version"], header["n"]) == (EVENTS, EVENTS - 2)


def test_what_comes_meanwhile_is_folded_once(stores: Stores) -> None:
    """Rooms that grow, and one that is new, while the rebuild reads."""
    append(stores, range(1, 4))
    grown = False

    def grow(done: int, of: int) -> None:
        nonlocal grown
        if not grown:
            grown = True
            append(stores, range(4, EVENTS + 1))
            late = [stand("late", number, past(number)) for number in range(1, 4)]
            stores.events.events.insert_events([mapper.to_stored_event(one) for one in late])

    rebuild(stores, None, grow)
    rows = [row for row in stores.views.dump() if "kind" in row and "message" not in row]
    assert {row["room"]: row["version"] for row in rows} == {
        **{f"room-{room}": EVENTS for room in range(ROOMS)},
        "late": 3,
    }
    assert len(stores.views.page("room-3", None, 50)) == EVENTS - 2
    assert stores.progress.position("project_views") == stores.events.events.max_notification_id()


def test_an_event_that_cannot_be_read_is_parked_and_gone_past(stores: Stores) -> None:
    append(stores, range(1, 6))
    with stores.events.datastore.transaction(commit=True) as cursor:
        cursor.execute(
            "UPDATE stored_events SET state=? WHERE originator_id=? AND originator_version=?",
            (b"{}", "room-5", 4),
        )
    rebuild(stores, None, lambda done, of: None)
    (parked,) = stores.progress.parked()
    assert (parked.consumer, parked.stream, parked.version) == ("project_views", "room-5", 4)
    header = stores.views.header("room-5")
    assert header is not None
    assert header["version"] == 5
