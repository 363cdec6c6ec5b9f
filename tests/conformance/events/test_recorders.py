"""What every recorder keeps, and the index of commands."""

import threading
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    StoredEvent,
)

from adapters.sqlite.command_index import SqliteCommandIndex
from adapters.sqlite.events import SqliteSnapshots
from adapters.sqlite.views_file import open_views
from domain import retrying
from domain.log import EventLog, Snapshots
from domain.ports.commands import CommandIndex
from domain.room.reactions import ReactionAdded
from tests.conformance.events.streams import event, selected
from tests.support.aggregates import happened, stand


def test_a_snapshot_takes_the_place_of_older_ones(snapshots: Snapshots) -> None:
    for stored in (event(1), event(2), event(4), event(1, "other")):
        snapshots.insert_events([stored])
    snapshots.drop_older("lobby", 3)
    assert selected(snapshots) == [4]
    snapshots.drop_older("lobby", 3)
    snapshots.drop_older("nowhere", 3)
    assert (selected(snapshots), selected(snapshots, "other")) == ([4], [1])
    snapshots.insert_events([event(5)])
    assert selected(snapshots) == [4, 5]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"gt": 2}, [3, 4, 5]),
        ({"lte": 2}, [1, 2]),
        ({"gt": 1, "lte": 4}, [2, 3, 4]),
        ({"gt": 1, "lte": 4, "desc": True}, [4, 3, 2]),
        ({"gt": 1, "limit": 2}, [2, 3]),
        ({"lte": 4, "desc": True, "limit": 2}, [4, 3]),
        ({"limit": 100}, [1, 2, 3, 4, 5]),
        ({"gt": 0, "lte": 0}, []),
        ({"gt": 3, "lte": 3}, []),
        ({"gt": 4, "lte": 2}, []),
        ({"gt": 5}, []),
        ({"gt": 4, "lte": 99}, [5]),
    ],
)
def test_a_part_of_a_log_is_read(
    recorder: AggregateRecorder, how: dict[str, Any], expected: list[int]
) -> None:
    recorder.insert_events([event(version) for version in range(1, 6)])
    recorder.insert_events([event(1, "other"), event(2, "other")])
    assert selected(recorder, **how) == expected


def test_a_state_comes_back_byte_by_byte(recorder: AggregateRecorder) -> None:
    state = '{"text":"żółw 🐢 \\u0000\\n","n":1e-7,"big":12345678901234567890}'.encode()
    kept = StoredEvent("lobby", 1, "room.message-posted", state)
    recorder.insert_events([kept])
    assert recorder.select_events("lobby") == [kept]


def test_a_taken_version_takes_all_of_a_write_back(recorder: AggregateRecorder) -> None:
    recorder.insert_events([event(1), event(1, "other")])
    for lost in ([event(1)], [event(2), event(1)], [event(2), event(2)], [event(2, "other")] * 2):
        with pytest.raises(IntegrityError):
            recorder.insert_events(lost)
    assert (selected(recorder), selected(recorder, "other")) == ([1], [1])
    recorder.insert_events([event(2), event(3)])
    assert selected(recorder) == [1, 2, 3]


def test_ten_events_are_appended_as_one(recorder: AggregateRecorder) -> None:
    recorder.insert_events([event(version) for version in range(1, 11)])
    assert selected(recorder) == list(range(1, 11))
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(version) for version in range(19, 9, -1)])
    assert selected(recorder) == list(range(1, 11))


# moto does not keep a put apart from a transaction that it cancels: 7 of 150 such races had two
# winners or left no item behind, none of 150 on DynamoDB Local.
@pytest.mark.parametrize("stores", ["memory", "sqlite", "dynamodb-local"], indirect=True)
def test_of_many_writers_of_one_version_one_wins(recorder: AggregateRecorder) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        # Some alone, some as a transaction, which meet each other's locks on DynamoDB.
        try:
            recorder.insert_events([event(1)] if number % 2 else [event(1), event(2)])
            won.append(number)
        except IntegrityError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) <= 1, "one version has one writer"
    if won:
        assert selected(recorder) == ([1] if won[0] % 2 else [1, 2])
    else:
        # Every one of them may find an item held by another that gives up in turn.
        recorder.insert_events([event(1)])


@pytest.mark.parametrize("apart", [False, True])
def test_the_index_of_commands_is_kept(
    recorder: AggregateRecorder,
    snapshots: Snapshots,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    apart: bool,
) -> None:
    """Beside the snapshots, or in the views' file of one machine."""
    if apart and not isinstance(snapshots, SqliteSnapshots):
        pytest.skip("only one machine has a file of views")
    index: CommandIndex = retrying.SnapshotIndex(snapshots)
    if apart:
        index = SqliteCommandIndex(open_views(tmp_path / "views.db"))
    monkeypatch.setattr(retrying, "SEGMENT", 20)
    monkeypatch.setattr(retrying, "MADE", 20)
    past = [
        happened(ReactionAdded, "u_ann", id=f"c{version}", message=1, emoji="👍")
        for version in range(1, 246)
    ]
    log = EventLog(recorder, snapshots)
    events = log.stored([stand("lobby", version, one) for version, one in enumerate(past, 1)])
    for start in range(0, len(events), 10):
        recorder.insert_events(events[start : start + 10])
    searching = retrying.Retrying(log, index)
    for wanted in (7, 20, 21, 240, 244):
        assert searching.find("lobby", "u_ann", f"c{wanted}", 0, 245) == (wanted, "given")
    assert searching.find("lobby", "u_ann", "c7", 7, 245) is None
    kept = {number: len(prints) for number, prints in index.entries("lobby", 0, 99).items()}
    assert kept == dict.fromkeys(range(1, 13), 160)
    index.keep("lobby", {1: b"another"})
    index.keep("lobby", {13: b"new"})
    assert set(index.entries("lobby", 11, 13)) == {12, 13}
    assert len(index.entries("lobby", 0, 1)[1]) == 160
    # Snapshots of the log itself come and go beside them.
    snapshots.drop_older("lobby", 10**6)
    assert len(index.entries("lobby", 0, 99)) == 13
