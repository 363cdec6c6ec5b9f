"""Retention: old content gives way to marks; all else stays.

Over 300 lines: one run of retention over one world, in memory and in DynamoDB.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.generations import DynamoGenerations
from adapters.dynamodb.retention import DynamoRetention
from adapters.dynamodb.table import Table
from adapters.memory.events import MemoryEvents
from adapters.memory.retention import MemoryRetention
from domain.aggregate import NOT_KEPT
from domain.chat import Chat, retaining
from domain.chat.rebuilding import Rebuilding
from domain.consuming import Record
from domain.executing import outcomes_of, versions_of
from domain.log import EVENT_CLASSES, SNAPSHOT_EVERY, envelope, mapper
from domain.ports.retention import Retention
from domain.projections.views import Views
from domain.protocol.types import Sealed
from domain.room.messages import MessagePosted, Post
from domain.room.view import RoomView
from functions import bootstrap, sweep
from tests.support.chat import Clock, Someone, memory_chat, person
from tests.support.dynamodb import ENGINES, counting, engine_of
from tests.support.views import DynamoViews, MemoryViews, save_room

DAY = 86_400.0
Progress = Callable[[], bool]


class World:
    """A room of two, kept for ten days."""

    def __init__(
        self, recorder: Any, views: Views, retention: Callable[[], Retention], days: int = 10
    ) -> None:
        self.clock = Clock()
        self.views = views
        self.remembering = retention
        chat = memory_chat(clock=self.clock, recorder=recorder, views=views)
        services = replace(chat.services, retention=retention(), retention_days=days)
        self.chat = Chat(services)
        self.ann, self.bob = person(self.chat, "ann"), person(self.chat, "bob")
        self.ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
        self.bob.send(action="join", room="lobby")

    def forgetful(self) -> Chat:
        """Returns the same without what retention remembers."""
        return Chat(replace(self.chat.services, retention=self.remembering()))

    def stored(self) -> Sequence[StoredEvent]:
        return self.chat.services.log.recorder.select_events("lobby")

    def fold(self, upto: int | None = None) -> None:
        records = [Record(str(e.originator_version), envelope(e)) for e in self.stored()]
        assert self.chat.apply_records("project_views", records[:upto]) == []

    def texts(self) -> list[str | None]:
        """Returns what a reader sees; log and views say the same."""
        seen = self.chat.reading.messages("lobby", self.ann.user, None, 100)["messages"]
        folded = self.folded().messages.values()
        opened = [m["text"] and self.chat.services.vault.open(m["text"]) for m in folded]
        assert [one["text"] for one in seen] == opened
        return opened

    def folded(self) -> RoomView:
        return RoomView().apply_all(e.wire() for e in self.chat.services.log.events("lobby"))

    def sweep(self, more: Progress = lambda: True) -> int:
        return self.chat.sweep(more)["events"]


def in_memory(days: int = 10) -> World:
    recorder, views = MemoryEvents(), MemoryViews()
    return World(recorder, views, lambda: MemoryRetention(recorder, views.memory), days)


@pytest.fixture(params=["memory", *ENGINES])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return in_memory()
    client, tables = engine_of(request, request.param)
    events, views, progress = (Table(client, tables[n]) for n in ("events", "views", "progress"))
    return World(
        DynamoEvents(events),
        DynamoViews(views, workers=1),
        lambda: DynamoRetention(events, views, progress, workers=1),
    )


def say(someone: Someone, text: str) -> int:
    frames = someone.send(action="post", room="lobby", text=text)
    version: int = next(f["version"] for f in frames if f["type"] == "ack")
    return version


def test_what_is_old_is_not_kept_and_what_is_young_stays(world: World) -> None:
    first = say(world.ann, "one")
    world.bob.send(action="react", room="lobby", version=first, emoji="👍")
    say(world.bob, "two")
    world.clock.wait(6 * DAY)
    say(world.ann, "three")
    world.bob.send(action="edit", room="lobby", version=first + 2, text="two, better")
    world.fold()
    before = [mapper.to_domain_event(one) for one in world.stored()]
    assert world.sweep() == 0
    world.clock.wait(6 * DAY)
    assert world.sweep() == 2
    assert world.texts() == [None, "two, better", "three"]
    for old, now in zip(before, world.stored(), strict=True):
        event: Any = mapper.to_domain_event(now)
        changed = {name for name in vars(old) if vars(old)[name] != vars(event)[name]}
        assert changed == ({"text"} if event.originator_version in (first, first + 2) else set())
    assert world.views.header("lobby") == world.folded().header()
    world.clock.wait(6 * DAY)
    assert world.sweep() == 2
    assert world.texts() == [None, None, None]
    members = world.chat.reading.members("lobby", world.ann.user, "", 10)["members"]
    assert [one["name"] for one in members] == ["ann", "bob"]
    reactions = world.chat.reading.messages("lobby", world.ann.user, None, 1 + 2)["messages"]
    assert reactions[0]["reactions"] == {"👍": [world.bob.user]}


def test_twice_changes_nothing(world: World) -> None:
    say(world.ann, "one")
    world.fold()
    world.clock.wait(11 * DAY)
    assert world.sweep() == 1
    kept = [*world.stored()], [*world.views.dump()]
    assert world.sweep() == 0
    assert world.forgetful().sweep(lambda: True)["events"] == 0
    world.clock.wait(2 * DAY)
    assert world.sweep() == 0
    assert ([*world.stored()], [*world.views.dump()]) == kept


def test_it_goes_on_where_time_was_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "CHUNK", 2)
    for text in "abcdef":
        say(world.ann, text)
    world.fold()
    world.clock.wait(11 * DAY)
    done = [world.sweep(lambda: False) for _ in range(6)]
    assert sum(done) == 6
    assert max(done) <= 2
    assert world.texts() == [None] * 6
    assert world.sweep() == 0


def test_a_text_that_a_fold_wrote_back_is_found_by_the_next_run(world: World) -> None:
    version = say(world.ann, "one")
    world.fold()
    world.clock.wait(11 * DAY)
    world.bob.send(action="react", room="lobby", version=version, emoji="👍")
    (before,) = [mapper.to_domain_event(e) for e in world.stored() if "posted" in e.topic]
    assert world.sweep() == 1
    # A projector that had read the message before writes it now, with the reaction.
    view = RoomView(lambda wanted: world.views.message("lobby", wanted))
    view.restore(world.views.header("lobby") or {})
    expected = view.version
    view.apply_all(e.wire() for e in world.chat.services.log.events("lobby", after=expected))
    view.messages[version]["text"] = vars(before)["text"]
    assert save_room(world.views, "lobby", expected, view)
    world.clock.wait(DAY)
    world.sweep()
    message = world.views.message("lobby", version)
    assert message is not None
    assert message["text"] == NOT_KEPT
    assert message["reactions"] == {"👍": [world.bob.user]}


def test_views_that_are_folded_after_it_show_the_mark(world: World) -> None:
    say(world.ann, "one")
    world.fold(3)
    world.clock.wait(11 * DAY)
    assert world.sweep() == 1
    world.fold()
    assert world.texts() == [None]


def test_a_repeated_command_is_still_known(world: World) -> None:
    frame = {"action": "post", "id": "same", "room": "lobby", "text": "one"}
    (first,) = world.ann.send(**frame)
    world.fold()
    world.clock.wait(11 * DAY)
    world.sweep()
    world.chat.services.log.evict("lobby")
    (again,) = world.ann.send(**frame)
    assert again == first
    (other,) = world.ann.send(**{**frame, "text": "other"})
    assert other["code"] == "invalid"


def import_line(world: World, text: str, at: str) -> int:
    """Appends what was said long ago and is recorded now, as an import does."""
    services, user = world.chat.services, world.ann.user
    line = Post(
        by=user,
        id=f"irc:{text}",
        at=at,
        recorded_at=services.now(),
        digest="irc",
        text=services.vault.seal(user, text),
        kind="text",
        reply_to=None,
    )
    (version,) = versions_of(outcomes_of(services.executor, [("lobby", [line])])[0])
    return version


def test_age_counts_from_when_it_was_recorded(world: World) -> None:
    """An import of an old log is kept as long as what was said on the day of the import."""
    say(world.ann, "before")
    world.fold()
    world.clock.wait(11 * DAY)
    assert world.sweep() == 1
    import_line(world, "from 2005", "2005-08-08T11:29:00.000000+00:00")
    say(world.ann, "on the same day")
    import_line(world, "from a clock that is ahead", "2099-01-01T00:00:00.000000+00:00")
    world.fold()
    for _ in range(3):
        world.clock.wait(3 * DAY)
        assert world.sweep() == 0
        kept = ["from 2005", "on the same day", "from a clock that is ahead"]
        assert world.texts() == [None, *kept]
    world.clock.wait(2 * DAY)
    assert world.sweep() == 3
    assert [event.text for event in posts(world)] == [NOT_KEPT] * 4


def posts(world: World) -> list[MessagePosted]:
    events = world.chat.services.log.events("lobby")
    return [event for event in events if isinstance(event, MessagePosted)]


def test_only_the_event_that_was_read_is_replaced(world: World) -> None:
    """What stands at its place and is another one stays, and nothing is put where nothing is."""
    version = say(world.ann, "one")
    retention = world.remembering()
    (held,) = retention.events("lobby", version - 1, 1)
    other = StoredEvent("lobby", version, "room.message-edited", b'{"other":true}')
    beyond = StoredEvent("lobby", version + 1, "room.message-posted", held.state)
    elsewhere = StoredEvent("nowhere", 1, "room.message-posted", held.state)
    for event in (other, beyond, elsewhere):
        retention.replace([event])
    assert list(retention.events("lobby", version - 1, 10)) == [held]
    assert list(retention.events("nowhere", 0, 10)) == []
    marked = StoredEvent("lobby", version, held.topic, b'{"marked":true}')
    retention.replace([other, marked, beyond])
    assert list(retention.events("lobby", version - 1, 10)) == [marked]


def test_content_is_kept_where_nothing_says_otherwise() -> None:
    world = in_memory(days=0)
    say(world.ann, "one")
    world.fold()
    world.clock.wait(10_000 * DAY)
    assert world.sweep() == 0
    assert world.texts() == ["one"]


def test_content_may_be_kept_for_a_day_alone() -> None:
    world = in_memory(days=1)
    say(world.ann, "one")
    world.fold()
    world.clock.wait(2 * DAY)
    say(world.ann, "two")
    assert world.sweep() == 1
    assert world.texts() == [None, "two"]


def test_an_event_that_cannot_be_read_is_left_and_passed() -> None:
    world = in_memory()
    for text in "abc":
        say(world.ann, text)
    world.fold()
    recorder: Any = world.chat.services.log.recorder
    damaged = StoredEvent("lobby", 5, "room.message-posted", b"{}")
    recorder.replace(damaged)
    world.clock.wait(11 * DAY)
    assert world.sweep() == 2
    assert world.stored()[4] == damaged
    assert world.stored()[5].state.count(b'"k":"-"') == 1


@pytest.mark.usefixtures("no_scan")
def test_rooms_are_found_without_reading_the_log(dynamo: Any, tables: dict[str, str]) -> None:
    events, views, progress = (Table(dynamo, tables[n]) for n in ("events", "views", "progress"))
    world = World(
        DynamoEvents(events),
        DynamoViews(views, workers=1),
        lambda: DynamoRetention(events, views, progress),
    )
    for text in "abc":
        say(world.ann, text)
    world.ann.send(action="create_room", room="den-222222222222", name="Den", kind="private")
    world.ann.send(action="post", room="den-222222222222", text="d")
    world.fold()
    den = world.chat.services.log.recorder.select_events("den-222222222222")
    world.chat.apply_records(
        "project_views", [Record(str(e.originator_version), envelope(e)) for e in den]
    )
    world.clock.wait(11 * DAY)
    assert world.sweep() == 4
    with counting(dynamo) as called:
        assert world.sweep() == 0
    assert called == ["GetItem"], "a run that is not due asks but whether it is"


class Context:
    function_name = function_version = memory_limit_in_mb = "test"
    invoked_function_arn = aws_request_id = "test"

    def __init__(self, left: int) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left


def test_the_schedule_runs_it_in_the_time_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "CHUNK", 4)
    world = in_memory()
    for text in "abc":
        say(world.ann, text)
    world.fold()
    world.clock.wait(11 * DAY)
    bootstrap.use(world.chat)
    context: Any = Context(sweep.SPARE)
    assert sweep.handler({}, context)["events"] == 1, "a chunk at least"
    context = Context(sweep.SPARE + 1)
    assert sweep.handler({}, context)["events"] == 2
    bootstrap.use(None)


def test_what_is_folded_anew_is_gone_over_from_its_beginning(
    dynamo: Any, tables: dict[str, str]
) -> None:
    events, views, progress = (Table(dynamo, tables[n]) for n in ("events", "views", "progress"))
    live = DynamoViews(views, workers=1)
    world = World(
        DynamoEvents(events), live, lambda: DynamoRetention(events, views, progress, workers=1)
    )
    version = say(world.ann, "one")
    world.fold()
    (posted,) = [e for e in world.stored() if "posted" in e.topic]
    world.clock.wait(11 * DAY)
    for _ in range(3):
        world.sweep()
        world.clock.wait(DAY)
    # A rebuild had read the log before all that, and ends only now.
    services = world.chat.services
    Rebuilding(
        services.log,
        services.vault,
        DynamoGenerations(views, workers=1),
        services.progress,
        services.now,
        services.seconds,
    ).rebuild("lobby", 7)
    live.refresh("lobby")
    retention = DynamoRetention(events, views, progress, workers=1)
    assert retention.generation("lobby") == 7
    text = vars(mapper.to_domain_event(posted))["text"]
    retention.change_messages("lobby", [version], lambda message: {**message, "text": text})
    world.sweep()
    (seen,) = live.page("lobby", None, 10)
    assert seen["text"] == NOT_KEPT
    assert {"R#lobby#0", "R#lobby#7"} < {row["pk"] for row in views.every()}
    # What was folded anew is gone over twice as well: a fold may have written the text back.
    retention.change_messages("lobby", [version], lambda message: {**message, "text": text})
    world.clock.wait(DAY)
    world.sweep()
    (seen,) = live.page("lobby", None, 10)
    assert seen["text"] == NOT_KEPT
    assert "R#lobby#0" not in {row["pk"] for row in views.every()}


def test_a_message_that_folds_keep_changing_is_left(dynamo: Any, tables: dict[str, str]) -> None:
    events, views, progress = (Table(dynamo, tables[n]) for n in ("events", "views", "progress"))
    live = DynamoViews(views, workers=1)
    world = World(
        DynamoEvents(events), live, lambda: DynamoRetention(events, views, progress, workers=1)
    )
    version = say(world.ann, "one")
    world.fold()
    (row,) = [i for i in views.every() if str(i["sk"]).startswith("m#")]
    tries = []

    def change(message: dict[str, Any]) -> dict[str, Any]:
        tries.append(1)
        views.put({**row, "v": row["v"] + len(tries)})
        return {**message, "text": NOT_KEPT}

    DynamoRetention(events, views, progress, workers=1).change_messages("lobby", [version], change)
    assert len(tries) == 3
    (left,) = live.page("lobby", None, 10)
    assert left["text"] != NOT_KEPT


def test_nothing_else_holds_texts() -> None:
    """Content fields are the sealed ones that are not names, and no snapshot has any."""
    sealed = {
        (event.TOPIC, name)
        for event in EVENT_CLASSES
        for name, kind in event.__annotations__.items()
        if kind == Sealed and name != "name"
    }
    assert sealed == {(event.TOPIC, name) for event in EVENT_CLASSES for name in event.content}
    world = in_memory()
    for _ in range(3):
        say(world.ann, "words")
    log = world.chat.services.log
    assert b'"c"' not in log.checkpoint(log.load("lobby")).state
    assert SNAPSHOT_EVERY  # it is what a snapshot is made of


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["post", "edit", "delete", "react", "wait", "fold", "sweep"]),
        st.integers(0, 8),
    ),
    max_size=25,
)


@given(DEEDS)
def test_every_fold_is_as_before_with_old_texts_replaced(deeds: list[tuple[str, int]]) -> None:
    world = in_memory()
    texts: dict[int, str] = {}
    for index, (deed, which) in enumerate(deeds):
        if deed == "wait":
            world.clock.wait(which * DAY)
        elif deed == "fold":
            world.fold()
        elif deed == "sweep":
            world.sweep()
        elif deed == "post":
            texts[say(world.ann, f"post {index}")] = f"post {index}"
        else:
            more = {"edit": {"text": f"edit {index}"}, "react": {"emoji": "👍"}}.get(deed, {})
            world.ann.send(action=deed, room="lobby", version=4 + which, **more)
    world.fold()
    events: list[Any] = world.chat.services.log.events("lobby")
    before, stored = world.folded(), world.stored()
    now = world.clock.now()
    world.forgetful().sweep(lambda: True)
    limit = _ten_days_before(now)
    for old, kept, event in zip(stored, world.stored(), events, strict=True):
        if event.recorded_at >= limit or not event.content:
            assert kept == old
        else:
            assert kept.state.count(b'"c":""') == 1
    said = {e.originator_version: e.recorded_at for e in events if "posted" in e.TOPIC}
    said |= {e.message: e.recorded_at for e in events if "edited" in e.TOPIC}
    expected = {
        version: message
        if message["text"] is None or said[version] >= limit
        else {**message, "text": NOT_KEPT}
        for version, message in before.messages.items()
    }
    assert world.folded().messages == expected
    assert {m["version"]: m for m in world.views.page("lobby", None, 99)} == expected
    assert world.folded().header() == before.header() == world.views.header("lobby")


def _ten_days_before(now: str) -> str:
    return (datetime.fromisoformat(now) - timedelta(days=10)).isoformat(timespec="microseconds")
