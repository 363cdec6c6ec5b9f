"""A room's topic: who may set it, its bounds, repeats, and what a reader is shown."""

from typing import Any

import pytest

from domain.chat import Chat
from domain.errors import CommandIdReused, NotAMember, NotFound, RoleRequired
from domain.protocol.limits import MAX_FRAME
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.room import RoomSnapshot
from domain.room.topics import MAX_TOPIC, SetTopic, TopicNow, TopicSet
from tests.support.aggregates import Given, Happened, ask, given, happened, sealed
from tests.support.chat import Someone, memory_chat, person, run_consumers

ANN, BOB, CY, DAN = "u_ann", "u_bob", "u_cy", "u_dan"


def a_room(kind: str, *more: Happened) -> Given:
    """Ann owns it, Bob is a member, Cy a moderator."""
    members = [
        happened(MemberJoined, user, user=user, name=sealed(user), role=role)
        for user, role in ((ANN, "owner"), (BOB, "member"), (CY, "moderator"))
    ]
    return given("lobby", happened(RoomCreated, ANN, name=sealed(ANN), kind=kind), *members, *more)


def topic(text: str | None, by: str = ANN) -> Happened:
    return happened(TopicSet, by, topic=None if text is None else sealed(by, text))


def setting(by: str, text: str | None, **more: Any) -> Any:
    """A command whose words are compared as if sealed texts were open."""

    def same(now: dict[str, str] | None) -> bool:
        return (None if now is None else now["c"]) == text

    words = None if text is None else sealed(by, text)
    return ask(SetTopic, by, topic=words, same=same, digest=f"{by} {text}", **more)


@pytest.mark.parametrize("kind", ["public", "broadcast"])
def test_owners_and_moderators_set_it_in_open_rooms_and_members_do_not(kind: str) -> None:
    for user in (ANN, CY):
        a_room(kind).when(setting(user, "Gardens")).then(topic("Gardens", user))
        a_room(kind, topic("Gardens")).when(setting(user, None)).then(topic(None, user))
    a_room(kind).when(setting(BOB, "Gardens")).then_refused(RoleRequired)
    a_room(kind).when(setting(DAN, "Gardens")).then_refused(NotAMember)


def test_every_member_sets_it_in_a_private_room_and_nobody_else_learns_of_it() -> None:
    a_room("private").when(setting(BOB, "Gardens")).then(topic("Gardens", BOB))
    a_room("private").when(setting(DAN, "Gardens")).then_refused(NotFound)


def test_what_changes_nothing_is_no_event() -> None:
    a_room("public").when(setting(ANN, None)).then_nothing()
    room = a_room("public", topic("Gardens"))
    room.when(setting(CY, "Gardens")).then_nothing()
    a_room("public", topic("Gardens"), topic(None)).when(setting(CY, None)).then_nothing()
    once = setting(ANN, "Trees", id="once")
    room.when(once).then(topic("Trees"))
    assert room.when(once).outcome == 6
    room.when(setting(ANN, "Bees", id="once")).then_refused(CommandIdReused)


def test_a_snapshot_keeps_it_and_one_of_an_earlier_release_loads() -> None:
    room: Any = a_room("public", topic("Gardens")).aggregate
    snapshot = RoomSnapshot.take(room)
    restored: Any = snapshot.mutate(None)  # type: ignore[func-returns-value, unused-ignore]
    assert restored.part(TopicNow).text == sealed(ANN, "Gardens")
    assert restored.weight() > a_room("public").aggregate.weight()
    del snapshot.state["topic"]
    older: Any = snapshot.mutate(None)  # type: ignore[func-returns-value, unused-ignore]
    assert older.part(TopicNow).text is None


# Over the wire


@pytest.fixture
def lobby() -> tuple[Chat, Someone, Someone]:
    """Ann owns the lobby, Bob is in it."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    run_consumers(chat)
    bob.frames()
    return chat, ann, bob


def set_by(someone: Someone, text: Any, **more: Any) -> dict[str, Any]:
    """Returns the answer to a command that sets the topic."""
    frames = someone.send(action="set_topic", room="lobby", topic=text, **more)
    return [frame for frame in frames if frame["type"] in ("ack", "error")][-1]


def facts(someone: Someone) -> Any:
    frames = [frame for frame in someone.sync(lobby=None) if frame["type"] == "synced"]
    return frames[0]["rooms"]["lobby"]["snapshot"].get("facts")


def head(chat: Chat) -> int:
    return chat.services.log.head("lobby")


@pytest.mark.parametrize("folded", [True, False])
def test_a_snapshot_has_the_topic_and_names_its_author(
    lobby: tuple[Chat, Someone, Someone], folded: bool
) -> None:
    chat, ann, bob = lobby
    assert facts(bob) is None
    set_by(ann, "  Gardens ")
    if folded:
        run_consumers(chat)
        bob.frames()
    frames = [frame for frame in bob.sync(lobby=None) if frame["type"] == "synced"]
    snapshot = frames[0]["rooms"]["lobby"]["snapshot"]
    assert snapshot["facts"] == {"topic": {"text": "Gardens", "by": ANN}}
    assert snapshot["people"] == {ANN: "ann"}
    set_by(ann, " ")
    assert facts(bob) == {"topic": {"text": None, "by": ANN}}


def test_it_is_pushed_open_and_stored_sealed(lobby: tuple[Chat, Someone, Someone]) -> None:
    chat, ann, bob = lobby
    bob.sync(lobby=None)
    set_by(ann, "Gardens")
    run_consumers(chat)
    pushed = [frame for frame in bob.frames() if frame["type"] == "events"]
    assert [event["data"] for frame in pushed for event in frame["events"]] == [
        {"topic": "Gardens"}
    ]
    (stored,) = chat.services.log.recorder.select_events("lobby", gt=3)
    assert b"Gardens" not in stored.state
    assert chat.services.log.events("lobby", after=3)[0].topic["k"] == ANN  # type: ignore[attr-defined]


def test_the_same_words_change_nothing_whoever_sends_them(
    lobby: tuple[Chat, Someone, Someone],
) -> None:
    chat, ann, bob = lobby
    ann.send(action="set_role", room="lobby", user=BOB, role="moderator")
    before = head(chat)
    assert set_by(ann, "")["version"] == before
    assert set_by(ann, "Gardens", id="once")["version"] == before + 1
    assert set_by(bob, " Gardens ")["version"] == before + 1
    assert set_by(bob, "Trees")["version"] == before + 2
    assert set_by(ann, "Gardens", id="once")["version"] == before + 1
    assert facts(bob)["topic"] == {"text": "Trees", "by": BOB}
    assert head(chat) == before + 2


def test_it_goes_with_its_author_s_key_and_may_be_set_anew(
    lobby: tuple[Chat, Someone, Someone],
) -> None:
    chat, ann, bob = lobby
    ann.send(action="set_role", room="lobby", user=BOB, role="moderator")
    set_by(bob, "Gardens")
    run_consumers(chat)
    chat.services.vault.destroy(BOB)
    assert facts(ann) == {"topic": {"text": None, "by": BOB}}
    events = chat.reading.events("lobby", ANN, 4, 10)["events"]
    assert [event["data"] for event in events] == [{"topic": None}]
    set_by(ann, "Gardens")
    assert facts(ann) == {"topic": {"text": "Gardens", "by": ANN}}


def test_it_is_one_line_of_at_most_250_code_points(lobby: tuple[Chat, Someone, Someone]) -> None:
    _, ann, bob = lobby
    for text in ("a" * (MAX_TOPIC + 1), "a\nb", "a\tb", "a\x00b", None, 1):
        assert set_by(ann, text)["code"] == "invalid"
    assert set_by(bob, "Gardens")["code"] == "forbidden"
    assert set_by(ann, "🌱" * MAX_TOPIC)["type"] == "ack"
    assert facts(bob)["topic"]["text"] == "🌱" * MAX_TOPIC


def test_a_snapshot_fits_its_frame_beside_all_facts(
    lobby: tuple[Chat, Someone, Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, ann, _ = lobby
    gateway: Any = chat.services.gateway
    for number in range(100):
        ann.send(action="post", room="lobby", text=f"{number} " + "x" * 300)
        ann.send(action="pin", room="lobby", version=4 + 2 * number)
        if number % 25 == 0:
            run_consumers(chat)
    set_by(ann, "🌱" * MAX_TOPIC)
    run_consumers(chat)
    ann.frames()
    sizes: list[int] = []
    post = gateway.post

    def posting(ids: Any, frame: bytes) -> Any:
        sizes.append(len(frame))
        return post(ids, frame)

    monkeypatch.setattr(gateway, "post", posting)
    found = facts(ann)
    assert len(found["pins"]) == 100
    assert 20_000 < max(sizes) <= MAX_FRAME - 3_600, "and 100 people may be online"
