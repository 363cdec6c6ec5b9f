"""Names of a room's people, where the views do not know them yet."""

import pytest

from domain.chat import Chat, unsealing
from domain.chat.unsealing import names_at_head, open_words
from domain.room.membership import MemberRenamed
from tests.support.chat import memory_chat, person, run_consumers


def lobby() -> Chat:
    """Ann owns the lobby, Bob is in it, and much was said."""
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    for number in range(5):
        bob.send(action="post", room="lobby", text=str(number))
    return chat


def renamed(chat: Chat, user: str, name: str) -> None:
    log = chat.services.log
    event = MemberRenamed(
        originator_id="lobby", originator_version=log.head("lobby") + 1, by=user, at="",
        recorded_at="", id="", digest="", user=user, name=chat.services.vault.seal(user, name),
    )  # fmt: skip
    log.recorder.insert_events(log.stored([event]))
    log.evict("lobby")


def names(chat: Chat, *users: str) -> dict[str, str | None]:
    services = chat.services
    found = names_at_head(services.log, services.views, "lobby", users)
    return {user: open_words(services.vault, name) for user, name in found.items()}


def test_what_came_since_the_views_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsealing, "NAMES_TAIL", 2)
    chat = lobby()
    run_consumers(chat)
    assert names(chat, "u_ann", "u_bob") == {"u_ann": "ann", "u_bob": "bob"}
    renamed(chat, "u_bob", "Robert")
    assert names(chat, "u_ann", "u_bob") == {"u_ann": "ann", "u_bob": "Robert"}
    assert names(chat, "u_ann") == {"u_ann": "ann"}


def test_who_is_beyond_what_is_looked_at_is_called_as_their_own_log_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unsealing, "NAMES_TAIL", 1)
    assert names(lobby(), "u_bob", "u_nobody") == {"u_bob": "bob"}
