"""The Progress port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.dynamodb.progress import DynamoProgress
from adapters.dynamodb.table import Table
from adapters.memory.progress import MemoryProgress
from adapters.sqlite.progress import SqliteProgress
from adapters.sqlite.views_file import open_views
from domain.ports.consumers import Parked, Progress
from tests.support.dynamodb import ENGINES, engine_of
from tests.support.views import SqliteViews


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def progress(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Progress]:
    if request.param == "memory":
        yield MemoryProgress()
    elif request.param == "sqlite":
        database = open_views(tmp_path / "views.db")
        yield SqliteProgress(database)
        database.close()
    else:
        client, tables = engine_of(request, request.param)
        request.getfixturevalue("no_scan")
        yield DynamoProgress(Table(client, tables["progress"]))


def parked(stream: str, version: int, consumer: str = "views", reason: str = "KeyError") -> Parked:
    return Parked(consumer, stream, version, reason, "2026-01-02T03:04:05.000000+00:00")


def test_positions_begin_at_zero_and_are_each_consumers_own(progress: Progress) -> None:
    assert progress.position("views") == 0
    progress.advance("views", 7)
    progress.advance("views", 9)
    progress.advance("notify", 2)
    assert (progress.position("views"), progress.position("notify")) == (9, 2)


def test_parked_events_come_in_order_and_whole(progress: Progress) -> None:
    all_of_them = [parked("b", 2), parked("b", 10), parked("a", 3), parked("a", 3, "notify")]
    for one in all_of_them:
        progress.park(one)
    assert progress.parked() == [
        parked("a", 3, "notify"), parked("a", 3), parked("b", 2), parked("b", 10),
    ]  # fmt: skip


def test_an_event_is_parked_once_and_the_first_reason_stays(progress: Progress) -> None:
    progress.park(parked("a", 3))
    progress.park(parked("a", 3, reason="OSError"))
    assert progress.parked() == [parked("a", 3)]


def test_unparking_up_to_a_version(progress: Progress) -> None:
    for one in (parked("a", 1), parked("a", 3), parked("a", 4), parked("b", 1),
                parked("a", 1, "notify")):  # fmt: skip
        progress.park(one)
    progress.unpark("views", "a", 3)
    assert progress.parked() == [parked("a", 1, "notify"), parked("a", 4), parked("b", 1)]
    progress.unpark("views", "nothing", 9)


def test_unparking_what_is_healed_alone(progress: Progress) -> None:
    for version in (1, 2, 3, 12, 13):
        progress.park(parked("a", version))
    progress.unpark("views", "a", 12, keep=[2, 13])
    assert [one.version for one in progress.parked()] == [2, 13]


def test_streams_whose_ids_begin_alike(progress: Progress) -> None:
    for stream in ("a", "a-b", "ab", "?"):
        progress.park(parked(stream, 1))
    progress.unpark("views", "a", 9)
    assert [one.stream for one in progress.parked()] == ["?", "a-b", "ab"]


def test_a_forgotten_consumer_begins_anew(progress: Progress) -> None:
    for consumer in ("views", "notify"):
        progress.advance(consumer, 5)
        progress.park(parked("a", 1, consumer))
    progress.forget("views")
    assert (progress.position("views"), progress.position("notify")) == (0, 5)
    assert progress.parked() == [parked("a", 1, "notify")]


def test_writing_together(progress: Progress) -> None:
    with progress.together():
        progress.advance("views", 5)
        progress.park(parked("a", 1))
        assert progress.position("views") == 5
    assert (progress.position("views"), len(progress.parked())) == (5, 1)


def test_together_is_all_or_nothing_on_disk_with_the_views(tmp_path: Path) -> None:
    """Of sqlite alone: memory has nothing to lose."""
    database = open_views(tmp_path / "views.db")
    progress, views = SqliteProgress(database), SqliteViews(database)

    def fail_halfway() -> None:
        with progress.together():
            progress.advance("views", 5)
            assert views.save_person("u_ann", 0, 1, {"lobby": 1})
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert (progress.position("views"), views.person_version("u_ann")) == (0, 0)
    with progress.together():
        progress.advance("views", 6)
        assert views.save_person("u_ann", 0, 2, {"lobby": 1})
    assert (progress.position("views"), views.person_version("u_ann")) == (6, 2)
    database.close()


def test_progress_outlives_the_process(tmp_path: Path) -> None:
    database = open_views(tmp_path / "views.db")
    SqliteProgress(database).advance("views", 5)
    SqliteProgress(database).park(parked("a", 1))
    database.close()
    database = open_views(tmp_path / "views.db")
    again = SqliteProgress(database)
    assert (again.position("views"), again.parked()) == (5, [parked("a", 1)])
    database.close()
