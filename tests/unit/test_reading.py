"""Reading rooms: pages, marks and lists, wherever the views stand behind the log."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapters.memory.events import MemoryEvents
from domain.chat import Chat, reading
from domain.errors import NotFound, RoomBusy
from domain.room.membership import MemberRenamed
from tests.support.chat import Someone, memory_chat, person, records, run_consumers

POSTS = 8
FIRST = 4
"""The version of the first message; each has the next version."""

Folded = Callable[[Chat], None]


def nothing(chat: Chat) -> None:
    """The views know nothing."""


def half(chat: Chat) -> None:
    """The views know four messages; the rest is in the log alone."""
    found = [
        record for _, record in records(chat) if orjson.loads(record.body)["stream"] == "lobby"
    ]
    assert chat.apply_records("project_views", found[: FIRST + 3]) == []


def everything(chat: Chat) -> None:
    run_consumers(chat)


@pytest.fixture(params=[nothing, half, everything])
def folded(request: pytest.FixtureRequest) -> Folded:
    found: Folded = request.param
    return found


def lobby(folded: Folded, kind: str = "public") -> tuple[Chat, Someone, Someone]:
    """Ann owns the lobby and Bob is in it; he posted eight messages."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind=kind)
    bob.send(action="join", room="lobby")
    for number in range(POSTS):
        bob.send(action="post", room="lobby", text=f"text {FIRST + number}")
    folded(chat)
    return chat, ann, bob


def versions(page: dict[str, Any]) -> list[int]:
    return [message["version"] for message in page["messages"]]


ALL = list(range(FIRST, FIRST + POSTS))


@pytest.mark.parametrize("before", [None, 1, FIRST, FIRST + 1, FIRST + 3, FIRST + 4, FIRST + 5,
                                    FIRST + POSTS - 1, FIRST + POSTS, 1_000])  # fmt: skip
@pytest.mark.parametrize("limit", [1, 3, 4, 50])
def test_a_page_is_the_newest_below_a_version(
    folded: Folded, before: int | None, limit: int
) -> None:
    chat, ann, _ = lobby(folded)
    page = chat.reading.messages("lobby", ann.user, before, limit)
    below = [version for version in ALL if before is None or version < before]
    assert versions(page) == below[-limit:]
    assert [message["text"] for message in page["messages"]] == [
        f"text {version}" for version in below[-limit:]
    ]
    assert page["people"] == ({"u_bob": "bob"} if below else {})


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_that_follow_each_other_have_each_message_once(folded: Folded, limit: int) -> None:
    chat, ann, _ = lobby(folded)
    found: list[int] = []
    before = None
    while page := versions(chat.reading.messages("lobby", ann.user, before, limit)):
        found = page + found
        before = page[0]
    assert found == ALL


def test_a_page_shows_messages_as_they_are_at_the_head(folded: Folded) -> None:
    chat, ann, bob = lobby(folded)
    bob.send(action="edit", room="lobby", version=FIRST, text="better")
    ann.send(action="delete", room="lobby", version=FIRST + 1)
    ann.send(action="react", room="lobby", version=FIRST + 2, emoji="👍")
    page = chat.reading.messages("lobby", ann.user, FIRST + 3, 50)["messages"]
    assert [message["text"] for message in page] == ["better", None, f"text {FIRST + 2}"]
    assert [message["deleted"] for message in page] == [False, True, False]
    assert page[2]["reactions"] == {"👍": ["u_ann"]}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 10])
def test_members_in_pages_are_those_at_the_head(folded: Folded, limit: int) -> None:
    chat, ann, _ = lobby(folded)
    others = {name: person(chat, name) for name in ("cy", "dan", "eve")}
    for someone in others.values():
        someone.send(action="join", room="lobby")
    others["dan"].send(action="leave", room="lobby")
    ann.send(action="set_role", room="lobby", user="u_eve", role="moderator")
    found: list[tuple[str, str, str]] = []
    after = ""
    while page := chat.reading.members("lobby", ann.user, after, limit)["members"]:
        assert len(page) <= limit
        found += [(row["user"], row["name"], row["role"]) for row in page]
        after = page[-1]["user"]
    assert found == [
        ("u_ann", "ann", "owner"),
        ("u_bob", "bob", "member"),
        ("u_cy", "cy", "member"),
        ("u_eve", "eve", "moderator"),
    ]


def test_unread_counts_what_is_above_the_mark(folded: Folded) -> None:
    chat, ann, bob = lobby(folded)

    def unread(someone: Someone) -> int:
        access = chat.reading.access("lobby", someone.user)
        return chat.reading.unread(access, someone.user)

    assert (unread(ann), unread(bob)) == (POSTS, 0)
    for mark, left in ((1, POSTS), (FIRST, POSTS - 1), (FIRST + 4, POSTS - 5), (FIRST + 7, 0)):
        ann.send(action="read", room="lobby", version=mark)
        assert unread(ann) == left
    ann.send(action="read", room="lobby", version=FIRST)
    assert unread(ann) == 0, "a mark only moves forward"
    ann.send(action="post", room="lobby", text="mine")
    assert (unread(ann), unread(bob)) == (0, 1)


@pytest.mark.parametrize("fold", [nothing, everything])
def test_a_private_room_is_its_members_alone(fold: Folded) -> None:
    chat = memory_chat()
    ann, bob, eve = (person(chat, name) for name in ("ann", "bob", "eve"))
    (ack, *_) = ann.send(action="create_room", room="den-222222222222", name="D", kind="private")
    assert ack["type"] == "ack", ack
    fold(chat)
    for stranger in (bob, eve):
        for read in (
            lambda user: chat.reading.messages("den-222222222222", user, None, 10),
            lambda user: chat.reading.events("den-222222222222", user, 0, 10),
            lambda user: chat.reading.members("den-222222222222", user, "", 10),
            lambda user: chat.reading.access("den-222222222222", user),
            lambda user: chat.reading.access("no-such-room", user),
        ):
            with pytest.raises(NotFound):
                read(stranger.user)
    assert versions(chat.reading.messages("den-222222222222", ann.user, None, 10)) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_of_members_have_each_once_whatever_came_since_the_views(limit: int) -> None:
    chat = memory_chat()
    ann, *others = (person(chat, f"m{letter}") for letter in "aceg")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for someone in others:
        someone.send(action="join", room="lobby")
    run_consumers(chat)
    # Between, before and behind those whom the views know; one of these is gone.
    for name in ("m0", "mb", "md", "mf", "mh", "mi"):
        person(chat, name).send(action="join", room="lobby")
    others[0].send(action="leave", room="lobby")
    found: list[str] = []
    while True:
        page = chat.reading.members("lobby", ann.user, found[-1] if found else "", limit)
        members = [member["user"] for member in page["members"]]
        if not members:
            break
        assert len(members) <= limit
        assert len(members) == limit or len(found) + len(members) == 9
        found += members
    assert found == [f"u_m{letter}" for letter in "0abdefghi"]


def test_who_joined_since_does_not_come_before_those_of_a_later_page() -> None:
    chat = memory_chat()
    ann, *others = (person(chat, f"m{letter}") for letter in "aceg")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for someone in others:
        someone.send(action="join", room="lobby")
    run_consumers(chat)
    person(chat, "mz").send(action="join", room="lobby")
    others[0].send(action="leave", room="lobby")
    page = chat.reading.members("lobby", ann.user, "", 2)
    assert [member["user"] for member in page["members"]] == ["u_ma", "u_me"]


def test_a_name_that_changed_since_the_views_is_shown() -> None:
    chat, ann, bob = lobby(everything)
    log = chat.services.log
    renamed = MemberRenamed(
        originator_id="lobby", originator_version=log.head("lobby") + 1, by=bob.user, at="",
        recorded_at="", id="", digest="", user=bob.user,
        name=chat.services.vault.seal(bob.user, "Robert"),
    )  # fmt: skip
    log.recorder.insert_events(log.stored([renamed]))
    log.evict("lobby")
    page = chat.reading.messages("lobby", ann.user, None, 10)
    assert page["people"] == {bob.user: "Robert"}


@pytest.mark.parametrize(("behind", "busy"), [(3, False), (4, True)])
def test_a_view_that_lags_by_more_than_a_reader_waits_for_is_not_folded(
    monkeypatch: pytest.MonkeyPatch, behind: int, busy: bool
) -> None:
    chat, ann, bob = lobby(everything)
    monkeypatch.setattr(reading, "MAX_TAIL", 3)
    for number in range(behind):
        bob.send(action="post", room="lobby", text=str(number))
    if busy:
        with pytest.raises(RoomBusy):
            chat.reading.messages("lobby", ann.user, None, 10)
    else:
        assert len(chat.reading.messages("lobby", ann.user, None, 50)["messages"]) == POSTS + behind


def test_nothing_is_unread_for_a_guest() -> None:
    chat, _, _ = lobby(everything)
    guest = person(chat, "guest")
    assert chat.reading.unread(chat.reading.access("lobby", guest.user), guest.user) == 0


def test_a_page_ends_where_its_texts_fill_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_BYTES", 20_000)
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="wide", name="Wide", kind="public")
    for number in range(12):
        ann.send(action="post", room="wide", text=f"{number:02}" + "😀" * 998)
    run_consumers(chat)
    for read_views in (True, False):
        if not read_views:
            chat.services.views.store.reset("R#wide")
        page = chat.reading.messages("wide", ann.user, None, 1_000)
        assert [message["version"] for message in page["messages"]] == [11, 12, 13, 14]
        page = chat.reading.messages("wide", ann.user, 11, 1_000)
        assert [message["version"] for message in page["messages"]] == [7, 8, 9, 10]
        seen, after = [], 0
        while events := chat.reading.events("wide", ann.user, after, 1_000)["events"]:
            assert len(events) <= 6
            seen += [event["version"] for event in events]
            after = seen[-1]
        assert seen == list(range(1, 15))
    opened: list[Any] = []
    vault = type(chat.services.vault)
    real = vault.open

    def counting(self: Any, sealed: Any) -> str | None:
        opened.append(sealed)
        return real(self, sealed)

    monkeypatch.setattr(vault, "open", counting)
    chat.reading.messages("wide", ann.user, None, 1_000)
    # Four messages that fit, the one after them, and a name.
    assert len(opened) <= 6
    opened.clear()
    shown = chat.reading.events("wide", ann.user, 0, 1_000)["events"]
    # One sealed field of each event that fits, and of the one after them.
    assert len(opened) <= len(shown) + 1
    monkeypatch.setattr(reading, "PAGE_BYTES", 1)
    assert len(chat.reading.messages("wide", ann.user, None, 50)["messages"]) == 1


def test_a_room_whose_tail_cannot_be_read_is_busy_until_the_views_are_past_it() -> None:
    chat, ann, _ = lobby(nothing)
    recorder = chat.services.log.recorder
    assert isinstance(recorder, MemoryEvents)
    (stored,) = recorder.select_events("lobby", gt=FIRST, limit=1)
    recorder.replace(replace(stored, topic="room.unheard-of"))
    with pytest.raises(RoomBusy):
        chat.reading.messages("lobby", ann.user, None, 10)
    run_consumers(chat)
    shown = versions(chat.reading.messages("lobby", ann.user, None, 10))
    assert shown == [version for version in ALL if version != FIRST + 1]
