"""The Views port.

Over 300 lines: one port, and every adapter is held to all of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.dynamodb.table import Table
from adapters.sqlite.views_file import open_views
from domain.projections.rows import header_of
from domain.projections.store import Fold, Patch
from domain.projections.views import Own
from domain.room.view import RoomView
from tests.support.dynamodb import ENGINES, engine_of, scan_guard
from tests.support.views import DynamoViews, EditedViews, MemoryViews, SqliteViews, save_room

AT = "2026-01-02T03:04:05.000000+00:00"


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def views(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EditedViews]:
    if request.param == "memory":
        yield MemoryViews()
    elif request.param == "sqlite":
        database = open_views(tmp_path / "views.db")
        yield SqliteViews(database)
        database.close()
    else:
        client, tables = engine_of(request, request.param)
        request.getfixturevalue("no_scan")
        yield DynamoViews(Table(client, tables["views"]))


@contextmanager
def scanning() -> Iterator[None]:
    """Allows a Scan, as an operator's commands may."""
    before, scan_guard.on = scan_guard.on, False
    yield
    scan_guard.on = before


def dump(views: EditedViews) -> list[dict[str, Any]]:
    """Returns the whole of the views."""
    with scanning():
        return list(views.dump())


def name(user: str) -> dict[str, str]:
    return {"k": user, "c": f"sealed {user}"}


def event(version: int, type: str, by: str, **data: Any) -> dict[str, Any]:
    return {"version": version, "type": type, "at": AT, "by": by, "data": data, "id": "1"}


def joined(version: int, user: str, role: str = "member") -> dict[str, Any]:
    return event(version, "MemberJoined", user, user=user, name=name(user), role=role)


def posted(version: int, by: str, n: int) -> dict[str, Any]:
    return event(version, "MessagePosted", by, text=name(by), kind="text", n=n, reply_to=None)


def room(kind: str = "public", messages: int = 0) -> list[dict[str, Any]]:
    """Ann (owner) and Bob, who posts messages from version 4 on."""
    return [
        event(1, "RoomCreated", "u_ann", name=name("u_ann"), kind=kind),
        joined(2, "u_ann", "owner"),
        joined(3, "u_bob"),
        *(posted(3 + number, "u_bob", number) for number in range(1, messages + 1)),
    ]


def fold(views: EditedViews, room_id: str, events: list[dict[str, Any]]) -> None:
    """Folds events onto the kept view, as the projector does."""
    view = RoomView(lambda version: views.message(room_id, version))
    header = views.header(room_id)
    if header is not None:
        view.restore(header)
    before = view.version
    assert save_room(views, room_id, before, view.apply_all(events))


def test_nothing_is_known_of_an_unknown_room(views: EditedViews) -> None:
    assert views.header("lobby") is None
    assert views.message("lobby", 1) is None
    assert views.page("lobby", None, 10) == []
    assert views.ordinal("lobby", 10) == 0
    assert views.member("lobby", "u_ann") is None
    assert views.members("lobby", "", 10) == []
    assert views.names("lobby", ["u_ann"]) == {}
    assert views.rooms_of("u_ann") == []
    assert views.listed_rooms() == []
    assert views.person_version("u_ann") == 0
    assert views.marks("u_ann") == {}
    assert dump(views) == []


def test_a_header_is_kept_whole(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=2))
    assert views.header("lobby") == {
        "version": 5, "name": name("u_ann"), "kind": "public", "n": 2, "last": 5,
        "member_count": 2,
    }  # fmt: skip


def test_a_view_is_saved_onto_the_version_it_was_read_at(views: EditedViews) -> None:
    fold(views, "lobby", room())
    late = RoomView().apply_all(room(messages=1))
    for expected in (0, 2, 4):
        assert save_room(views, "lobby", expected, late) is False
    assert (views.header("lobby") or {})["version"] == 3
    assert views.message("lobby", 4) is None, "nothing of it is kept"
    assert save_room(views, "lobby", 3, late) is True
    assert views.message("lobby", 4) is not None


def test_a_view_that_is_not_there_is_of_version_zero(views: EditedViews) -> None:
    assert save_room(views, "lobby", 1, RoomView().apply_all(room())) is False
    assert views.header("lobby") is None
    assert views.members("lobby", "", 10) == []


def test_messages_keep_all_they_have(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=1))
    fold(views, "lobby", [
        event(5, "ReactionAdded", "u_ann", message=4, emoji="👍"),
        event(6, "ReactionAdded", "u_bob", message=4, emoji="👍"),
        event(7, "MessageEdited", "u_bob", message=4, text=name("edit")),
    ])  # fmt: skip
    assert views.message("lobby", 4) == {
        "version": 4, "id": "1", "by": "u_bob", "at": AT, "text": name("edit"), "kind": "text",
        "n": 1,
        "reply_to": None, "edited_at": AT, "deleted": False,
        "reactions": {"👍": ["u_ann", "u_bob"]},
    }  # fmt: skip
    fold(views, "lobby", [event(8, "MessageDeleted", "u_ann", message=4)])
    message = views.message("lobby", 4)
    assert message is not None
    assert (message["deleted"], message["text"], message["reactions"]) == (True, None, {})


def test_reads_are_copies(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=1))
    for message in (views.message("lobby", 4), views.page("lobby", None, 1)[0]):
        assert message is not None
        message["reactions"]["👍"] = ["u_eve"]
        message["text"] = None
    header = views.header("lobby")
    assert header is not None
    header["version"] = 99
    member = views.member("lobby", "u_bob")
    assert member is not None
    member["role"] = "owner"
    kept = views.message("lobby", 4)
    assert kept is not None
    assert (kept["reactions"], kept["text"]) == ({}, name("u_bob"))
    assert (views.header("lobby") or {})["version"] == 4
    assert (views.member("lobby", "u_bob") or {})["role"] == "member"


def test_what_was_saved_is_not_changed_from_outside(views: EditedViews) -> None:
    view = RoomView().apply_all(room(messages=1))
    assert save_room(views, "lobby", 0, view)
    view.messages[4]["reactions"]["👍"] = ["u_eve"]
    kept = views.message("lobby", 4)
    assert kept is not None
    assert kept["reactions"] == {}


@pytest.mark.parametrize(
    ("before", "limit", "expected"),
    [
        (None, 3, [11, 12, 13]), (None, 100, list(range(4, 14))), (13, 2, [11, 12]),
        (5, 10, [4]), (4, 10, []), (1, 10, []), (99, 1, [13]), (2**53 - 1, 1, [13]),
    ],
)  # fmt: skip
def test_pages_are_the_newest_below_oldest_first(
    views: EditedViews, before: int | None, limit: int, expected: list[int]
) -> None:
    fold(views, "lobby", room(messages=10))
    fold(views, "other", room(messages=3))
    assert [message["version"] for message in views.page("lobby", before, limit)] == expected


def test_what_is_asked_for_many_rooms_at_once(views: EditedViews) -> None:
    for room_id in ("a", "b"):
        fold(views, room_id, room(messages=2))
    fold(views, "b", [event(6, "MemberRenamed", "u_bob", user="u_bob", name=name("new"))])
    headers = views.headers(["a", "b", "nowhere"])
    assert headers == {"a": views.header("a"), "b": views.header("b")}
    wanted = [("a", 4), ("a", 5), ("b", 5), ("b", 9), ("nowhere", 4), ("a", 4)]
    assert views.messages_at(wanted) == {
        key: views.message(*key) for key in [("a", 4), ("a", 5), ("b", 5)]
    }
    members = [("a", "u_bob"), ("b", "u_bob"), ("b", "u_eve"), ("nowhere", "u_bob")]
    assert views.names_of(members) == {("a", "u_bob"): name("u_bob"), ("b", "u_bob"): name("new")}
    assert (views.headers([]), views.messages_at([]), views.names_of([])) == ({}, {}, {})


def test_more_rooms_than_one_request_takes(views: EditedViews) -> None:
    rooms = [f"r{number:03d}" for number in range(120)]
    for room_id in rooms:
        fold(views, room_id, room(messages=1))
    assert sorted(views.headers(rooms)) == rooms
    assert sorted(views.messages_at([(room_id, 4) for room_id in rooms])) == [
        (room_id, 4) for room_id in rooms
    ]
    assert sorted(room_id for room_id, *_ in views.rooms_of("u_bob")) == rooms
    assert views.listed_rooms() == rooms


def test_a_fold_begins_at_what_was_saved(views: EditedViews) -> None:
    assert views.base("lobby").version == 0
    fold(views, "lobby", room(messages=1))
    assert header_of(views.base("lobby")) == views.header("lobby")
    views.reset_room("lobby")
    assert views.base("lobby").version == 0


def test_a_message_for_folding_says_what_is_in_it(views: EditedViews) -> None:
    assert views.folded_message("lobby", 4) is None
    fold(views, "lobby", room(messages=1))
    fold(views, "lobby", [event(5, "ReactionAdded", "u_ann", message=4, emoji="👍")])
    assert views.folded_message("lobby", 9) is None
    found = views.folded_message("lobby", 4)
    assert found is not None
    assert found == (views.message("lobby", 4), 5)


def test_many_rows_in_one_fold(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=60))
    assert [message["n"] for message in views.page("lobby", None, 100)] == list(range(1, 61))
    assert (views.member("lobby", "u_bob") or {})["posted"] == 63


def test_ordinals(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=2))
    fold(views, "lobby", [joined(6, "u_cy"), posted(7, "u_cy", 3)])
    assert [views.ordinal("lobby", version) for version in (0, 3, 4, 5, 6, 7, 2**53 - 1)] == [
        0, 0, 1, 2, 2, 3, 3,
    ]  # fmt: skip


def test_ordinals_of_many_rooms_at_once(views: EditedViews) -> None:
    for room_id in ("a", "b"):
        fold(views, room_id, room(messages=2))
    fold(views, "b", [joined(6, "u_cy"), posted(7, "u_cy", 3)])
    wanted = [
        ("a", 0), ("a", 3), ("a", 4), ("a", 5), ("a", 99), ("b", 6), ("b", 7), ("nowhere", 4),
        ("b", 2**53 - 1), ("a", 4),
    ]  # fmt: skip
    assert views.ordinals(wanted) == {key: views.ordinal(*key) for key in wanted}
    assert views.ordinals(wanted)["b", 6] == 2
    assert views.ordinals([]) == {}


def test_members_present_and_past(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=1))
    fold(views, "lobby", [
        joined(5, "u_cy"), event(6, "MemberLeft", "u_bob", user="u_bob", reason="left"),
        event(7, "RoleChanged", "u_ann", user="u_cy", role="moderator"),
        event(8, "MemberRenamed", "u_ann", user="u_ann", name=name("new")),
    ])  # fmt: skip
    assert views.member("lobby", "u_bob") == {"name": name("u_bob"), "role": None, "posted": 4}
    assert views.member("lobby", "u_cy") == {
        "name": name("u_cy"), "role": "moderator", "posted": 0,
    }  # fmt: skip
    assert views.members("lobby", "", 10) == [
        {"user": "u_ann", "name": name("new"), "role": "owner"},
        {"user": "u_cy", "name": name("u_cy"), "role": "moderator"},
    ]
    assert views.names("lobby", ["u_bob", "u_ann", "u_eve"]) == {
        "u_ann": name("new"), "u_bob": name("u_bob"),
    }  # fmt: skip


def test_who_comes_back_keeps_what_they_posted(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=1))
    fold(views, "lobby", [event(5, "MemberLeft", "u_bob", user="u_bob", reason="left")])
    fold(views, "lobby", [joined(6, "u_bob")])
    assert views.member("lobby", "u_bob") == {"name": name("u_bob"), "role": "member", "posted": 4}


def test_members_come_by_id_in_pages(views: EditedViews) -> None:
    users = ["u_cy", "u_bo", "u_al", "u_di"]
    fold(views, "lobby", [
        event(1, "RoomCreated", "u_al", name=name("u_al"), kind="public"),
        *(joined(version, user) for version, user in enumerate(users, 2)),
    ])  # fmt: skip

    def page(after: str, limit: int) -> list[str]:
        return [row["user"] for row in views.members("lobby", after, limit)]

    assert page("", 10) == sorted(users)
    assert page("", 2) == ["u_al", "u_bo"]
    assert page("u_bo", 2) == ["u_cy", "u_di"]
    assert page("u_bz", 1) == ["u_cy"]
    assert page("u_di", 5) == []


def test_rooms_of_a_person_and_the_directory(views: EditedViews) -> None:
    for room_id, kind in (("b", "private"), ("a", "public"), ("c", "broadcast"), ("d", "private")):
        fold(views, room_id, room(kind, messages=1))
    fold(views, "d", [event(5, "MemberLeft", "u_bob", user="u_bob", reason="left")])
    assert [own[:3] for own in views.rooms_of("u_bob")] == [
        ("a", "member", 4),
        ("b", "member", 4),
        ("c", "member", 4),
    ]
    assert views.rooms_of("u_ann")[0] == ("a", "owner", 0, AT)
    assert views.listed_rooms() == ["a", "c"]


def test_rooms_of_a_person_and_the_directory_come_in_pages(views: EditedViews) -> None:
    # An id may begin another one, and what separates keys in a table sorts beside both.
    ids = ["a", "a-", "a-b", "a0", "aa", "b"]
    for room_id in ids:
        fold(views, room_id, room(messages=1))
    fold(views, "c", room("private", messages=1))
    fold(views, "a0", [event(5, "MemberLeft", "u_bob", user="u_bob", reason="left")])
    mine = ["a", "a-", "a-b", "aa", "b", "c"]
    for limit in (1, 2, 5, 6, 7):
        listed: list[str] = []
        while page := views.listed_rooms(listed[-1] if listed else "", limit):
            assert len(page) <= limit
            listed += page
        assert listed == ids
        own: list[Own] = []
        while some := views.rooms_of("u_bob", own[-1][0] if own else "", limit):
            assert len(some) <= limit
            own += some
        assert own == [(room_id, "member", 4, AT) for room_id in mine]
    assert views.listed_rooms("a", 2) == ["a-", "a-b"]
    assert views.rooms_of("u_bob", "a-b", 10)[0][:3] == ("aa", "member", 4)
    assert (views.listed_rooms("b", 10), views.rooms_of("u_bob", "c", 10)) == ([], [])


def test_pages_of_a_persons_rooms_go_by_what_is_read(views: EditedViews) -> None:
    """Rows of a room that was folded anew do not count twice."""
    for room_id in ("a", "b", "c"):
        fold(views, room_id, room(messages=1))
    views.reset_room("b")
    fold(views, "b", room(messages=1))
    assert [views.rooms_of("u_bob", after, 1)[0][0] for after in ("", "a", "b")] == ["a", "b", "c"]


def test_roles_in_many_rooms_at_once(views: EditedViews) -> None:
    for room_id in ("a", "b", "c"):
        fold(views, room_id, room())
    fold(views, "b", [event(4, "MemberLeft", "u_bob", user="u_bob", reason="left")])
    assert views.roles_of("u_bob", ["a", "b", "nowhere"]) == {"a": "member"}
    assert views.roles_of("u_ann", ["c", "b"]) == {"b": "owner", "c": "owner"}
    assert (views.roles_of("u_eve", ["a"]), views.roles_of("u_bob", [])) == ({}, {})


def test_a_room_whose_creation_was_parked_is_not_listed(views: EditedViews) -> None:
    """Its kind is not known, so it is nobody's to list."""
    view = RoomView()
    view.version = 1
    assert save_room(views, "lobby", 0, view)
    fold(views, "lobby", [joined(2, "u_ann", "owner")])
    assert views.listed_rooms() == []


def test_a_room_is_dropped_alone(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=1))
    fold(views, "other", room(messages=1))
    other = [row for row in dump(views) if row["room"] == "other"]
    views.reset_room("lobby")
    assert dump(views) == other
    fold(views, "lobby", room())
    assert views.page("lobby", None, 10) == []


def test_read_marks(views: EditedViews) -> None:
    assert views.save_person("u_ann", 0, 2, {"lobby": 4}) is True
    assert views.save_person("u_ann", 2, 3, {}) is True
    assert views.save_person("u_ann", 3, 5, {"other": 1, "lobby": 9}) is True
    assert views.save_person("u_bob", 0, 1, {"lobby": 1}) is True
    assert views.person_version("u_ann") == 5
    assert views.marks("u_ann") == {"lobby": 9, "other": 1}
    assert views.marks("u_ann", ["a", "lobby", "nowhere", "z"]) == {"lobby": 9}
    assert (views.marks("u_ann", []), views.marks("u_eve", ["lobby"])) == ({}, {})
    views.reset_person("u_ann")
    assert (views.person_version("u_ann"), views.marks("u_ann")) == (0, {})
    assert views.marks("u_bob") == {"lobby": 1}


def test_who_is_forgotten_has_no_marks_and_no_names_in_their_rooms(views: EditedViews) -> None:
    for room_id in ("lobby", "other"):
        fold(views, room_id, room(messages=2))
    assert views.save_person("u_bob", 0, 5, {"lobby": 4, "other": 2})
    assert views.save_person("u_ann", 0, 5, {"lobby": 4})
    for _ in range(2):
        views.forget_person("u_bob")
        assert (views.person_version("u_bob"), views.marks("u_bob")) == (5, {})
        assert views.marks("u_ann") == {"lobby": 4}
        for room_id in ("lobby", "other"):
            bob = views.member(room_id, "u_bob")
            assert bob == {"name": None, "role": "member", "posted": 5}
            assert views.names(room_id, ["u_ann", "u_bob"]) == {
                "u_ann": name("u_ann"),
                "u_bob": None,
            }
    # The rooms are folded on as before.
    fold(views, "lobby", [event(6, "MemberLeft", "u_bob", user="u_bob", reason="left")])
    assert (views.member("lobby", "u_bob") or {})["role"] is None
    views.forget_person("u_bob")
    views.forget_person("u_nobody")
    assert [own[:3] for own in views.rooms_of("u_bob")] == [("other", "member", 5)]
    assert views.person_version("u_nobody") == 0


def test_marks_are_saved_onto_the_version_they_were_read_at(views: EditedViews) -> None:
    assert views.save_person("u_ann", 1, 2, {"lobby": 4}) is False
    assert views.save_person("u_ann", 0, 2, {"lobby": 4}) is True
    for expected in (0, 1, 3):
        assert views.save_person("u_ann", expected, 9, {"lobby": 8}) is False
    assert (views.person_version("u_ann"), views.marks("u_ann")) == (2, {"lobby": 4})


def test_a_dump_is_equal_for_equal_views_whatever_the_order_of_writing(tmp_path: Path) -> None:
    database = open_views(tmp_path / "views.db")
    memory, sqlite = MemoryViews(), SqliteViews(database)
    memory.save_person("u_bob", 0, 3, {"b": 1, "a": 2})
    for room_id in ("lobby", "other"):
        fold(memory, room_id, room(messages=3))
    for room_id in ("other", "lobby"):
        for one in room(messages=3):
            fold(sqlite, room_id, [one])
    sqlite.save_person("u_bob", 0, 3, {"a": 2, "b": 1})
    assert list(memory.dump()) == list(sqlite.dump())
    database.close()


def test_a_dump_has_the_rows_of_further_projections_whatever_their_keys(
    views: EditedViews,
) -> None:
    fold(views, "lobby", room(messages=2))
    views.save_person("u_ann", 0, 1, {"lobby": 1})
    before = dump(views)
    keys = ["a#1", "mb#1", "t#1", "z#1"]
    for stream in ("R#lobby", "P#u_ann"):
        head = views.store.base(stream)
        patches = [Patch(key, {"of": key}) for key in keys]
        assert views.store.save(stream, head.version, Fold(head, patches=patches))
    after = dump(views)
    added = [row for row in after if row not in before]
    assert [row for row in after if row in before] == before
    assert added == [
        {name: id, "row": key, "of": key}
        for name, id in (("room", "lobby"), ("person", "u_ann"))
        for key in keys
    ]


def test_clearing_leaves_nothing(views: EditedViews) -> None:
    fold(views, "lobby", room(messages=1))
    views.save_person("u_ann", 0, 1, {"lobby": 1})
    with scanning():
        views.clear()
    assert dump(views) == []
    assert views.rooms_of("u_ann") == []
    fold(views, "lobby", room())
