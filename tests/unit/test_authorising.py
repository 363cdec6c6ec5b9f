"""Who may read is said by the log, whatever a view knows; a view that lags costs a bounded read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents
from domain import deciding
from domain.chat import Chat, authorising, reading
from domain.chat.authorising import Authorising
from domain.chat.listing import Listing
from domain.chat.reading import Reading
from domain.deciding import Decider
from domain.errors import NotFound, RoomBusy
from domain.log import EventLog
from domain.room.room import Room
from tests.support.chat import Someone, memory_chat, person, run_consumers


class CountingEvents(MemoryEvents):
    """Counts the events that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def select_events(self, *arguments: Any, **more: Any) -> Any:
        found = super().select_events(*arguments, **more)
        self.read += len(found)
        return found


def den(chat: Chat) -> tuple[Someone, Someone]:
    """Makes a private room `den-abcdefghijkl` of Ann and Bob."""
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room=DEN, name="Den", kind="private")
    ann.send(action="add_member", room=DEN, user=bob.user)
    bob.send(action="join", room=DEN)
    ann.send(action="post", room=DEN, text="for us")
    run_consumers(chat)
    return ann, bob


DEN = "den-abcdefghijkl"


def park_newest(chat: Chat, room: str) -> None:
    """Has the views go past the room's newest event without folding it."""
    chat.consuming["project_views"].consumer.skip(room, chat.services.log.head(room))


def reads(chat: Chat, user: str) -> list[str]:
    """Returns which reads of the den a person is refused."""
    reader, refused = Reading(chat.services), []
    calls: dict[str, Callable[[], object]] = {
        "messages": lambda: reader.messages(DEN, user, None, 10),
        "events": lambda: reader.events(DEN, user, 0, 10),
        "members": lambda: reader.members(DEN, user, "", 10),
    }
    for name, read in calls.items():
        try:
            read()
        except NotFound:
            refused.append(name)
    return refused


@pytest.mark.parametrize("alone", [False, True])
def test_a_removed_member_reads_nothing_although_the_removal_is_parked(alone: bool) -> None:
    chat = memory_chat()
    chat = Chat(replace(chat.services, alone=alone))
    ann, bob = den(chat)
    assert reads(chat, bob.user) == []
    ann.send(action="remove_member", room=DEN, user=bob.user)
    park_newest(chat, DEN)
    assert reads(chat, bob.user) == ["messages", "events", "members"]
    assert reads(chat, ann.user) == []
    listed = Reading(chat.services).members(DEN, ann.user, "", 10)["members"]
    assert [member["user"] for member in listed] == [ann.user]
    bob.frames()
    (synced,) = bob.send(action="sync", rooms={DEN: 2})
    assert synced["rooms"] == {DEN: {"error": "not_found"}}
    (refused,) = bob.send(action="read", room=DEN, version=2)
    assert refused["code"] == "not_found"


def test_a_room_is_not_listed_to_whoever_was_removed_although_that_is_parked() -> None:
    chat = memory_chat()
    ann, bob = den(chat)
    ann.send(action="remove_member", room=DEN, user=bob.user)
    park_newest(chat, DEN)
    run_consumers(chat, ["track_memberships"])
    assert chat.services.views.member(DEN, bob.user)["role"] == "member"  # type: ignore[index]
    assert Listing(chat.services).own(bob.user, None, 10)["rooms"] == []
    assert len(Listing(chat.services).own(ann.user, None, 10)["rooms"]) == 1


def test_a_member_whose_joining_is_parked_reads_on() -> None:
    chat = memory_chat()
    ann, _ = den(chat)
    cy = person(chat, "cy")
    ann.send(action="add_member", room=DEN, user=cy.user)
    run_consumers(chat)
    cy.send(action="join", room=DEN)
    park_newest(chat, DEN)
    assert reads(chat, cy.user) == []


def damaged(topic: str) -> tuple[Chat, Someone, Someone]:
    """Returns a den with an event of that topic at its head that cannot be read."""
    chat = memory_chat()
    ann, bob = den(chat)
    log = chat.services.log
    log.recorder.insert_events([StoredEvent(DEN, log.head(DEN) + 1, topic, b"{}")])
    park_newest(chat, DEN)
    log.evict(DEN)
    return chat, ann, bob


def test_an_event_that_cannot_be_read_and_says_nothing_of_members_stops_no_reader() -> None:
    for topic in ("room.message-posted", "room.of-a-later-release"):
        chat, ann, bob = damaged(topic)
        assert reads(chat, ann.user) == reads(chat, bob.user) == []


def test_a_damaged_event_that_may_have_removed_somebody_closes_a_private_room() -> None:
    chat, ann, bob = damaged("room.member-left")
    assert reads(chat, ann.user) == reads(chat, bob.user) == ["messages", "events", "members"]


def test_what_is_remembered_is_brought_to_the_head_by_the_tail_alone() -> None:
    recorder = CountingEvents()
    chat = memory_chat(recorder=recorder)
    ann, bob = den(chat)
    elsewhere = Authorising(EventLog(recorder, chat.services.log.snapshots), alone=False)
    assert elsewhere.standing(DEN).role(bob.user) == "member"
    ann.send(action="post", room=DEN, text="more")
    ann.send(action="remove_member", room=DEN, user=bob.user)
    recorder.read = 0
    assert elsewhere.standing(DEN).role(bob.user) is None
    assert recorder.read == 2
    assert elsewhere.standing(DEN).role(ann.user) == "owner"
    assert recorder.read == 2


def test_what_was_folded_is_not_folded_again() -> None:
    """Two readers bring one room to its head at once: what both read counts once, in order."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for action in ("join", "leave", "join"):
        bob.send(action=action, room="lobby")
    ann.send(action="set_role", room="lobby", user="u_bob", role="moderator")
    stored = chat.services.log.recorder.select_events("lobby")
    standing = authorising.Standing(Room("lobby"))
    standing.fold(stored)
    before = (standing.version, dict(standing.room.members), standing.damaged)
    assert before == (6, {"u_ann": "owner", "u_bob": "moderator"}, False)
    for first in range(len(stored)):
        standing.fold(stored[first : first + 2])
        assert (standing.version, dict(standing.room.members), standing.damaged) == before
    assert standing.room.owners == 1


def test_what_is_remembered_is_bounded_by_members(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Room("r").weight() + 200
    monkeypatch.setattr(authorising, "KEPT", 3 * one)
    chat = memory_chat()
    ann = person(chat, "ann")
    rooms = [f"r{number}" for number in range(6)]
    for room in rooms:
        ann.send(action="create_room", room=room, name=room, kind="public")
    known = Authorising(chat.services.log, alone=False)
    for room in [*rooms, *rooms]:
        assert known.standing(room).role(ann.user) == "owner"
        assert known._weight <= 3 * one
    assert len(known._kept) == 3
    assert known.standing("no-such-room").readable_by(ann.user) is False
    assert len(known._kept) == 3


def test_what_a_snapshot_has_for_deciding_is_not_remembered() -> None:
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="hall", name="Hall", kind="public")
    for _ in range(300):
        ann.send(action="post", room="hall", text="x")
    log = chat.services.log
    log.save_snapshot(log.checkpoint(log.load("hall")))
    known = Authorising(log, alone=False)
    assert known.standing("hall").room.recent == {}
    assert known._weight == known.standing("hall").room.weight() < 2_500


def test_a_view_that_lags_too_far_is_not_folded_by_a_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MAX_TAIL", 20)
    recorder = CountingEvents()
    chat = memory_chat(recorder=recorder)
    ann, bob = den(chat)
    for _ in range(30):
        ann.send(action="post", room=DEN, text="more")
    reader = Reading(chat.services)
    recorder.read = 0
    with pytest.raises(RoomBusy):
        reader.messages(DEN, bob.user, None, 10)
    assert recorder.read <= 40
    ann.frames()
    (synced,) = ann.send(action="sync", rooms={DEN: None})
    assert synced["rooms"] == {DEN: {"error": "room_busy"}}
    # A mark needs no view.
    (ack,) = ann.send(action="read", room=DEN, version=30)
    assert ack["type"] == "ack"
    run_consumers(chat)
    assert len(reader.messages(DEN, bob.user, None, 10)["messages"]) == 10


def test_deciding_on_a_message_folds_no_more_than_a_bounded_lag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deciding, "MAX_LAG", 20)
    recorder = CountingEvents()
    chat = memory_chat(recorder=recorder)
    ann, _ = den(chat)
    for _ in range(30):
        ann.send(action="post", room=DEN, text="more")
    (refused,) = ann.send(action="edit", room=DEN, version=6, text="other")
    assert refused["code"] == "room_busy"
    # What needs no message is decided.
    assert ann.send(action="post", room=DEN, text="more")[0]["type"] == "ack"
    run_consumers(chat)
    ann.frames()
    assert ann.send(action="edit", room=DEN, version=6, text="other")[0]["type"] == "ack"


def test_a_tail_that_nobody_used_for_long_begins_anew_from_the_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deciding, "MAX_LAG", 20)
    chat = memory_chat()
    ann, _ = den(chat)
    log = chat.services.log
    decider = Decider(log, chat.services.views)
    for _ in range(2):
        held = log.cached(DEN)
        assert held is not None
        # Decided on the aggregate that is in memory, as the local engine does.
        assert decider._message(held, 5) is not None
        for _ in range(30):
            ann.send(action="post", room=DEN, text="more")
        assert log.cached(DEN) is held
        run_consumers(chat)


def test_a_retried_mark_searches_no_log_and_since_is_the_rooms() -> None:
    recorder = CountingEvents()
    chat = memory_chat(recorder=recorder)
    ann, _ = den(chat)
    for _ in range(300):
        ann.send(action="post", room=DEN, text="more")
    for version in range(3, 303):
        ann.send(action="read", id=f"m{version}", room=DEN, version=version, since=version)
    ann.frames()
    recorder.read = 0
    (again,) = ann.send(action="read", id="m3", room=DEN, version=3, since=2)
    assert (again["type"], again["version"]) == ("ack", 3)
    assert recorder.read < 700  # the person's log is folded once, from no snapshot


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=30), st.data())
def test_the_standing_is_the_aggregates(acts: list[tuple[str, int]], data: st.DataObject) -> None:
    chat = memory_chat()
    people = {name: person(chat, name) for name in "abc"}
    people["a"].send(action="create_room", room="hall", name="Hall", kind="public")
    known = Authorising(chat.services.log, alone=False)
    for name, act in acts:
        other = people[data.draw(st.sampled_from("abc"))].user
        frame: dict[str, Any] = [
            {"action": "join"},
            {"action": "leave"},
            {"action": "post", "text": "x"},
            {"action": "add_member", "user": other},
            {"action": "remove_member", "user": other},
            {"action": "set_role", "user": other, "role": "moderator"},
        ][act]
        people[name].send(room="hall", **frame)
        if data.draw(st.booleans()):
            known.standing("hall")
    found, folded = known.standing("hall"), chat.services.log.at_head("hall")
    assert isinstance(folded, Room)
    assert (found.version, found.room.kind, found.room.members) == (
        folded.version, folded.kind, folded.members,
    )  # fmt: skip
