"""A frame about somebody with a long log does not fold it where frames are taken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from adapters.memory.events import MemoryEvents
from domain.aggregate import Command
from domain.chat import Chat
from domain.chat.preparing import SHORT
from domain.person.memberships import Memberships
from domain.ports.commands import Executor, Reply
from local.executor import FOLDED_HERE
from tests.support.chat import Someone, memory_chat, person

DEN = "den-222222222222"


class CountingEvents(MemoryEvents):
    """Counts the events that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def select_events(self, *arguments: Any, **more: Any) -> Any:
        found = super().select_events(*arguments, **more)
        self.read += len(found)
        return found


class Later:
    """An executor that decides when it is told to."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._todo: list[Callable[[], None]] = []
        self.logs: list[str] = []

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        self.logs.append(log_id)
        self._todo.append(lambda: self.executor.execute(log_id, commands, reply))

    def run(self) -> None:
        while self._todo:
            self._todo.pop(0)()


class World:
    """Ann owns the den; Bob, whose log is long, is in no memory."""

    def __init__(self, events: int, alone: bool = True) -> None:
        self.recorder = CountingEvents()
        chat = memory_chat(recorder=self.recorder)
        ann, bob = person(chat, "ann"), person(chat, "bob")
        ann.send(action="create_room", room=DEN, name="Den", kind="private")
        bob.send(action="create_room", room="lobby", name="Lobby", kind="public")
        for number in range(events):
            bob.send(action="post", room="lobby", text="x")
            bob.send(action="read", room="lobby", version=number + 3)
        chat.services.log.evict(bob.user)
        self.later = Later(chat.services.executor)
        self.chat = Chat(replace(chat.services, alone=alone, executor=self.later))
        self.ann = Someone(self.chat, ann.user, ann.token, ann.connection)
        self.bob = Someone(self.chat, bob.user, bob.token, bob.connection)
        for someone in (self.ann, self.bob):
            someone.frames()
        self.recorder.read = 0

    def ask(self, action: str, id: str, **fields: Any) -> list[str]:
        return self.shown(self.ann.send(action=action, id=id, room=DEN, **fields))

    def answers(self) -> list[str]:
        self.later.run()
        return self.shown(self.ann.frames())

    @staticmethod
    def shown(frames: list[dict[str, Any]]) -> list[str]:
        return [f"{frame['id']} {frame.get('code', frame['type'])}" for frame in frames]


def test_a_long_log_is_folded_by_the_executor_once_and_frames_keep_their_order() -> None:
    world = World(2 * SHORT)
    assert world.ask("add_member", "i1", user="u_bob", role="moderator") == []
    assert world.ask("remove_member", "i2", user="u_bob") == []
    assert world.ask("post", "i3", text="after") == []
    assert world.recorder.read <= 1
    assert world.answers() == ["i1 ack", "i2 ack", "i3 ack"]
    events = world.chat.services.log.events(DEN, after=2)
    assert [type(event).__name__ for event in events] == [
        "MemberInvited", "InvitationDeclined", "MessagePosted",
    ]  # fmt: skip
    world.recorder.read = 0
    world.ask("add_member", "i4", user="u_bob")
    assert world.answers() == ["i4 forbidden"]
    assert world.recorder.read < SHORT


def test_frames_about_several_people_with_long_logs_keep_their_order() -> None:
    world = World(2 * SHORT)
    services = world.chat.services
    cy = person(Chat(replace(services, executor=world.later.executor)), "cy")
    cy.send(action="create_room", room="cys", name="Cy's", kind="public")
    for number in range(2 * SHORT):
        cy.send(action="post", room="cys", text="x")
        cy.send(action="read", room="cys", version=number + 3)
    services.log.evict(cy.user)
    world.ask("add_member", "i1", user="u_bob")
    world.ask("add_member", "i2", user="u_cy")
    world.ask("post", "i3", text="after")
    assert world.answers() == ["i1 ack", "i2 ack", "i3 ack"]


@pytest.mark.parametrize(
    "frame",
    [
        {"action": "create_room", "room": "new", "name": "New", "kind": "public"},
        {"action": "join", "room": "new"},
        {"action": "leave", "room": DEN, "since": 0},
        {"action": "leave", "room": "nowhere", "since": 0},
    ],
    ids=lambda frame: f"{frame['action']} {frame['room']}",
)
def test_ones_own_long_log_is_folded_by_the_executor_before_it_is_needed(
    frame: dict[str, Any],
) -> None:
    world = World(2 * SHORT)
    assert world.bob.send(id="i1", **frame) == []
    assert world.later.logs == ["u_bob"]
    assert world.recorder.read <= 1
    world.later.run()
    assert world.later.logs == ["u_bob", frame["room"]]
    assert world.chat.services.log.cached("u_bob") is not None


def test_a_members_frame_with_since_is_taken_at_once() -> None:
    world = World(2 * SHORT)
    world.ask("post", "i1", text="x", since=1)
    assert world.later.logs == [DEN]


def test_a_short_log_and_nobody_are_looked_up_at_once() -> None:
    world = World(1)
    world.ask("add_member", "i1", user="u_bob")
    assert world.ask("add_member", "i2", user="u_nobody") == ["i2 not_found"]
    assert world.answers() == ["i1 ack"]


def test_another_process_may_have_appended_so_nothing_is_kept_there() -> None:
    world = World(2 * SHORT, alone=False)
    world.ask("add_member", "i1", user="u_bob")
    assert world.chat.services.log.cached("u_bob") is None
    assert world.answers() == ["i1 ack"]


def test_frames_that_fail_do_not_hold_up_those_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(2 * SHORT)
    world.ask("add_member", "i1", user="u_bob")
    world.ask("add_member", "i2", user="u_nobody")
    world.ask("post", "i3", text="after")
    assert world.answers() == ["i2 not_found", "i1 ack", "i3 ack"]
    world.chat.services.log.evict("u_bob")
    world.ask("add_member", "i4", user="u_bob")
    world.ask("post", "i5", text="last")
    with monkeypatch.context() as patch:
        patch.setattr("domain.chat.looks.adding.standing", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            world.later.run()
    assert world.answers() == ["i4 internal", "i5 ack"]
    assert world.ask("add_member", "i6", user="u_nobody") == ["i6 not_found"]


def test_a_large_snapshot_counts_as_the_events_that_take_as_long() -> None:
    chat = memory_chat()
    bob, log = person(chat, "bob"), chat.services.log
    assert log.unfolded(bob.user) == 2
    known: Any = log.load(bob.user)
    log.save_snapshot(log.checkpoint(known))
    assert log.unfolded(bob.user) == 0
    known.part(Memberships).by_room = {
        f"room-{number:012d}": ("member", 3) for number in range(5_000)
    }
    known.version += 1
    log.save_snapshot(log.checkpoint(known))
    assert log.unfolded(bob.user) > 2 * FOLDED_HERE
