"""What a client folds from pushes equals what a fresh read gives (rules 9 and 13).

Three people send random commands over sockets whose pushes are dropped, doubled and delayed;
clients do what docs/protocol.md says: drop lower versions, hold pushes while they sync, and ask
`sync` on a gap.

Over 300 lines: one world of people, rooms and clients, which every property drives.
"""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregate import Command
from domain.chat import Chat
from domain.chat.receiving import Receiving
from domain.chat.unsealing import open_event, open_facts, open_words
from domain.protocol.types import AskedField, asked_fields
from domain.room.room import ACTIONS
from domain.room.view import Gap, RoomView
from tests.support.chat import Someone, admit, memory_chat, person, run_consumers

ROOM = "lobby-222222222222"
NAMES = ("ann", "bob", "cy")


class Client:
    """A tab that shows one room."""

    def __init__(self, someone: Someone) -> None:
        self.someone = someone
        self.view = RoomView()
        self.people: dict[str, str | None] = {}
        self.awaiting: str | None = None
        self.error: str | None = None
        self._held: list[dict[str, Any]] = []
        self._delayed: list[dict[str, Any]] = []
        self._syncs = 0

    def sync(self, *, anew: bool = False) -> None:
        self._syncs += 1
        self.awaiting = f"sync-{self._syncs}"
        held = self.view.version or None
        frame = {
            "action": "sync", "id": self.awaiting, "rooms": {ROOM: None if anew else held}
        }  # fmt: skip
        Receiving(self.someone.chat).receive(self.someone.connection, orjson.dumps(frame).decode())

    def receive(self, fates: list[int]) -> None:
        """Takes what was posted. A push is lost (1), comes twice (2) or with the next (3)."""
        frames, self._delayed = [*self._delayed, *self.someone.frames()], []
        fate = iter(fates)
        for frame in frames:
            chosen = next(fate, 0) if frame["type"] == "events" else 0
            if chosen == 3:
                self._delayed.append(frame)
            for _ in range((1, 0, 2, 0)[chosen]):
                self._take(frame)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "events":
            if self.awaiting is None:
                self._apply(frame)
            else:
                self._held.append(frame)
        elif frame["type"] == "synced" and frame["id"] == self.awaiting:
            self._synced(frame["rooms"][ROOM])
            if not frame.get("more", False):
                self.awaiting = None
                held, self._held = self._held, []
                for one in held:
                    self._apply(one)

    def _synced(self, answer: dict[str, Any]) -> None:
        self.error = answer.get("error")
        if self.error:
            return
        if "snapshot" in answer:
            snapshot = answer["snapshot"]
            self.view = RoomView()
            for field in ("version", "name", "kind", "member_count"):
                setattr(self.view, field, snapshot[field])
            self.view.kept = snapshot.get("facts", {})
            self.view.messages = {message["version"]: message for message in snapshot["messages"]}
            self.people.update(snapshot["people"])
        else:
            self._apply(answer)
            assert not answer["complete"] or self.view.version >= answer["head"]

    def _apply(self, frame: dict[str, Any]) -> None:
        self.people.update(frame["people"])
        try:
            self.view.apply_all(frame["events"])
        except Gap:
            if self.awaiting is None:
                self.sync()


def shown(view: RoomView) -> dict[str, Any]:
    return {
        "version": view.version,
        "name": view.name,
        "kind": view.kind,
        "member_count": view.member_count,
        "messages": [message for _, message in sorted(view.messages.items())],
        "facts": view.facts(),
    }


class World:
    def __init__(self, kind: str) -> None:
        self.chat: Chat = memory_chat()
        self.clients = [Client(person(self.chat, name)) for name in NAMES]
        ann = self.clients[0].someone
        ann.send(action="create_room", id="create", room=ROOM, name="Lobby", kind=kind)
        admit(ann, self.clients[1].someone, ROOM)
        self.asked = 0

    def command(self, who: int, action: str, content: dict[str, Any]) -> None:
        self.asked += 1
        client = self.clients[who]
        frame = {"action": action, "id": f"c{self.asked}", "room": ROOM, **content}
        Receiving(self.chat).receive(client.someone.connection, orjson.dumps(frame).decode())

    def fold(self, upto: int) -> RoomView:
        vault = self.chat.services.vault
        events = self.chat.services.log.events(ROOM, upto=upto)
        return RoomView().apply_all(open_event(vault, event.wire()) for event in events)

    def check_whole(self, client: Client) -> None:
        """Whatever was lost, what a client shows is the room as it was at some version."""
        version = client.view.version
        if not version:
            return
        # A text that a later event takes away or replaces may be withheld from then on.
        expected = self.fold(version)
        for number, message in client.view.messages.items():
            if message["text"] is None:
                assert self.texts_end(number), "a text is missing that stands"
                expected.messages[number]["text"] = None
        assert shown(client.view) == shown(expected)

    def texts_end(self, number: int) -> bool:
        """Returns whether the message was deleted or edited by the log's head."""
        message = self.fold(10**6).messages[number]
        return message["deleted"] or message["edited_at"] is not None

    def check_fresh(self, client: Client) -> None:
        """The client shows what a fresh read gives."""
        user = client.someone.user
        read = self.chat.reading.messages(ROOM, user, None, 1_000)
        access = self.chat.reading.access(ROOM, user)
        assert shown(client.view) == {
            "version": access.view.version,
            "name": open_words(self.chat.services.vault, access.view.name),
            "kind": access.view.kind,
            "member_count": access.view.member_count,
            "messages": read["messages"],
            "facts": open_facts(self.chat.services.vault, access.view)[0],
        }
        assert {user: client.people.get(user, name) for user, name in read["people"].items()} == (
            read["people"]
        )

    def settle(self) -> None:
        """All is delivered, and each client syncs."""
        run_consumers(self.chat)
        for client in self.clients:
            client.receive([])
            client.sync()
            while client.awaiting is not None:
                client.receive([])

    def may_read(self, client: Client) -> bool:
        role = self.fold(10**6).members.get(client.someone.user, {}).get("role")
        return self.fold(10**6).kind != "private" or role is not None


VALUES: dict[str, Any] = {
    "Version": st.integers(3, 10),
    "UserId": st.sampled_from([f"u_{name}" for name in NAMES]),
    "Emoji": st.sampled_from("👍🎉"),
    "StoredEmoji": st.sampled_from("👍🎉"),
    "Text": st.sampled_from(["hi", "ho ho"]),
    "line": st.sampled_from(["", "hi", "ho ho"]),
    "RoomName": st.just("Lobby"),
    "RoomKind": st.just("public"),
    "MessageKind": st.sampled_from(["text", "action"]),
    "Role": st.sampled_from(["moderator", "member"]),
    "Flag": st.booleans(),
}
"""By the name of a field's type: what a client may send."""


def frames_of(action: str, command: type[Command]) -> Any:
    def values(fields: list[AskedField]) -> dict[str, Any]:
        return {field.name: VALUES[field.type] for field in fields}

    asked = asked_fields(command)
    needed = [field for field in asked if field.default is ...]
    content = st.fixed_dictionaries(
        values(needed), optional=values([field for field in asked if field not in needed])
    )
    return st.tuples(st.just(action), content)


FRAMES = {action: frames_of(action, command) for action, command in ACTIONS.items()}
FRAMES["read"] = st.tuples(st.just("read"), st.fixed_dictionaries({"version": VALUES["Version"]}))
# Every action that a room has; more posts, since most actions need a message.
COMMAND: Any = st.sampled_from(["post"] * 6 + sorted(FRAMES)).flatmap(FRAMES.__getitem__)
WHO = st.sampled_from([0, 0, 1, 2])
"""The room's owner more often: others may do less."""
STEP: Any = st.one_of(
    st.tuples(st.just("command"), WHO, COMMAND),
    st.tuples(st.just("command"), WHO, COMMAND),
    st.tuples(st.just("deliver"), st.sets(st.sampled_from(["project_views", "track_memberships"]))),
    st.tuples(st.just("receive"), WHO, st.lists(st.integers(0, 3), max_size=6)),
    st.tuples(st.just("sync"), WHO, st.booleans()),
)
CASES = (
    st.sampled_from(["public", "private", "broadcast"]),
    st.lists(STEP, min_size=20, max_size=60),
)


def check_folding(kind: str, steps: list[Any]) -> None:
    world = World(kind)
    for client in world.clients:
        client.sync()
    for step in steps:
        if step[0] == "command":
            world.command(step[1], *step[2])
        elif step[0] == "deliver":
            run_consumers(world.chat, [*step[1], "deliver"])
        elif step[0] == "receive":
            client = world.clients[step[1]]
            client.receive(step[2])
            world.check_whole(client)
        elif world.clients[step[1]].awaiting is None:
            # Delivered before: see the test below of what a late MemberLeft does.
            run_consumers(world.chat, ["deliver"])
            world.clients[step[1]].sync(anew=step[2])
    world.settle()
    readers = [client for client in world.clients if world.may_read(client)]
    for client in readers:
        world.check_fresh(client)
    for client in world.clients:
        assert (client.error is None) == (client in readers)

    # From here on pushes alone keep them fresh.
    for text in ("one more", "and one"):
        world.command(0, "post", {"text": text})
        run_consumers(world.chat)
    for client in readers:
        client.receive([])
        assert client.awaiting is None
        world.check_fresh(client)


@given(*CASES)
def test_pushes_and_sync_end_in_what_a_fresh_read_gives(kind: str, steps: list[Any]) -> None:
    check_folding(kind, steps)


@pytest.mark.long
@settings(max_examples=1_000, derandomize=False)
@given(*CASES)
def test_pushes_and_sync_end_in_what_a_fresh_read_gives_a_thousand_times(
    kind: str, steps: list[Any]
) -> None:
    check_folding(kind, steps)


def test_a_client_far_behind_begins_anew() -> None:
    world = World("public")
    client = world.clients[1]
    client.sync()
    client.receive([])
    for number in range(501):
        world.command(0, "post", {"text": f"{number}"})
    client.sync()
    world.settle()
    assert client.view.version == 504
    assert len(client.view.messages) == 100
    assert shown(client.view)["messages"] == shown(world.fold(504))["messages"][-100:]


def test_who_comes_back_before_their_leaving_is_delivered_hears_what_follows() -> None:
    """A late MemberLeft leaves alone the connection that synced after it: taking it out would
    be a silent gap."""
    world = World("public")
    bob = world.clients[1]
    world.settle()
    world.command(1, "leave", {})
    world.command(1, "join", {})
    bob.sync()
    run_consumers(world.chat)
    world.command(0, "post", {"text": "hello again"})
    run_consumers(world.chat)
    bob.receive([])
    world.check_fresh(bob)


def test_names_of_authors_are_told_before_the_views_know_them() -> None:
    """Names are folded to the log's head, as the messages are."""
    world = World("public")
    world.command(0, "post", {"text": "hello"})
    read = world.chat.reading.messages(ROOM, "u_bob", None, 10)
    assert [message["text"] for message in read["messages"]] == ["hello"]
    assert read["people"] == {"u_ann": "ann"}
