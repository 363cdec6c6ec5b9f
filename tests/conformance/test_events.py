"""The event stores, under the library's own suites and ours.

Over 300 lines: one port: the library's suites, ours for every recorder, and what each store keeps
besides.
"""

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase

from adapters.dynamodb.events import DynamoEvents, DynamoRecorder
from adapters.dynamodb.snapshots import PART, DynamoSnapshots
from adapters.dynamodb.table import ATTEMPTS, Table
from adapters.memory.events import MemoryEvents, MemorySnapshots
from adapters.sqlite.command_index import SqliteCommandIndex
from adapters.sqlite.events import SqliteEvents, SqliteSnapshots
from adapters.sqlite.views_file import open_views
from domain import retrying
from domain.errors import Throttled
from domain.log import EventLog, Snapshots
from domain.person.marks import Marks
from domain.person.memberships import Memberships
from domain.person.person import Person
from domain.ports.commands import CommandIndex
from domain.room.reactions import ReactionAdded
from tests.support.aggregates import happened, stand
from tests.support.dynamodb import ENGINES, counting, engine_of


class Strings:
    """Our ids are strings: the library's suites try UUIDs unless they are told."""

    def new_originator_id(self) -> str:
        return str(uuid4())


class InAFolder(Strings):
    def setUp(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = SqliteEvents(Path(self.folder.name) / "events.db")

    def tearDown(self) -> None:
        # The library's suite tells its readers to stop and does not wait for them; a connection
        # that is closed under a thread takes the whole process down.
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join(10)
        self.store.close()
        self.folder.cleanup()


class TestMemoryEvents(Strings, ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return MemoryEvents()


class TestMemorySnapshots(Strings, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return MemorySnapshots()


class TestSqliteEvents(InAFolder, ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.store.events


class TestSqliteSnapshots(InAFolder, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.store.snapshots


class OnDynamo(Strings):
    engine: ClassVar[str]
    recorder: ClassVar[type[DynamoRecorder]]
    table: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _open(self, request: pytest.FixtureRequest, no_scan: None) -> None:
        client, tables = engine_of(request, self.engine)
        self.opened = self.recorder(Table(client, tables[self.table]))

    def create_recorder(self) -> AggregateRecorder:
        return self.opened


class TestDynamoEvents(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "moto", DynamoEvents, "events"


class TestDynamoSnapshots(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "moto", DynamoSnapshots, "snapshots"


class TestDynamoLocalEvents(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "dynamodb-local", DynamoEvents, "events"


class TestDynamoLocalSnapshots(OnDynamo, AggregateRecorderTestCase):
    engine, recorder, table = "dynamodb-local", DynamoSnapshots, "snapshots"


# The suites are collected as the classes above, not as themselves.
del AggregateRecorderTestCase, ApplicationRecorderTestCase


def event(version: int, log_id: str = "lobby") -> StoredEvent:
    return StoredEvent(
        originator_id=log_id,
        originator_version=version,
        topic="room.message-posted",
        state=b'{"n":%d}' % version,
    )


# What every recorder keeps


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def stores(
    request: pytest.FixtureRequest, tmp_path: Path, no_scan: None
) -> Iterator[tuple[AggregateRecorder, Snapshots]]:
    """Events and snapshots."""
    if request.param == "memory":
        yield MemoryEvents(), MemorySnapshots()
    elif request.param == "sqlite":
        store = SqliteEvents(tmp_path / "events.db")
        yield store.events, store.snapshots
        store.close()
    else:
        client, tables = engine_of(request, request.param)
        yield (
            DynamoEvents(Table(client, tables["events"])),
            DynamoSnapshots(Table(client, tables["snapshots"])),
        )


@pytest.fixture
def recorder(stores: tuple[AggregateRecorder, Snapshots]) -> AggregateRecorder:
    return stores[0]


@pytest.fixture
def snapshots(stores: tuple[AggregateRecorder, Snapshots]) -> Snapshots:
    return stores[1]


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


def selected(recorder: AggregateRecorder, log_id: str = "lobby", **how: Any) -> list[int]:
    return [stored.originator_version for stored in recorder.select_events(log_id, **how)]


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


# DynamoDB


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


@pytest.fixture(params=ENGINES)
def stored(request: pytest.FixtureRequest, no_scan: None) -> tuple[Any, Table]:
    client, tables = engine_of(request, request.param)
    return client, Table(client, tables["events"])


def test_one_event_is_one_put_and_several_are_one_transaction(stored: tuple[Any, Table]) -> None:
    client, table = stored
    recorder = DynamoEvents(table)
    with counting(client) as called:
        recorder.insert_events([])
        recorder.insert_events([event(1)])
        recorder.insert_events([event(2), event(3)])
    assert called == ["PutItem", "TransactWriteItems"]


def test_an_item_is_what_the_stream_relay_reads(stored: tuple[Any, Table]) -> None:
    client, table = stored
    DynamoEvents(table).insert_events([event(7)])
    key = {"log": {"S": "lobby"}, "version": {"N": "7"}}
    found = client.get_item(TableName=table.name, Key=key)["Item"]
    assert found == {**key, "topic": {"S": "room.message-posted"}, "state": {"S": '{"n":7}'}}


def test_a_log_of_several_pages_is_read_whole(stored: tuple[Any, Table]) -> None:
    client, table = stored
    recorder = DynamoEvents(table)
    state = b'{"text":"%b"}' % (b"x" * 300_000)
    for version in range(1, 9):
        recorder.insert_events([StoredEvent("lobby", version, "room.message-posted", state)])
    with counting(client) as called:
        assert selected(recorder) == list(range(1, 9))
    assert len(called) > 1
    assert selected(recorder, limit=6) == list(range(1, 7))
    assert selected(recorder, desc=True, limit=7) == list(range(8, 1, -1))


def test_every_read_is_consistent(stored: tuple[Any, Table]) -> None:
    client, table = stored
    asked: list[Any] = []
    listen: Callable[..., None] = lambda params, **_: asked.append(params)  # noqa: E731
    client.meta.events.register("provide-client-params.dynamodb.Query", listen)
    try:
        DynamoEvents(table).select_events("lobby", gt=1, lte=5, desc=True, limit=3)
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb.Query", listen)
    assert [params["ConsistentRead"] for params in asked] == [True]


def test_a_hundred_events_are_appended_as_one(dynamo: Any, tables: dict[str, str]) -> None:
    """On moto alone: DynamoDB Local still has the ten of its year."""
    recorder = DynamoEvents(Table(dynamo, tables["events"]))
    recorder.insert_events([event(version) for version in range(1, 101)])
    assert selected(recorder) == list(range(1, 101))
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(version) for version in range(199, 99, -1)])
    assert len(selected(recorder)) == 100


def test_more_than_a_transaction_holds_is_refused_whole(stored: tuple[Any, Table]) -> None:
    recorder = DynamoEvents(stored[1])
    with pytest.raises(ProgrammingError, match="101 events at once"):
        recorder.insert_events([event(version) for version in range(1, 102)])
    assert selected(recorder) == []


def test_what_is_too_large_is_the_librarys_error(stored: tuple[Any, Table]) -> None:
    recorder = DynamoEvents(stored[1])
    large = StoredEvent("lobby", 1, "room.message-posted", b"x" * 410_000)
    with pytest.raises(OperationalError):
        recorder.insert_events([large])
    assert selected(recorder) == []


# DynamoDB when it is busy: a client that fails as it is told, then answers


def refusal(code: str, *reasons: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}}
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, "Call")


class Failing:
    """A client whose calls raise what is given, one after the other, then answer `answer`."""

    def __init__(self, *errors: Exception, answer: Any = None) -> None:
        self.errors = list(errors)
        self.answer = answer or {"Items": []}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            if self.errors:
                raise self.errors.pop(0)
            return self.answer

        return call


def failing(*errors: Exception) -> tuple[Failing, DynamoEvents, list[float]]:
    client, pauses = Failing(*errors), list[float]()
    return client, DynamoEvents(Table(client, "events", pauses.append)), pauses


BUSY = [
    refusal("ProvisionedThroughputExceededException"),
    refusal("ThrottlingException"),
    refusal("RequestLimitExceeded"),
    refusal("InternalServerError"),
    refusal("TransactionCanceledException", "None", "ThrottlingError"),
    refusal("TransactionCanceledException", "ProvisionedThroughputExceeded", "None"),
]


@pytest.mark.parametrize("error", BUSY, ids=str)
@pytest.mark.parametrize("events", [[event(1)], [event(1), event(2)]], ids=["one", "two"])
def test_a_throttled_write_is_the_executors_to_retry(error: ClientError, events: Any) -> None:
    client, recorder, pauses = failing(error)
    with pytest.raises(Throttled):
        recorder.insert_events(events)
    assert (len(client.calls), pauses) == (1, [])


@pytest.mark.parametrize("error", BUSY, ids=str)
def test_a_throttled_read_is_retried_with_jitter(error: ClientError) -> None:
    client, recorder, pauses = failing(*[error] * (ATTEMPTS - 1))
    assert recorder.select_events("lobby") == []
    assert [operation for operation, _ in client.calls] == ["query"] * ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= 0.05 * 2**attempt for attempt, pause in enumerate(pauses))


def test_throttling_of_a_read_that_lasts_has_a_name() -> None:
    client, recorder, pauses = failing(*BUSY[:1] * (ATTEMPTS + 1))
    with pytest.raises(Throttled):
        recorder.select_events("lobby")
    assert (len(client.calls), len(pauses)) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ConditionalCheckFailedException"),
        refusal("TransactionConflictException"),
        refusal("TransactionCanceledException", "None", "ConditionalCheckFailed"),
        refusal("TransactionCanceledException", "TransactionConflict", "None"),
        refusal("TransactionCanceledException", "TransactionConflict", "ThrottlingError"),
    ],
    ids=str,
)
def test_a_lost_race_is_told_at_once(error: ClientError) -> None:
    client, recorder, pauses = failing(error)
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(1), event(2)])
    assert (len(client.calls), pauses) == (1, [])


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException"),
        refusal("AccessDeniedException"),
        refusal("TransactionCanceledException", "None", "ValidationError"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
    ids=str,
)
def test_other_faults_are_the_librarys_operational_error(error: Exception) -> None:
    client, recorder, pauses = failing(error, error)
    with pytest.raises(OperationalError):
        recorder.insert_events([event(1)])
    with pytest.raises(OperationalError):
        recorder.select_events("lobby")
    assert (len(client.calls), pauses) == (2, [])


def large(version: int, kilobytes: int, log_id: str = "u_ann") -> StoredEvent:
    """Returns a snapshot that does not compress well."""
    state = random.Random(version).randbytes(kilobytes * 1_000)
    return StoredEvent(
        originator_id=log_id, originator_version=version, topic="person.snapshot", state=state
    )


def newest(snapshots: Snapshots, log_id: str = "u_ann") -> list[StoredEvent]:
    return list(snapshots.select_events(log_id, desc=True, limit=1))


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


@pytest.fixture(params=ENGINES)
def in_parts(request: pytest.FixtureRequest, no_scan: None) -> tuple[DynamoSnapshots, Table]:
    client, tables = engine_of(request, request.param)
    table = Table(client, tables["snapshots"])
    return DynamoSnapshots(table), table


def parts(table: Table) -> list[int]:
    found = table.query("#log = :log", values={":log": "u_ann#parts"}, names={"#log": "log"})
    return [int(item["version"]) for item in found]


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


# SQLite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def versions(store: SqliteEvents, log_id: str = "lobby") -> list[int]:
    return [stored.originator_version for stored in store.events.select_events(log_id)]


def test_an_append_is_seen_once_it_is_committed(path: Path) -> None:
    store, other = SqliteEvents(path), SqliteEvents(path)
    append = store.begin()
    assert list(append.insert([event(1), event(2), event(1, "other")], [])) == [1, 2, 3]
    assert versions(other) == []
    append.commit()
    assert versions(other) == [1, 2]
    assert [n.id for n in other.events.select_notifications(1, 10)] == [1, 2, 3]
    store.close()
    other.close()


def test_an_append_keeps_snapshots_with_its_events(path: Path) -> None:
    store = SqliteEvents(path)
    append = store.begin()
    append.insert([event(1)], [event(1)])
    append.commit()
    assert [s.originator_version for s in store.snapshots.select_events("lobby")] == [1]
    append = store.begin()
    append.insert([event(2), event(2, "other")], [event(2), event(2, "other")])
    assert [s.originator_version for s in store.snapshots.select_events("lobby")] == [1]
    append.commit()
    assert [s.originator_version for s in store.snapshots.select_events("lobby")] == [2]
    store.close()


def test_a_conflict_leaves_nothing_and_the_writer_usable(path: Path) -> None:
    store = SqliteEvents(path)
    for _ in range(3):
        append = store.begin()
        with pytest.raises(IntegrityError):
            append.insert([event(1), event(1)], [])
        assert versions(store) == []
    append = store.begin()
    append.insert([event(1)], [])
    append.commit()
    append = store.begin()
    with pytest.raises(IntegrityError):
        append.insert([event(1, "other"), event(2), event(1)], [event(2)])
    assert (versions(store), versions(store, "other")) == ([1], [])
    assert list(store.snapshots.select_events("lobby")) == []
    store.events.insert_events([event(2)])
    assert versions(store) == [1, 2]
    store.close()


def test_a_snapshot_that_exists_takes_its_events_back(path: Path) -> None:
    store = SqliteEvents(path)
    store.snapshots.insert_events([event(1)])
    append = store.begin()
    with pytest.raises(IntegrityError):
        append.insert([event(1)], [event(1)])
    assert versions(store) == []
    store.close()


def test_what_was_not_committed_is_gone_after_a_restart(path: Path) -> None:
    store = SqliteEvents(path)
    store.events.insert_events([event(1)])
    append = store.begin()
    append.insert([event(2)], [])
    append._connection._sqlite_conn.close()  # what the end of the process does
    store.close()
    again = SqliteEvents(path)
    assert versions(again) == [1]
    again.close()


def test_every_commit_reaches_the_disk(path: Path) -> None:
    store = SqliteEvents(path)
    append = store.begin()
    settings = {
        name: append._connection._sqlite_conn.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2}
    append.insert([event(1)], [])
    append.commit()
    store.close()


def test_notification_ids_go_on_after_a_restart(path: Path) -> None:
    store = SqliteEvents(path)
    store.events.insert_events([event(1), event(2)])
    store.close()
    again = SqliteEvents(path)
    assert again.events.insert_events([event(3)]) == [3]
    assert again.events.max_notification_id() == 3
    again.close()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 63, 64, 65, 150])
def test_an_append_of_many_has_ids_in_its_order(path: Path, count: int) -> None:
    """However many rows an INSERT takes, also after rows of others."""
    store = SqliteEvents(path)
    store.events.insert_events([event(1, "other")])
    append = store.begin()
    ids = append.insert([event(version, "many") for version in range(1, count + 1)], [])
    append.commit()
    assert list(ids) == list(range(2, count + 2))
    read = store.events.select_notifications(2, count)
    assert [(one.id, one.originator_version) for one in read] == list(
        zip(ids, range(1, count + 1), strict=True)
    )
    again = store.begin()
    with pytest.raises(IntegrityError):
        again.insert([event(1, "new"), *(event(v, "many") for v in range(1, count + 1))], [])
    assert store.events.select_events("new") == []
    store.close()
