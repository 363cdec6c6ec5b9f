"""Snapshots of any size: in DynamoDB they stand in parts."""

import hashlib

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    OperationalError,
)

from adapters.dynamodb.snapshots import PART, DynamoSnapshots
from adapters.dynamodb.table import Table
from domain.log import EventLog, Snapshots
from domain.person.marks import Marks
from domain.person.memberships import Memberships
from domain.person.person import Person
from tests.conformance.events.streams import (
    failing,
    large,
    newest,
    parts,
    refusal,
)


@pytest.mark.parametrize("kilobytes", [349, 350, 351, 420, 3_000])
def test_a_snapshot_may_be_of_any_size(snapshots: Snapshots, kilobytes: int) -> None:
    kept = [large(3, 10), large(5, kilobytes), large(4, 800, "lobby")]
    for one in kept:
        snapshots.insert_events([one])
    assert newest(snapshots) == [kept[1]]
    assert newest(snapshots, "lobby") == [kept[2]]
    with pytest.raises(IntegrityError):
        snapshots.insert_events([kept[1]])
    # A later one takes its place, parts and all.
    snapshots.insert_events([large(9, 700)])
    snapshots.drop_older("u_ann", 9)
    assert list(snapshots.select_events("u_ann")) == [large(9, 700)]
    assert newest(snapshots, "lobby") == [kept[2]]


def test_a_person_with_50_000_rooms_is_restored_from_a_snapshot(
    stores: tuple[AggregateRecorder, Snapshots],
) -> None:
    person = Person("u_ann")
    person.version = 100_001
    for number in range(50_000):
        room = f"{hashlib.sha256(b'%d' % number).hexdigest()[:40]}-{number}"
        person.part(Memberships).by_room[room] = ("member", 3)
        person.part(Marks).by_room[room] = (number, number + 1)
    log = EventLog(*stores)
    taken = log.checkpoint(person)
    assert len(taken.state) > 6_000_000
    log.save_snapshot(taken)
    found = EventLog(*stores).load("u_ann")
    assert isinstance(found, Person)
    assert (found.version, found.parts) == (100_001, person.parts)


def test_parts_without_their_item_go_with_the_next_snapshot(
    in_parts: tuple[DynamoSnapshots, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots, table = in_parts
    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "_write", lambda *_, **__: pytest.fail("the process ends"))
        with pytest.raises(pytest.fail.Exception):
            snapshots.insert_events([large(5, 800)])
    assert parts(table) == [5_000, 5_001, 5_002]
    assert newest(snapshots) == []
    snapshots.insert_events([large(6, 400)])
    snapshots.drop_older("u_ann", 6)
    assert parts(table) == [6_000, 6_001]
    assert newest(snapshots) == [large(6, 400)]


def test_a_snapshot_that_is_replaced_while_it_is_read_is_read_anew(
    in_parts: tuple[DynamoSnapshots, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots, _ = in_parts
    snapshots.insert_events([large(5, 800)])
    whole = snapshots._joined

    def joined(log_id: str, version: int, count: int) -> bytes:
        if version == 5:
            snapshots.insert_events([large(6, 800)])
            snapshots.drop_older("u_ann", 6)
        return whole(log_id, version, count)

    monkeypatch.setattr(snapshots, "_joined", joined)
    assert newest(snapshots) == [large(6, 800)]


@pytest.mark.parametrize("damage", ["gone", "another"])
def test_a_snapshot_with_damaged_parts_is_none(
    in_parts: tuple[DynamoSnapshots, Table], damage: str
) -> None:
    snapshots, table = in_parts
    snapshots.insert_events([large(5, 800)])
    if damage == "gone":
        table.delete({"log": "u_ann#parts", "version": 5_001})
    else:
        table.put({"log": "u_ann#parts", "version": 5_001, "state": b"x" * PART})
    assert newest(snapshots) == []


def test_large_snapshots_that_cannot_be_written_are_the_same_fault() -> None:
    client, recorder, _ = failing(refusal("AccessDeniedException"))
    with pytest.raises(OperationalError):
        DynamoSnapshots(recorder._table).insert_events([large(5, 800)])
    assert len(client.calls) == 1


def test_older_snapshots_that_cannot_be_deleted_are_the_same_fault() -> None:
    client, recorder, _ = failing(refusal("AccessDeniedException"))
    with pytest.raises(OperationalError):
        DynamoSnapshots(recorder._table).drop_older("lobby", 3)
    assert len(client.calls) == 1
