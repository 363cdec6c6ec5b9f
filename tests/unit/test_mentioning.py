"""Whom a text names."""

import pytest

from domain.chat.mentioning import MAX_MENTIONS, mentions
from domain.room.messages import MessagePosted
from tests.support.chat import memory_chat, person


@pytest.mark.parametrize(("text", "names"), [
    ("@ann look", ["ann"]),
    ("hello @Ann, and @BOB!", ["ann", "bob"]),
    ("(@ann)", ["ann"]),
    ("it is @ann's and @bob’s", ["ann", "bob"]),
    ('ask @"Ann Lee" or @"bob"', ["ann lee", "bob"]),
    ("@ann @ANN @Ａｎｎ", ["ann"]),
    ("@straße", ["strasse"]),
    ("@jrib|work @a.b-c_d", ["jrib|work", "a.b-c_d"]),
    ("line\n@ann", ["ann"]),
    ("👍@ann", ["ann"]),
    ('@"dot."', ["dot."]),
    ("mail ann@example.org", []),
    ("@@ann", []),
    ("@", []),
    ("@ ann", []),
    ('@"" @" " @"broken', []),
    ("@...", []),
    ("@" + "x" * 33, []),
    ("no names", []),
])  # fmt: skip
def test_mentions(text: str, names: list[str]) -> None:

    assert list(mentions(text)) == names


def claim(chat: object, *people: str) -> None:
    services = chat.services  # type: ignore[attr-defined]
    for name in people:
        pseudonym = services.vault.blind(f"nickname:{name}")
        services.accounts.claim_nickname(pseudonym, f"u_{name}", services.seconds())


def test_posting_names_members() -> None:
    chat = memory_chat()
    ann, bob, cy = (person(chat, name) for name in ("ann", "bob", "cy"))
    claim(chat, "ann", "bob", "cy")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    (answer,) = ann.send(action="post", room="lobby", text="@bob @cy @ann @nobody hello")
    assert answer["type"] == "ack"
    (posted,) = chat.services.log.events("lobby", after=3)
    assert isinstance(posted, MessagePosted)
    assert posted.notify == ["u_bob"]
    assert "notify" not in posted.wire()["data"]
    assert cy.user not in posted.notify


def test_a_repeated_post_is_the_same_whoever_has_the_name_by_then() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    frame = {"action": "post", "id": "one", "room": "lobby", "text": "@bob hello"}
    first = ann.send(**frame)
    claim(chat, "bob")
    assert ann.send(**frame) == first
    (posted,) = chat.services.log.events("lobby", after=3)
    assert isinstance(posted, MessagePosted)
    assert posted.notify == []


def test_looks_are_bounded_and_a_text_without_names_costs_none() -> None:
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    looked: list[str] = []
    chat.services.accounts.nickname_holder = looked.append  # type: ignore[assignment,method-assign]
    ann.send(action="post", room="lobby", text="hello")
    assert looked == []
    ann.send(action="post", room="lobby", text=" ".join(f"@p{index}" for index in range(100)))
    assert len(looked) == MAX_MENTIONS
