"""Snapshots of a room: what they hold, and that they change no decision."""

from typing import Any

import orjson
import pytest

from adapters.memory.events import MemorySnapshots
from domain.aggregate import WINDOW
from domain.deciding import Decider
from domain.inviting import seconds
from domain.log import EventLog, mapper
from domain.room.invitations import (
    MAX_GONE,
    MAX_INVITED,
    Invitation,
    Invitations,
)
from domain.room.membership import (
    MAX_MEMBERS,
)
from domain.room.messages import (
    Messages,
)
from domain.room.room import Room, RoomSnapshot
from tests.support.aggregates import AT, given, stand
from tests.support.views import MemoryViews
from tests.unit.room.asking import (
    ANN,
    BOB,
    CY,
    DAN,
    EVE,
    a_room,
    created,
    declined,
    edit,
    edited,
    invited,
    joined,
    left,
    posted,
    role_changed,
)


def test_a_snapshot_of_a_full_room_is_small_and_restores_an_equal_aggregate() -> None:
    room = Room("r" * 64)
    room.version, room.kind, room.forgotten = 2**40, "broadcast", 2**40 - WINDOW
    room.part(Messages).n = 2**40
    invitations = room.part(Invitations)
    for number in range(MAX_MEMBERS):
        role = "member" if number > 100 else "moderator" if number > 10 else "owner"
        room.members[f"u_{number:013d}"] = role
    room.owners = 11
    for number in range(MAX_INVITED):
        inviter = f"u_{number:013d}"
        invited = Invitation("moderator", inviter, seconds(AT))
        invitations.pending[f"u_a{number:012d}"] = invited
    for number in range(MAX_GONE):
        invitations.gone[f"u_b{number:012d}"] = AT
    for number in range(WINDOW):
        room.remember(f"u_{number:013d}", f"{number:064d}", 2**40 - number, "f" * 16)
    taken: Any = RoomSnapshot.take(room)
    stored = mapper.to_stored_event(taken)
    assert len(stored.state) < 300_000
    kept: Any = mapper.to_domain_event(stored)
    restored = kept.mutate(None)
    assert vars(restored) == vars(room)


def test_a_snapshot_of_an_earlier_release_loads() -> None:
    taken: Any = RoomSnapshot.take(a_room("public", left(BOB), invited(DAN)).aggregate)
    del taken.state["asked"]
    assert taken.mutate(None).part(Invitations).pending == {DAN: Invitation("member", ANN)}
    del taken.state["invited"], taken.state["gone"]
    room = taken.mutate(None)
    assert room.members == {ANN: "owner", CY: "moderator"}
    assert room.part(Invitations) == Invitations()


def test_folding_from_a_snapshot_equals_folding_from_the_start() -> None:
    past = [created(), joined(ANN, "owner"), joined(BOB), role_changed(BOB, "owner"), posted(BOB),
            left(ANN), posted(BOB, n=2), invited(DAN), invited(EVE), declined(DAN)]  # fmt: skip
    whole = given("lobby", *past).aggregate
    half: Any = given("lobby", *past[:4]).aggregate
    restored = RoomSnapshot.take(half).mutate(None)
    for version, one in enumerate(past[4:], 5):
        restored.fold(stand("lobby", version, one))
    assert vars(restored) == vars(whole)


def test_a_snapshot_shortens_what_is_read_and_changes_no_decision() -> None:
    room = a_room("public", posted(BOB))
    snapshots = MemorySnapshots()
    taken: Any = RoomSnapshot.take(room.aggregate)
    snapshots.insert_events([mapper.to_stored_event(taken)])
    log = EventLog(room.log.recorder, snapshots)
    restored = log.load("lobby")
    assert vars(restored) == vars(room.aggregate)
    assert Decider(log, MemoryViews()).decide(restored, edit(BOB)) == 6


def test_only_the_next_event_of_the_same_log_is_folded() -> None:
    room = a_room().aggregate
    for log_id, version in (("lobby", 4), ("lobby", 6), ("other", 5)):
        with pytest.raises(ValueError, match="does not follow"):
            room.fold(stand(log_id, version, posted(BOB)))
    assert room.version == 4


def test_a_state_holds_no_words() -> None:
    room = a_room("public", posted(BOB), edited(5))
    taken: Any = RoomSnapshot.take(room.aggregate)
    state = orjson.dumps(taken.state).decode()
    assert "hello" not in state
    assert "name of" not in state
