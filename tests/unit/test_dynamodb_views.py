"""Folding into DynamoDB without transactions: what two folders and their crashes leave.

Over 300 lines: the table that stops at each step and the folders that meet on it are half of it.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from adapters.dynamodb.table import Table
from domain.chat.projecting import ProjectViews
from domain.consumer import Transient
from domain.consuming import Consuming, Record
from domain.log import envelope
from domain.projections.rows import WRITERS, header_of
from domain.projections.views import Views
from domain.room.view import RoomView
from tests.support.chat import memory_chat, person
from tests.support.dynamodb import client_of, counting, definition
from tests.support.views import DynamoViews, MemoryViews, save_room

AT = "2026-01-02T03:04:05.000000+00:00"
USERS = ("u_ann", "u_bob", "u_cy")
EMOJI = ("👍", "🚀")


@dataclass(frozen=True)
class Told:
    """An event as a projector sees it."""

    originator_version: int
    type: str
    by: str
    data: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        return {
            "version": self.originator_version,
            "type": self.type,
            "at": AT + str(self.originator_version),
            "by": self.by,
            "data": self.data,
        }


def words(text: str) -> dict[str, str]:
    return {"k": "u_ann", "c": text}


Deed = tuple[str, str, int, str]
deeds: st.SearchStrategy[Deed] = st.tuples(
    st.sampled_from(
        ("react", "react", "unreact", "edit", "delete", "post", "join", "leave", "name")
    ),
    st.sampled_from(USERS),
    st.integers(0, 1),
    st.sampled_from(EMOJI),
)


def history(done: Sequence[Deed]) -> list[Told]:
    """A room with two messages (4 and 5), then what was done."""
    log = [
        Told(1, "RoomCreated", "u_ann", {"name": words("room"), "kind": "public"}),
        Told(2, "MemberJoined", "u_ann", {"user": "u_ann", "name": words("a"), "role": "owner"}),
        Told(3, "MemberJoined", "u_bob", {"user": "u_bob", "name": words("b"), "role": "member"}),
        Told(4, "MessagePosted", "u_ann", {"text": words("1"), "kind": "text", "n": 1}),
        Told(5, "MessagePosted", "u_bob", {"text": words("2"), "kind": "text", "n": 2}),
    ]
    n, alive = 2, {4, 5}
    for deed, user, which, emoji in done:
        version, message = len(log) + 1, 4 + which
        told: dict[str, tuple[str, dict[str, Any]]] = {
            "react": ("ReactionAdded", {"message": message, "emoji": emoji}),
            "unreact": ("ReactionRemoved", {"message": message, "emoji": emoji}),
            "edit": ("MessageEdited", {"message": message, "text": words(f"edit {version}")}),
            "delete": ("MessageDeleted", {"message": message}),
            "post": ("MessagePosted", {"text": words(str(version)), "kind": "text", "n": n + 1}),
            "join": ("MemberJoined", {"user": user, "name": words(str(version)), "role": "member"}),
            "leave": ("MemberLeft", {"user": user, "reason": "left"}),
            "name": ("MemberRenamed", {"user": user, "name": words(f"name {version}")}),
        }
        kind, data = told[deed]
        if "message" in data and message not in alive:
            continue
        alive -= {message} if deed == "delete" else set()
        n += deed == "post"
        log.append(Told(version, kind, user, data))
    return log


def projector(views: Views, vault: Any = None) -> ProjectViews:
    kept: Any = type("Views alone", (), {"views": views, "log": None, "vault": vault})()
    return ProjectViews(kept)


class Crash(BaseException):
    """The process ends here."""


class SteppedTable(Table):
    """Calls `step` before each write."""

    step: Callable[[], None]

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation in ("put_item", "update_item"):
            self.step()
        return super().call(operation, **arguments)


class Folder:
    """Folds a log in batches on a thread of its own, one write for each `go`."""

    def __init__(self, client: Any, name: str, log: Sequence[Told], sizes: Sequence[int]) -> None:
        self._log, self._sizes, self._taken = log, sizes, 0
        self._table = SteppedTable(client, name)
        self._table.step = self._wait
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._crash = False
        self.done = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._theirs.acquire()

    def go(self, crash: bool = False) -> None:
        """Lets the folder do its next write and run up to the one after, or crash instead."""
        if not self.done:
            self._crash = crash
            self._mine.release()
            self._theirs.acquire()

    def _wait(self) -> None:
        self._theirs.release()
        self._mine.acquire()
        if self._crash:
            raise Crash

    def _run(self) -> None:
        while not self.done:
            try:
                self._fold(projector(DynamoViews(self._table, workers=1)))
                self.done = True
            except Crash:
                continue
        self._theirs.release()

    def _fold(self, projecting: ProjectViews) -> None:
        while (last := projecting.last("room")) < len(self._log):
            size = self._sizes[self._taken % len(self._sizes)]
            self._taken += 1
            batch: Any = self._log[last : last + size]
            try:
                projecting.apply("room", batch)
            except Transient:
                continue


@contextmanager
def tables() -> Iterator[tuple[Any, str]]:
    with mock_aws():
        client = client_of()
        client.create_table(TableName="views", **definition("views"))
        yield client, "views"


steps = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 7).map(lambda n: n == 0)), max_size=40)
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def messages(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Returns messages as texts: the order of their reactions counts too."""
    return [repr(row["message"]) for row in rows if "message" in row]


def converges(
    done: list[Deed], schedule: list[tuple[int, bool]], a: list[int], b: list[int]
) -> None:
    log: Any = history(done)
    memory = MemoryViews()
    projector(memory).apply("room", log)
    expected = list(memory.dump())
    with tables() as (client, name):
        folders = [Folder(client, name, log, sizes) for sizes in (a, b)]
        seen = 0
        reader = DynamoViews(Table(client, name))
        for number, (who, crash) in enumerate(schedule):
            folders[who].go(crash)
            if number % 4:
                continue
            header = reader.header("room")
            version = header["version"] if header else 0
            assert version >= seen
            seen = version
        while not all(folder.done for folder in folders):
            for folder in folders:
                folder.go()
        found = list(DynamoViews(Table(client, name)).dump())
        assert found == expected
        assert messages(found) == messages(expected)


@settings(max_examples=25)
@given(st.lists(deeds, max_size=14), steps, sizes, sizes)
def test_two_folders_of_one_log_come_to_what_one_makes(
    done: list[Deed], schedule: list[tuple[int, bool]], a: list[int], b: list[int]
) -> None:
    converges(done, schedule, a, b)


# Each case drives an emulated table for about a second; VIEW_CASES asks for more.
@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=int(os.environ.get("VIEW_CASES", "120")), derandomize=False)
@given(st.lists(deeds, max_size=20), steps, sizes, sizes)
def test_two_folders_of_one_log_come_to_what_one_makes_at_length(
    done: list[Deed], schedule: list[tuple[int, bool]], a: list[int], b: list[int]
) -> None:
    converges(done, schedule, a, b)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_crash_before_the_head_leaves_rows_that_are_folded_once(batch: int) -> None:
    """Folded twice, the reactions would stand in another order."""
    log: Any = history([
        ("react", "u_ann", 0, "👍"), ("react", "u_bob", 0, "👍"), ("unreact", "u_ann", 0, "👍"),
        ("react", "u_ann", 0, "👍"), ("react", "u_cy", 0, "👍"),
    ])  # fmt: skip
    with tables() as (client, name):
        table = SteppedTable(client, name)
        table.step = lambda: None
        projector(DynamoViews(table)).apply("room", log[:6])
        writes = iter(range(100))

        def crash_at_the_head() -> None:
            if next(writes) == 1:
                raise Crash

        table.step = crash_at_the_head
        with pytest.raises(Crash):
            projector(DynamoViews(table)).apply("room", log[6:])
        table.step = lambda: None
        views = DynamoViews(table)
        assert (views.header("room") or {})["version"] == 6
        for start in range(6, 10, batch):
            projector(views).apply("room", log[start : start + batch])
        message = views.message("room", 4)
        assert message is not None
        assert message["reactions"] == {"👍": ["u_bob", "u_ann", "u_cy"]}


def test_a_warm_fold_reads_nothing() -> None:
    log: Any = history([("post", "u_ann", 0, "👍"), ("post", "u_bob", 0, "👍")])
    with tables() as (client, name):
        projecting = projector(DynamoViews(Table(client, name)))
        projecting.apply("room", log[:6])
        with counting(client) as called:
            assert projecting.last("room") == 6
            projecting.apply("room", log[6:])
        # The message, and the head, which tells of its writer too.
        assert called == ["PutItem", "UpdateItem"]


def test_a_stale_header_is_read_again_and_what_is_new_is_folded() -> None:
    log: Any = history([("post", "u_ann", 0, "👍")] * 6)
    with tables() as (client, name):
        mine, other = (projector(DynamoViews(Table(client, name))) for _ in range(2))
        mine.apply("room", log[:6])
        other.apply("room", log[6:8])
        assert mine.last("room") == 6, "it is remembered"
        mine.apply("room", log[6:10])
        assert mine.last("room") == 10
        other.apply("room", log[8:9])
        assert other.last("room") == 10
        memory = MemoryViews()
        projector(memory).apply("room", log[:10])
        assert list(DynamoViews(Table(client, name)).dump()) == list(memory.dump())


def test_what_another_process_folded_is_neither_read_nor_folded_again(
    dynamo: Any, tables: dict[str, str]
) -> None:
    """Two processes take a room's batches in turn, as Lambda has it under load."""
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    services = chat.services
    table = Table(dynamo, tables["views"])
    processes = [
        Consuming(projector(DynamoViews(table)), services.log, services.progress, str)
        for _ in range(2)
    ]
    taken = 0
    for process in (*processes, *processes):
        ann.send(action="post", room="lobby", text="hello")
        log = services.log.recorder.select_events("lobby", gt=taken)
        taken = log[-1].originator_version
        with counting(dynamo) as called:
            batch = [Record(str(one.originator_version), envelope(one)) for one in log]
            assert process.consume(batch) == []
    # The head was read once more, then two rows were written, neither of them twice.
    assert called == ["GetItem", "PutItem", "UpdateItem"]


def test_a_slower_folds_rows_do_not_take_the_place_of_newer_ones() -> None:
    """Two processes begin at one head; the one that comes further is the first to be done."""
    marks: Any = [
        Told(version, "ReadMarked", "u_ann", {"room": "room", "version": 10 * version})
        for version in range(1, 7)
    ]
    with tables() as (client, name):
        slow, fast = (DynamoViews(Table(client, name)) for _ in range(2))
        assert slow.save_person("u_ann", 0, 1, {"room": 10, "other": 1})
        assert fast.person_version("u_ann") == 1
        assert fast.save_person("u_ann", 1, 6, {"room": 60})
        assert not slow.save_person("u_ann", 1, 4, {"room": 40, "other": 4})
        assert fast.marks("u_ann") == slow.marks("u_ann") == {"room": 60, "other": 4}
        # Of one version both may write: they wrote the same.
        assert fast.save_person("u_ann", 6, 7, {"room": 70})
        assert slow.marks("u_ann")["room"] == 70
        assert len(marks) == slow.person_version("u_ann") - 1


def test_a_slower_fold_of_a_room_changes_no_newer_message_or_member() -> None:
    log: Any = history([
        ("react", "u_ann", 0, "👍"), ("name", "u_bob", 0, "👍"), ("edit", "u_ann", 0, "👍"),
        ("react", "u_bob", 0, "👍"), ("name", "u_bob", 0, "👍"),
    ])  # fmt: skip
    with tables() as (client, name):
        slow, fast = (DynamoViews(Table(client, name)) for _ in range(2))
        projector(slow).apply("room", log[:6])
        assert fast.base("room").version == 6
        view = RoomView(lambda version: slow.message("room", version))
        view.restore(header_of(slow.base("room")) or {})
        view.apply_all(event.wire() for event in log[6:8])
        projector(fast).apply("room", log[6:])
        before = list(fast.dump())
        assert not save_room(slow, "room", 6, view)
        assert list(fast.dump()) == before
        memory = MemoryViews()
        projector(memory).apply("room", log)
        assert list(fast.dump()) == list(memory.dump())


def test_newest_posts_stand_in_the_head_until_there_are_many() -> None:
    people = [f"u_{number:02}" for number in range(WRITERS + 1)]
    log: Any = history([("post", person, 0, "") for person in people])
    before = len(log) - len(people)
    memory = MemoryViews()
    with tables() as (client, name):
        table = Table(client, name)
        views = DynamoViews(table)
        projector(views).apply("room", log[:before])
        projector(memory).apply("room", log[:before])
        for number, person in enumerate(people):
            one = log[before + number : before + number + 1]
            projector(views).apply("room", one)
            projector(memory).apply("room", one)
            newest = views.member("room", person)
            assert newest is not None
            assert newest["posted"] == before + number + 1
            held = (table.get({"pk": "R#room", "sk": "head"}) or {})["posted"]
            assert len(held) == (number + 1) % (WRITERS + 1)
            assert list(views.dump()) == list(memory.dump())
