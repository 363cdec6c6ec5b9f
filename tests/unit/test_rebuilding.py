"""Rebuilding views beside those that are read.

Over 300 lines: one rebuild, interrupted and overtaken at each of its steps, in one world.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapters.dynamodb.generations import DynamoGenerations
from adapters.dynamodb.progress import DynamoProgress
from adapters.dynamodb.table import Table
from adapters.memory.events import MemoryEvents
from domain.chat import Chat
from domain.chat.rebuilding import GRACE, Rebuilding, StillMoving
from domain.consuming import UNKNOWN, Consuming
from domain.ports.consumers import Parked
from domain.projections.rows import stream_of
from domain.projections.views import Views
from tests.support.chat import Someone, memory_chat, person, run_consumers
from tests.support.views import DynamoViews, MemoryViews
from tests.unit.test_dynamodb_views import Crash, projector

WRITES = ("put_item", "update_item", "transact_write_items")


class HookedTable(Table):
    """Calls `before` with the operation's name before each write."""

    before: Callable[[str], None] = staticmethod(lambda operation: None)

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation in WRITES:
            self.before(operation)
        return super().call(operation, **arguments)


class World:
    """A room of two with views in DynamoDB, and who rebuilds them."""

    def __init__(self, client: Any, tables: dict[str, str]) -> None:
        self.table = Table(client, tables["views"])
        self.hooked = HookedTable(client, tables["views"])
        self.time = 1_000_000.0
        self.recorder = MemoryEvents()
        chat = memory_chat(recorder=self.recorder, views=DynamoViews(self.table, workers=1))
        progress = DynamoProgress(Table(client, tables["progress"]))
        chat = Chat(replace(chat.services, progress=progress))
        self.chat = chat
        self.ann, self.bob = person(chat, "ann"), person(chat, "bob")
        self.ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
        self.bob.send(action="join", room="lobby")
        for text in ("one", "two", "three"):
            self.post(text)
        self.bob.send(action="react", room="lobby", version=5, emoji="👍")
        self.bob.send(action="read", room="lobby", version=5)
        self.fold()
        self.generations = DynamoGenerations(self.hooked, workers=1)
        self.rebuilding = self.again()

    def again(self) -> Rebuilding:
        """Returns who rebuilds in another process."""
        return Rebuilding(
            self.chat.services.log,
            self.chat.services.vault,
            DynamoGenerations(self.hooked, workers=1),
            self.chat.services.progress,
            self.chat.services.now,
            lambda: self.time,
        )

    def post(self, text: str) -> None:
        someone: Someone = self.bob
        someone.send(action="post", room="lobby", text=text)

    def fold(self) -> None:
        run_consumers(self.chat, ["project_views", "track_memberships"])

    def dump(self) -> list[dict[str, Any]]:
        return list(DynamoViews(self.table).dump())

    def expected(self) -> list[dict[str, Any]]:
        """What a fold of the logs from nothing makes."""
        memory, log = MemoryViews(), self.chat.services.log
        for stream in ("lobby", "u_ann", "u_bob"):
            projector(memory, self.chat.services.vault).apply(stream, log.events(stream))
        return list(memory.dump())

    def generation(self) -> int:
        return self.generations.generation("R#lobby")

    def rows(self) -> list[dict[str, Any]]:
        return list(self.table.every())


@pytest.fixture
def world(dynamo: Any, tables: dict[str, str]) -> World:
    return World(dynamo, tables)


def test_a_rebuild_makes_what_was_there(world: World) -> None:
    before = world.dump()
    assert before == world.expected()
    said: list[str] = []
    run = world.rebuilding.new_run()
    events = world.rebuilding.rebuild_all(["lobby", "u_ann", "u_bob"], run, said.append)
    assert said == ["lobby", "u_ann", "u_bob"]
    assert events == sum(world.chat.services.log.head(stream) for stream in said)
    assert world.generation() == run
    assert world.dump() == before
    assert list(world.chat.services.views.rooms()) == ["lobby"]
    assert [room for room, *_ in world.chat.services.views.rooms_of("u_bob")] == ["lobby"]
    world.post("after")
    world.fold()
    assert world.dump() == world.expected()


def test_what_was_replaced_stays_for_a_while(world: World) -> None:
    world.rebuilding.rebuild_all(["lobby", "u_ann", "u_bob"], world.rebuilding.new_run())
    assert any(row["pk"] == "R#lobby#0" for row in world.rows())
    world.time += GRACE - 1
    assert world.rebuilding.clean() == 0
    before = world.dump()
    world.time += 2
    assert world.rebuilding.clean() > 5
    assert not any(row["pk"].endswith("#0") or row["pk"] == "generations" for row in world.rows())
    assert world.dump() == before == world.expected()


def test_what_is_read_is_never_cleaned(world: World) -> None:
    """Whoever adopted a generation may have died before the note of it was taken away."""
    streams = ["lobby", "u_ann", "u_bob"]
    for _ in range(2):
        before = world.dump()
        for stream in streams:
            live = world.generations.generation(stream_of(stream))
            world.generations.begin(stream, live, world.time)
        world.time += 10 * GRACE
        assert world.rebuilding.clean() == 0
        assert world.dump() == before == world.expected()
        assert not any(row["pk"] == "generations" for row in world.rows()), "the notes are done"
        # And the same with views that a rebuild made.
        world.rebuilding.rebuild_all(streams, world.rebuilding.new_run())
        world.time += 10 * GRACE
        assert world.rebuilding.clean() > 0
        assert world.dump() == before


def test_a_rebuild_that_was_given_up_is_cleaned_and_another_one_is_not(world: World) -> None:
    given_up, begun = world.rebuilding.new_run(), world.rebuilding.new_run() + 5
    before = world.dump()
    for generation, at in ((given_up, world.time), (begun, world.time + GRACE)):
        world.generations.begin("R#lobby", generation, at)
        log = world.chat.services.log.events("lobby")
        views = Views(world.generations.building(generation))
        projector(views, world.chat.services.vault).apply("lobby", log)
    rows = len([row for row in world.rows() if row["pk"] == f"R#lobby#{given_up}"])
    assert rows > 3
    world.time += GRACE + 1
    assert world.rebuilding.clean() == rows
    assert not any(row["pk"] == f"R#lobby#{given_up}" for row in world.rows())
    assert any(row["pk"] == f"R#lobby#{begun}" for row in world.rows())
    assert world.dump() == before
    assert world.generations.adopt("R#lobby", begun, world.time)
    assert world.dump() == before


def test_no_read_fails_or_goes_back_while_all_goes_on(world: World) -> None:
    """At each write of the rebuild somebody posts, the live fold runs and people read."""
    seen = [0]
    reader = DynamoViews(world.table, workers=1)
    chat = Chat(replace(world.chat.services, views=reader))
    reading, listing = chat.reading, chat.listing

    def meanwhile(operation: str) -> None:
        world.hooked.before = lambda _: None
        world.post(f"during {operation}")
        page = reading.messages("lobby", "u_ann", None, 100)["messages"]
        assert [message["text"] for message in page][:3] == ["one", "two", "three"]
        assert len(page) == seen[0] + 4
        seen[0] += 1
        (room,) = listing.own("u_bob", None, 100)["rooms"]
        assert room["head"] >= versions[-1]
        versions.append(room["head"])
        assert room["last"] is not None
        assert reading.members("lobby", "u_ann", "", 10)["members"][0]["name"] == "ann"
        if seen[0] % 3 == 0:
            world.fold()
        world.hooked.before = meanwhile if seen[0] < 15 else lambda _: None

    versions = [0]
    world.hooked.before = meanwhile
    run = world.rebuilding.new_run()
    assert world.rebuilding.rebuild("lobby", run) > 15
    assert seen[0] == 15
    assert world.generation() == run
    world.fold()
    assert listing.own("u_bob", None, 100)["rooms"][0]["head"] >= versions[-1]
    assert world.dump() == world.expected()


def test_a_live_fold_that_is_further_along_is_caught_up_with(world: World) -> None:
    raced = [0]

    def race(operation: str) -> None:
        if operation == "transact_write_items" and raced[0] < 3:
            raced[0] += 1
            world.post("faster")
            world.fold()

    world.hooked.before = race
    world.rebuilding.rebuild("lobby", world.rebuilding.new_run())
    assert raced[0] == 3
    assert world.dump() == world.expected()


def test_a_live_fold_that_is_always_faster(world: World) -> None:
    def race(operation: str) -> None:
        if operation == "transact_write_items":
            world.post("faster")
            world.fold()

    world.hooked.before = race
    before = world.generation()
    with pytest.raises(StillMoving):
        world.rebuilding.rebuild("lobby", world.rebuilding.new_run())
    assert world.generation() == before
    assert world.dump() == world.expected()


@pytest.mark.parametrize("same_run", [True, False])
def test_a_rebuild_that_crashes_anywhere_goes_on(
    world: World, same_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.chat.rebuilding.CHUNK", 3)
    run, crashes = world.rebuilding.new_run(), 0
    for at in range(1, 100):
        left = [at]

        def crash(operation: str, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise Crash

        world.hooked.before = crash
        try:
            world.again().rebuild("lobby", run)
        except Crash:
            crashes += 1
            assert world.dump() == world.expected()
            world.time += 1
            run = run if same_run else world.rebuilding.new_run()
        else:
            break
    assert crashes > 2
    assert world.generation() == run
    world.post("after")
    world.fold()
    assert world.dump() == world.expected()
    world.time += GRACE + 200
    world.again().clean()
    generations = {row["pk"].split("#")[2] for row in world.rows() if row["pk"].count("#") == 2}
    assert generations <= {"0", str(run)}
    assert not any(row["pk"] == "R#lobby#0" for row in world.rows())
    assert world.dump() == world.expected()


def test_the_same_run_twice_does_nothing(world: World) -> None:
    run = world.rebuilding.new_run()
    assert world.rebuilding.rebuild("lobby", run) > 0
    world.hooked.before = lambda operation: pytest.fail(operation)
    assert world.rebuilding.rebuild("lobby", run) == 0
    assert world.rebuilding.rebuild("lobby", run - 1) == 0


def test_nothing_is_rebuilt_of_a_log_that_is_not_there(world: World) -> None:
    rows = world.rows()
    assert world.rebuilding.rebuild("nowhere", world.rebuilding.new_run()) == 0
    assert world.rows() == rows


def poison(world: World, version: int, state: Callable[[dict[str, Any]], None]) -> None:
    """Changes an event of the lobby behind the log's back."""
    for index, stored in enumerate(world.recorder._stored_events):
        if (stored.originator_id, stored.originator_version) == ("lobby", version):
            changed = orjson.loads(stored.state)
            state(changed)
            new = replace(stored, state=orjson.dumps(changed))
            world.recorder._stored_events[index] = new


def test_what_is_parked_stays_so_until_it_is_healed(world: World) -> None:
    progress = world.chat.services.progress
    poison(world, 5, lambda state: state.update(n_was=state.pop("n")))
    progress.park(Parked("project_views", "lobby", 4, "KeyError", "then"))
    progress.park(Parked("project_views", UNKNOWN, 77, "unreadable record", "then"))
    progress.park(Parked("track_memberships", "lobby", 2, "KeyError", "then"))
    assert world.rebuilding.redrive(world.rebuilding.new_run()) == 1
    left = [(one.consumer, one.version) for one in progress.parked()]
    assert left == [("project_views", 5), ("track_memberships", 2)], "4 was healed, 5 fails"
    views = DynamoViews(world.table)
    assert views.message("lobby", 5) is None
    assert views.message("lobby", 6) is not None

    poison(world, 5, lambda state: state.update(n=state.pop("n_was")))
    world.time += 1
    assert world.rebuilding.redrive(world.rebuilding.new_run()) == 1
    assert [one.consumer for one in progress.parked()] == ["track_memberships"]
    assert world.dump() == world.expected()


def test_a_room_whose_kind_was_not_known_is_listed_once_it_is(world: World) -> None:
    def listed() -> list[str]:
        rooms = world.chat.listing.directory("u_eve", "", None, 10)["rooms"]
        return [room["room"] for room in rooms]

    poison(world, 1, lambda state: state.update(kind_was=state.pop("kind")))
    world.rebuilding.rebuild("lobby", world.rebuilding.new_run())
    assert listed() == []
    poison(world, 1, lambda state: state.update(kind=state.pop("kind_was")))
    world.time += 1
    world.rebuilding.rebuild("lobby", world.rebuilding.new_run())
    assert listed() == ["lobby"]


def test_consumers_elsewhere_remember_the_old_generation_and_find_the_new(world: World) -> None:
    services = world.chat.services
    warm = Consuming(
        projector(DynamoViews(world.table), services.vault), services.log, services.progress, str
    )
    assert warm.consumer.last("lobby") == services.log.head("lobby")
    world.rebuilding.rebuild("lobby", world.rebuilding.new_run())
    world.post("on")
    head = services.log.head("lobby")
    warm.consumer.apply("lobby", services.log.events("lobby", after=head - 1))
    assert warm.consumer.last("lobby") == head
    assert services.views.message("lobby", head) is not None


def test_the_same_on_dynamodb_local(dynamo_local: Any, tables_local: dict[str, str]) -> None:
    """Its transactions are Amazon's own."""
    world = World(dynamo_local, tables_local)
    raced = [0]

    def race(operation: str) -> None:
        if operation == "transact_write_items" and raced[0] < 1:
            raced[0] += 1
            world.post("faster")
            world.fold()

    world.hooked.before = race
    run = world.rebuilding.new_run()
    world.rebuilding.rebuild_all(["lobby", "u_ann", "u_bob"], run)
    assert (world.generation(), raced[0]) == (run, 1)
    assert world.dump() == world.expected()
    world.time += GRACE + 1
    assert world.rebuilding.clean() > 5
    assert world.dump() == world.expected()
