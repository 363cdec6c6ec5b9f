"""People are found by name, by those who may: through a room that both are in, or one that is open
to all."""

from collections.abc import Callable

import pytest

from adapters.dynamodb.table import Table
from domain.chat import Chat, finding
from domain.projections.views import Views
from domain.protocol.answers import FoundPeople
from tests.support.chat import Someone, admit, memory_chat, person, run_consumers
from tests.support.views import DynamoViews, MemoryViews

DEN = "den-222222222222"


@pytest.fixture(params=["memory", "dynamodb"])
def chat(request: pytest.FixtureRequest) -> Chat:
    views: Views
    if request.param == "memory":
        views = MemoryViews()
    else:
        dynamo, tables = map(request.getfixturevalue, ("dynamo", "tables"))
        views = DynamoViews(Table(dynamo, tables["views"]), workers=1)
    return memory_chat(views=views)


def found(chat: Chat, user: Someone, q: str, limit: int = 10) -> list[str]:
    answer = chat.finding.people(user.user, q, limit)
    FoundPeople.model_validate(answer)
    return [one["user"][2:] for one in answer["people"]]


def room(owner: Someone, room: str, kind: str, *members: Someone) -> None:
    assert owner.send(action="create_room", room=room, name=room, kind=kind)[-1]["type"] == "ack"
    for member in members:
        if kind == "private":
            admit(owner, member, room)
        else:
            assert member.send(action="join", room=room)[-1]["type"] == "ack"
    run_consumers(owner.chat)


def test_a_member_of_an_open_room_is_found_by_the_beginning_of_a_name(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob", name="Zoë van Dyk")
    room(bob, "lobby", "public")
    for q in ("zo", "ZOE", "dyk", "van z", "zoë van dyk"):
        assert found(chat, ann, q) == ["bob"]
    assert chat.finding.people("u_ann", "z", 10) == {
        "people": [{"user": "u_bob", "name": "Zoë van Dyk"}]
    }
    for q in ("", " ", "oe", "zoo", "ann", "%", "zoë vanessa"):
        assert found(chat, ann, q) == []


def test_who_is_in_private_rooms_alone_is_found_in_them_alone(chat: Chat) -> None:
    ann, bob, eve = person(chat, "ann"), person(chat, "bob"), person(chat, "eve")
    room(ann, DEN, "private", bob)
    room(eve, "lobby", "public")
    assert found(chat, ann, "bob") == ["bob"]
    assert found(chat, bob, "ann") == ["ann"]
    assert found(chat, eve, "bob") == found(chat, eve, "ann") == []
    # Who was never in a room is nobody's to find.
    person(chat, "dan")
    run_consumers(chat)
    assert found(chat, ann, "dan") == []


def test_the_log_says_who_is_found_not_a_view_that_lags(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob")
    room(ann, DEN, "private", bob)
    ann.send(action="remove_member", room=DEN, user="u_bob")
    # No consumer ran: the views have both in the room.
    assert found(chat, ann, "bob") == found(chat, bob, "ann") == []


def test_a_view_that_takes_a_private_room_for_an_open_one_finds_nobody(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, eve = person(chat, "ann"), person(chat, "bob"), person(chat, "eve")
    room(ann, DEN, "private", bob)
    views = chat.services.views
    wrong = {**views.headers([DEN])[DEN], "kind": "public"}
    monkeypatch.setattr(views, "headers", lambda rooms: dict.fromkeys(rooms, wrong))
    assert found(chat, eve, "bob") == []


def test_those_whom_one_shares_a_room_with_come_first(chat: Chat) -> None:
    ann = person(chat, "ann")
    people = [person(chat, f"p{n}", name=f"Kim {n}") for n in range(6)]
    room(people[0], "lobby", "public", *people[1:])
    room(ann, DEN, "private", people[3], people[5])
    assert found(chat, ann, "kim") == ["p3", "p5", "p0", "p1", "p2", "p4"]
    assert found(chat, ann, "kim", 3) == ["p3", "p5", "p0"]
    assert found(chat, ann, "kim", 1) == ["p3"]


def test_an_erased_person_is_found_by_nobody(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob", name="Zoë")
    room(ann, "lobby", "public", bob)
    store, blind = chat.services.views.store, chat.services.vault.blind
    indexed = f"n#{blind('person zoe')}"
    assert store.under(indexed) == ["P#u_bob"]
    rows = [row for row in chat.services.views.dump() if row.get("person") == "u_bob"]
    assert "zo" not in str([row["row"] for row in rows if "row" in row]).lower()
    assert chat.erasing.erase("u_bob")
    assert found(chat, ann, "zoe") == []
    run_consumers(chat)

    def kept() -> list[object]:
        return [row for row in chat.services.views.dump() if "row" in row and "person" in row]

    assert store.under(indexed) == []
    assert {row["person"] for row in kept()} == {"u_ann"}  # type: ignore[index]
    # A fold of the whole log anew makes none of them either.
    chat.consuming["project_views"].redrive("u_bob")
    assert store.under(indexed) == []
    assert {row["person"] for row in kept()} == {"u_ann"}  # type: ignore[index]


def test_the_index_is_folded_anew_from_peoples_logs(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob", name="Zoë")
    room(ann, "lobby", "public", bob)
    before = list(chat.services.views.dump())
    consumer = chat.consuming["project_views"]
    consumer.consumer.reset("u_bob")
    assert found(chat, ann, "zoe") == []
    consumer.redrive("u_bob")
    assert found(chat, ann, "zoe") == ["bob"]
    assert list(chat.services.views.dump()) == before


def test_a_request_looks_at_a_bounded_number_of_people(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "CHUNK", 2)
    monkeypatch.setattr(finding, "SCANNED", 4)
    people = [person(chat, f"p{n}", name=f"Kim {n}") for n in range(6)]
    room(people[0], "lobby", "public", *people[1:])
    asked: list[str] = []
    under: Callable[..., list[str]] = chat.services.views.store.under

    def counted(name: str, *more: object) -> list[str]:
        asked.append(name)
        return under(name, *more)

    monkeypatch.setattr(chat.services.views.store, "under", counted)
    # Two pages of the index, one's own rooms, and the rooms of the three others on the pages.
    assert found(chat, people[0], "kim", 20) == ["p1", "p2", "p3"]
    assert len(asked) == 2 + 1 + 3
    assert found(chat, people[0], "5") == ["p5"]
