"""A part of the state that is newer than a log's snapshot knows what happened before it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from domain.chat.authorising import Authorising
from domain.concerns import after
from domain.log import EventLog
from domain.person.person import PARTS as OF_PERSON
from domain.person.person import Person
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted
from domain.room.pins import Pins
from domain.room.room import PARTS, Part, Room
from tests.unit.test_log import filled

EVENTS = 12
POSTS = EVENTS - 2


def counting() -> type[Part]:
    """Declares a part that counts messages, and everybody who joined."""

    class Counting(Part):
        def __init__(self) -> None:
            self.posts = 0
            self.joined = 0

        def snapshot(self) -> dict[str, Any]:
            return {"counted": [self.posts, self.joined]}

        def restore(self, state: Mapping[str, Any]) -> None:
            self.posts, self.joined = state.get("counted", [0, 0])

    @after(MessagePosted)
    def _(room: Room, event: MessagePosted) -> None:
        if Counting in room.parts:
            room.part(Counting).posts += 1

    @after(MemberJoined)
    def _(room: Room, event: MemberJoined) -> None:
        if Counting in room.parts:
            room.part(Counting).joined += 1

    return Counting


@pytest.fixture
def undone() -> Iterator[None]:
    parts, applies = list(PARTS), [(e, e.apply) for e in (MessagePosted, MemberJoined)]
    yield
    PARTS[:] = parts
    for event, apply in applies:
        event.apply = apply  # type: ignore[method-assign]


def unlisted(log: EventLog) -> None:
    """Gives the log's snapshot the form of releases before the list."""
    (stored,) = log.snapshots.select_events("lobby")
    body = orjson.loads(stored.state)
    del body["state"]["parts"]
    log.snapshots.drop_older("lobby", stored.originator_version + 1)
    assert log.snapshots.select_events("lobby") == []
    log.snapshots.insert_events([replace(stored, state=orjson.dumps(body))])


@pytest.mark.parametrize("listed", [True, False])
def test_a_new_part_is_folded_from_the_first_event(undone: None, listed: bool) -> None:
    log = filled(EVENTS, (9,))
    if not listed:
        unlisted(log)
    assert (log.unfolded("lobby"), log.at_head("lobby").version) == (3, EVENTS)
    part: Any = counting()
    for room in (log.at_head("lobby"), log.load("lobby")):
        found: Any = room
        assert (found.part(part).posts, found.part(part).joined) == (POSTS, 1)
    assert log.unfolded("lobby") == EVENTS, "the snapshot lacks the part"
    log.evict("lobby")
    standing = Authorising(log, alone=False).standing("lobby")
    assert (standing.room.part(part).joined, standing.role("u_ann")) == (1, "owner")
    # The next snapshot has it.
    log.snapshots.insert_events([log.checkpoint(log.at_head("lobby"))])
    assert log.unfolded("lobby") == 0
    again: Any = log.at_head("lobby")
    assert (again.part(part).posts, again.part(part).joined) == (POSTS, 1)


def test_a_part_of_another_version_is_folded_anew(
    undone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    part: Any = counting()
    log = filled(EVENTS, (9,))
    assert log.unfolded("lobby") == 3
    monkeypatch.setattr(part, "version", 2)
    assert log.unfolded("lobby") == EVENTS


def test_a_part_that_only_new_events_change_leaves_snapshots_in_use(undone: None) -> None:
    log = filled(EVENTS, (9,))
    part: Any = counting()
    part.needs_past = False
    assert log.unfolded("lobby") == 3
    found: Any = log.at_head("lobby")
    assert (found.part(part).posts, found.version) == (EVENTS - 9, EVENTS)


def test_snapshots_without_a_list_have_the_parts_of_their_releases() -> None:
    for aggregate, parts in ((Room, PARTS), (Person, OF_PERSON)):
        assert aggregate.unlisted <= {part.__name__ for part in parts}
    log = filled(EVENTS, (9,))
    unlisted(log)
    assert log.unfolded("lobby") == 3
    found: Any = log.at_head("lobby")
    assert found.part(Pins) == Pins()


def test_the_list_is_the_beginning_of_a_stored_snapshot() -> None:
    """It is read without the rest, which may have megabytes."""
    log = filled(EVENTS)
    for aggregate in (log.load("lobby"), Person("u_ann")):
        found: Any = aggregate
        state = log.checkpoint(found).state
        assert state.startswith(b'{"state":{"parts":{"')
        assert type(found).is_whole(state)
        lacking = state.replace(b'"Invitations":1', b'"Other":1', 1)
        assert lacking != state
        assert not type(found).is_whole(lacking)
