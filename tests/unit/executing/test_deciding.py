"""Deciding at the head, lost races, and what deciding reads and keeps."""

from collections.abc import Sequence
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from adapters.memory.events import MemoryEvents
from domain import deciding
from domain.errors import DeletedMessage, NotAMember, ParleyError, RoomBusy
from domain.executing import ATTEMPTS, PAUSE
from domain.room.invitations import RemoveMember
from domain.room.messages import Delete, Edit, MessagePosted
from domain.room.reactions import React
from domain.room.tail import MESSAGE_BYTES
from tests.support.aggregates import ask, sealed
from tests.unit.executing.world import (
    ROOM,
    World,
    always_first,
    join,
    post,
)


def test_a_lost_race_is_decided_again() -> None:
    world = World()
    world.a.one(post("u_ann", id="1"))
    world.b.one(post("u_ann", id="2"))
    assert world.a.one(post("u_ann", id="3")) == 6
    assert world.a.executor.conflicts == 1
    assert world.a.pauses == [], "its memory was behind, nobody writes right now"
    numbers = [e.n for e in world.a.log.events(ROOM) if isinstance(e, MessagePosted)]
    assert numbers == [1, 2, 3]


def test_ten_lost_races_are_answered_room_busy() -> None:
    world = World()
    world.recorder.before = always_first(world)
    outcomes = world.a.do(post("u_bob", id="1"), post("u_bob", id="2"))
    assert [type(outcome) for outcome in outcomes] == [RoomBusy, RoomBusy]
    assert world.a.executor.conflicts == ATTEMPTS == 10
    assert len(world.versions()) == 3 + ATTEMPTS
    assert ("u_bob", "1") not in world.ids()
    world.recorder.before = None
    assert world.a.one(post("u_bob", id="1")) == 14


def test_the_tenth_attempt_may_win() -> None:
    world = World()
    first, lost = always_first(world), iter(range(ATTEMPTS - 1))
    world.recorder.before = lambda: first() if next(lost, None) is not None else None
    assert world.a.one(post("u_bob", id="1")) == 3 + ATTEMPTS


def test_pauses_are_short_and_grow() -> None:
    world = World()
    world.recorder.before = always_first(world)
    world.a.one(post("u_bob", id="1"))
    assert len(world.a.pauses) == ATTEMPTS - 2
    assert all(
        0 <= pause <= PAUSE * 2 ** min(attempt, 5)
        for attempt, pause in enumerate(world.a.pauses, 2)
    )


def test_a_refusal_from_a_stale_cache_is_decided_again_at_the_head() -> None:
    world = World()
    assert world.a.one(post("u_bob", id="1")) == 4
    assert world.b.one(join("u_cy")) == 5
    assert world.a.one(post("u_cy", id="2")) == 6
    assert world.a.executor.conflicts == 0


def test_a_refusal_at_the_head_stands() -> None:
    world = World()
    assert isinstance(world.a.one(post("u_cy", id="1")), NotAMember)
    assert isinstance(world.b.one(post("u_cy", id="1")), NotAMember)


def test_that_nothing_changes_is_decided_at_the_head_too() -> None:
    """Bob was removed by way of the other writer; a stale cache that still has him as a member
    may not answer his joining."""
    world = World()
    assert world.a.one(post("u_bob", id="1")) == 4
    assert world.b.one(ask(RemoveMember, "u_ann", id="2", user="u_bob")) == 5
    assert world.a.one(join("u_bob", id="3")) == 6
    assert world.b.one(post("u_bob", id="4")) == 7


def test_a_retry_to_a_stale_writer_is_answered_with_the_first_ones_ack() -> None:
    """Writer B, who is at 5, finds the reaction in the log's tail; that it changes nothing is
    not the answer, the first one's version is."""
    world = World()
    assert world.b.one(post("u_ann", id="1")) == 4
    assert world.b.one(join("u_cy")) == 5
    react = ask(React, "u_ann", id="2", since=5, version=4, emoji="👍")
    assert world.a.one(react) == 6
    assert world.b.one(react) == 6


def test_a_batch_is_appended_all_or_nothing_and_refusals_stand_alone() -> None:
    world = World()
    world.b.one(post("u_ann", id="before"))
    outcomes = world.a.do(join("u_cy"), post("u_dan", id="1"), post("u_cy", id="2"))
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (5, NotAMember, 6)
    assert world.ids()[4:] == [("u_cy", "join"), ("u_cy", "2")]


def test_commands_of_one_batch_see_each_other() -> None:
    world = World()
    outcomes = world.a.do(
        post("u_bob", id="1"),
        ask(React, "u_ann", id="2", version=4, emoji="👍"),
        ask(React, "u_ann", id="3", version=4, emoji="👍"),
        ask(Delete, "u_bob", id="4", version=4),
        ask(React, "u_ann", id="5", version=4, emoji="🎉"),
        post("u_bob", id="1"),
    )
    assert outcomes[:4] == [4, 5, 5, 6]
    assert not isinstance(outcomes[4], int)
    assert outcomes[5] == 4


def failing_once(world: World, *, after: bool) -> None:
    """Has the next insert fail, before or after the events are in the log."""
    insert = MemoryEvents.insert_events

    def fail(events: Sequence[StoredEvent], **kwargs: Any) -> None:
        del world.recorder.insert_events
        if after:
            insert(world.recorder, events)
        raise OperationalError("the line went dead")

    world.recorder.insert_events = fail  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("after", [False, True])
def test_a_failing_insert_evicts_and_a_retry_is_exact(after: bool) -> None:
    world = World()
    command = post("u_bob", id="1", since=3)
    failing_once(world, after=after)
    with pytest.raises(OperationalError):
        world.a.one(command)
    assert world.a.log.cached(ROOM) is None
    assert world.a.one(command) == 4
    assert world.versions() == [1, 2, 3, 4]


def test_a_warm_command_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.a.one(post("u_bob", id="1"))
    monkeypatch.setattr(world.recorder, "select_events", None)
    assert world.a.one(post("u_bob", id="2")) == 5


@pytest.mark.parametrize("projected", [0, 4, 5, 6])
def test_a_message_is_decided_on_by_the_view_and_the_log_after_it(projected: int) -> None:
    """Wherever the view stands, a deleted message takes no reaction."""
    world = World()
    for version, command in enumerate((
        post("u_bob", id="1"),
        ask(React, "u_ann", id="2", version=4, emoji="👍"),
        ask(Delete, "u_bob", id="3", version=4),
    ), 4):  # fmt: skip
        if version == projected:
            world.project()
        assert world.a.one(command) == version
    if projected == 6:
        world.project()
    for writer in (world.a, world.b):
        assert not isinstance(writer.one(ask(React, "u_ann", version=4, emoji="🎉")), int)


def test_a_batch_decides_on_what_its_own_commands_did_to_a_message() -> None:
    """Nothing of it is in the log or in the views yet."""
    world = World()
    reply = post("u_ann", id="4", reply_to_command=("u_bob", "1"))
    first, reacted, deleted, refused, edited, second, answered = world.a.do(
        post("u_bob", id="1"),
        ask(React, "u_ann", id="2", version=4, emoji="👍"),
        ask(Delete, "u_bob", id="3", version=4),
        reply,
        ask(Edit, "u_bob", id="5", version=4, text=sealed("u_bob", "ho")),
        post("u_bob", id="6"),
        post("u_ann", id="7", reply_to_command=("u_bob", "6")),
    )
    assert (first, reacted, deleted, second, answered) == (4, 5, 6, 7, 8)
    assert isinstance(refused, DeletedMessage)
    assert isinstance(edited, DeletedMessage)
    event: Any = world.a.log.events(ROOM)[-1]
    assert event.reply_to == 7
    # And the same once it is in the log, by a process that has folded nothing.
    assert isinstance(world.b.one(reply), DeletedMessage)


def test_what_deciding_keeps_of_messages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that were decided on are remembered until there are many, then read again."""
    monkeypatch.setattr(deciding, "MAX_TAIL", 10)
    world = World()
    for number in range(40):
        version = world.a.one(post("u_bob", id=f"p{number}"))
        assert isinstance(version, int)
        react = ask(React, "u_ann", id=f"r{number}", version=version, emoji="👍")
        assert world.a.one(react) == version + 1
        tail = world.a.log.load(ROOM).tail
        assert tail is not None
        # With views that know nothing all is folded once more; a view that is up to date leaves
        # the message that is asked for.
        if number % 4 == 3:
            world.project()
            assert len(tail.messages) <= 10 + 4 + 4
    # What was forgotten is found again: a message of the beginning and its reaction.
    assert world.a.one(ask(React, "u_ann", id="again", version=4, emoji="👍")) == 83
    assert isinstance(world.a.one(ask(Delete, "u_bob", id="d", version=4)), int)
    assert isinstance(
        world.a.one(ask(React, "u_ann", id="late", version=4, emoji="🎉")), DeletedMessage
    )


def test_a_heavy_tail_is_folded_once_while_the_view_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Long messages that the view does not have yet, then commands that each need one."""
    monkeypatch.setattr(deciding, "MAX_TAIL_BYTES", 20_000)
    world = World()
    for number in range(20):
        world.a.one(post("u_bob", id=f"p{number}"))
    select, reads = world.recorder.select_events, []

    def counted(*arguments: Any, **named: Any) -> Any:
        found = select(*arguments, **named)
        reads.append(len(found))
        return found

    monkeypatch.setattr(world.recorder, "select_events", counted)
    for number in range(10):
        react = ask(React, "u_ann", id=f"r{number}", version=4 + number, emoji="👍")
        (outcome,) = world.a.do(react)
        assert outcome == 24 + number
    tail = world.a.log.load(ROOM).tail
    assert tail is not None
    assert tail.weight > deciding.MAX_TAIL_BYTES
    # The room's 23 events once, then the one that each command before appended.
    assert sum(reads) <= 23 + 10
    monkeypatch.undo()
    world.project()
    again = ask(React, "u_ann", id="again", version=4, emoji="👍")
    assert world.a.one(again) == 33, "it is there already"
    assert world.a.one(ask(Edit, "u_bob", id="edit", version=5, text=sealed("u_bob"))) == 34


def test_refused_commands_do_not_let_a_tail_grow_while_the_view_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing happens in the room, and somebody asks for one message after the other."""
    monkeypatch.setattr(deciding, "MAX_TAIL_BYTES", 20_000)
    world = World()
    for number in range(60):
        world.a.one(post("u_bob", id=f"p{number}"))
    world.project()
    world.a.log.evict(ROOM)
    decider, room = deciding.Decider(world.a.log, world.views), world.a.log.load(ROOM)
    for number in range(60):
        edit = ask(Edit, "u_ann", id=f"e{number}", version=4 + number, text=sealed("u_ann"))
        assert isinstance(decider.decide(room, edit), ParleyError)
        assert room.tail is not None
        assert room.tail.weight < 20_000 + 2 * MESSAGE_BYTES
