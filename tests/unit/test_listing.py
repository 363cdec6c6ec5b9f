"""Lists of rooms come in pages of a bounded size, for a fixed number of reads."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from adapters.dynamodb.table import Table
from domain.aggregate import Event
from domain.chat import Chat, listing
from domain.errors import Invalid
from domain.protocol.answers import Rooms
from domain.protocol.limits import MAX_NAME, MAX_NICKNAME, MAX_TEXT
from domain.room.lifecycle import RoomCreated
from domain.room.membership import MemberJoined
from domain.room.messages import MessagePosted
from tests.support.chat import memory_chat, person, run_consumers
from tests.support.views import DynamoViews, EditedViews, MemoryViews

AT = "2026-01-02T03:04:05.000000+00:00"


def add(
    chat: Chat,
    room: str,
    *members: str,
    name: str | None = None,
    kind: str = "public",
    text: str = "hello",
    messages: int = 1,
) -> None:
    """Puts a room of Ann's with more members into the views, as a fold would."""
    seal = chat.services.vault.seal
    events: list[Event] = []

    def add_event(made: Callable[..., Event], by: str, **fields: Any) -> None:
        place = {"originator_id": room, "originator_version": len(events) + 1, "by": by}
        events.append(made(**place, at=AT, recorded_at=AT, id="1", digest="", **fields))

    add_event(RoomCreated, "u_ann", name=seal("u_ann", name or room), kind=kind)
    for user in ("u_ann", *members):
        add_event(MemberJoined, user, user=user, name=seal(user, user[2:]), role="member")
    for n in range(1, messages + 1):
        said = {"text": seal("u_ann", text), "kind": "text", "n": n, "reply_to": None}
        add_event(MessagePosted, "u_ann", notify=[], **said)
    chat.consuming["project_views"].consumer.apply(room, events)


def world(views: Any = None) -> Chat:
    chat = memory_chat(views=views)
    for name in ("ann", "bob"):
        person(chat, name)
    return chat


def follow(read: Callable[[str | None], dict[str, Any]]) -> list[list[str]]:
    """Returns the rooms of all pages, page by page."""
    found, cursor = [], None
    while True:
        page = read(cursor)
        Rooms.model_validate_json(orjson.dumps(page))
        found.append([room["room"] for room in page["rooms"]])
        cursor = page["cursor"]
        if cursor is None:
            return found
        assert len(found) < 1_000


IDS = [f"room-{number:03d}" for number in range(23)]


def test_ones_own_rooms_come_in_pages() -> None:
    chat = world()
    for room in IDS:
        add(chat, room, "u_bob")
        add(chat, f"{room}-other")
    for limit in (1, 7, 22, 23, 24, 200):
        pages = follow(lambda cursor, n=limit: chat.listing.own("u_bob", cursor, n))  # type: ignore[misc]
        assert [room for page in pages for room in page] == IDS
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert follow(lambda cursor: chat.listing.own("u_eve", cursor, 10)) == [[]]


def test_a_room_of_ones_own_says_when_one_joined() -> None:
    chat = world()
    add(chat, "lobby", "u_bob")
    run_consumers(chat)

    def joined(page: dict[str, Any]) -> list[str | None]:
        return [room["joined"] for room in page["rooms"]]

    assert joined(chat.listing.own("u_bob", None, 10)) == [AT]
    assert joined(chat.listing.directory("u_cy", "", None, 10)) == [None]
    # A row that an earlier release folded does not say it.
    chat.services.views.store.amend("u_bob", {"joined": None})
    assert joined(chat.listing.own("u_bob", None, 10)) == [None]


def test_the_directory_has_what_one_may_join_and_is_not_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 4)
    chat = world()
    for number, room in enumerate(IDS):
        kind = ("public", "private", "broadcast")[number % 3]
        add(chat, room, *(["u_bob"] if number % 5 == 0 else []), kind=kind)
    expected = [room for n, room in enumerate(IDS) if n % 3 != 1 and n % 5]
    for limit in (1, 3, 100):
        pages = follow(lambda cursor, n=limit: chat.listing.directory("u_bob", "", cursor, n))  # type: ignore[misc]
        assert [room for page in pages for room in page] == expected
    (first, *_) = chat.listing.directory("u_bob", "", None, 10)["rooms"]
    assert (first["role"], first["unread"], first["last"]["text"]) == (None, 0, "hello")


def test_the_directory_is_searched_by_name_and_id() -> None:
    chat = world()
    add(chat, "cafe", name="Zürich")
    add(chat, "b", name="CAFÉ des Amis")
    add(chat, "c", name="Lobby")
    add(chat, "d", name="Café privé", kind="private")

    def found(q: str) -> list[str]:
        (page,) = follow(lambda cursor: chat.listing.directory("u_bob", q, cursor, 10))
        return page

    assert found("café") == ["b", "cafe"]
    assert found("amis CAFE") == ["b"]
    assert found("lob") == ["c"]
    assert found("prive") == []
    chat.services.vault.destroy("u_ann")
    assert found("lob") == []
    assert found("cafe") == ["cafe"]


def searched(chat: Chat, q: str) -> list[str]:
    pages = follow(lambda cursor: chat.listing.directory("u_bob", q, cursor, 10))
    return [room for page in pages for room in page]


def test_words_of_a_name_leave_the_index_with_the_person_who_gave_it() -> None:
    chat = memory_chat()
    ann, _ = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="cafe", name="Zürich 日本語の部屋", kind="public")
    ann.send(action="create_room", room="den-222222222222", name="Zürich", kind="private")
    run_consumers(chat)
    assert searched(chat, "zurich 部屋") == searched(chat, "CAF") == ["cafe"]
    assert searched(chat, "rich") == searched(chat, "zurich lake") == []
    store, blind = chat.services.views.store, chat.services.vault.blind
    indexed = f"w#{blind('directory zur')}"
    assert store.under(indexed) == ["R#cafe"]
    rows = [row for row in chat.services.views.dump() if "row" in row]
    assert rows
    assert "zur" not in str(rows), "no word stands in the index as it is"
    assert chat.erasing.erase("u_ann")
    run_consumers(chat)
    assert store.under(indexed) == []
    assert searched(chat, "zurich") == []
    assert searched(chat, "caf") == ["cafe"], "an id is nobody's"
    # A fold of the whole log anew makes none of them either.
    for stream in ("cafe", "u_ann"):
        chat.consuming["project_views"].redrive(stream)
    assert store.under(indexed) == []
    assert searched(chat, "caf") == ["cafe"]


def test_a_search_looks_at_a_bounded_part_of_the_index_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A word that few rooms have is found at once, whatever the number of rooms; of two words that
    many have, each request looks at a part."""
    monkeypatch.setattr(listing, "CHUNK", 5)
    monkeypatch.setattr(listing, "SCANNED", 10)
    chat = world()
    for room in IDS:
        add(chat, room, name="the one" if room in (IDS[12], IDS[22]) else "the other")
    pages = follow(lambda cursor: chat.listing.directory("u_bob", "one", cursor, 10))
    assert pages == [[IDS[12], IDS[22]]]
    pages = follow(lambda cursor: chat.listing.directory("u_bob", "room o", cursor, 10))
    assert pages == [IDS[:10], IDS[10:20], IDS[20:]]
    pages = follow(lambda cursor: chat.listing.directory("u_bob", "the on", cursor, 10))
    assert [room for page in pages for room in page] == [IDS[12], IDS[22]]
    assert len(pages) <= 3


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!", "YQ=", "YQ==", "YR", " YQ", "YQ\n", "QQ", "8J-YgA", "Li4", "é", "A" * 99],
)
def test_a_cursor_that_was_never_given_is_invalid(cursor: str) -> None:
    chat = world()
    add(chat, "a", "u_bob")
    with pytest.raises(Invalid):
        chat.listing.own("u_bob", cursor, 10)
    with pytest.raises(Invalid):
        chat.listing.directory("u_bob", "", cursor, 10)


def test_the_last_text_is_cut_and_a_full_page_is_far_below_lambdas_limit() -> None:
    chat = world()
    person(chat, "wide", name="\U0001f600" * MAX_NICKNAME)
    for number in range(200):
        room = f"{number:03d}".ljust(64, "z")
        add(chat, room, "u_bob", name="\U0001f600" * MAX_NAME, text="\U0001f600" * MAX_TEXT)
    page = chat.listing.own("u_bob", None, 200)
    assert {room["last"]["text"] for room in page["rooms"]} == {"\U0001f600" * 200}
    assert len(page["rooms"]) == 200
    assert len(orjson.dumps(page)) < 400_000


def test_unread_is_counted_for_the_whole_page() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    for room in ("a", "b", "c"):
        ann.send(action="create_room", room=room, name=room, kind="public")
        bob.send(action="join", room=room)
        for number in range(4):
            ann.send(action="post", room=room, text=f"{number}")
    bob.send(action="read", room="a", version=5)
    bob.send(action="react", room="b", version=4, emoji="👍")
    bob.send(action="post", room="c", text="mine")
    ann.send(action="post", room="c", text="theirs")
    run_consumers(chat)
    rooms = chat.listing.own("u_bob", None, 10)["rooms"]
    assert {room["room"]: room["unread"] for room in rooms} == {"a": 2, "b": 4, "c": 1}


class Counting:
    """Counts the calls of views' methods."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._views = MemoryViews()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._views, name)


def test_a_page_costs_as_many_reads_whatever_it_holds() -> None:
    views = Counting()
    chat = world(views)
    for number in range(200):
        add(chat, f"mine-{number:03d}", "u_bob", messages=3)
        add(chat, f"other-{number:03d}")
    views.save_person("u_bob", 0, 1, {f"mine-{number:03d}": 5 for number in range(200)})
    costs = []
    for limit in (1, 10, 200):
        views.calls.clear()
        page = chat.listing.own("u_bob", None, limit)
        assert [room["unread"] for room in page["rooms"]] == [1] * limit
        costs.append(dict(views.calls))
    assert costs[0] == costs[1] == costs[2]
    assert set(costs[0].values()) == {1}


def test_a_page_costs_a_bounded_number_of_requests_to_dynamodb(
    dynamo: Any, tables: dict[str, str], no_scan: None
) -> None:
    """A page of 100 rooms, with marks at messages: no request a room."""
    requests: Counter[str] = Counter()
    dynamo.meta.events.register(
        "before-call.dynamodb.*", lambda model, **_: requests.update([model.name])
    )
    # One write after the other: of two threads that begin a partition, moto may lose one's item.
    chat = world(DynamoViews(Table(dynamo, tables["views"]), workers=1))
    for number in range(110):
        add(chat, f"mine-{number:03d}", "u_bob", messages=3)
        add(chat, f"other-{number:03d}")
    views = EditedViews(chat.services.views.store)
    views.save_person("u_bob", 0, 1, {f"mine-{number:03d}": 5 for number in range(110)})
    requests.clear()
    page = chat.listing.own("u_bob", None, 100)
    assert [room["unread"] for room in page["rooms"]] == [1] * 100
    # The index and the marks; heads twice, members, last messages, their writers, ordinals.
    assert requests == {"Query": 2, "GetItem": 1, "BatchGetItem": 6}
    requests.clear()
    page = chat.listing.directory("u_bob", "OTHER", None, 200)
    assert len(page["rooms"]) == 110
    assert requests["Query"] == 2
    # For each 100 looked at their heads and the person's roles; then messages and writers of 110.
    assert requests["BatchGetItem"] <= 10
    assert set(requests) == {"Query", "BatchGetItem"}
