"""`ping` and `pong`: what a client lacks, from the logs, as far as the person may read."""

from typing import Any

import orjson
import pytest

from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat, frames
from domain.log import EventLog
from domain.protocol.limits import MAX_FRAME, MAX_PING_ROOMS, MAX_VERSION
from tests.support.chat import Someone, memory_chat, old_private_room, person, run_consumers
from tests.support.views import MemoryViews


@pytest.fixture
def chat() -> Chat:
    return memory_chat()


def room(by: Someone, name: str) -> None:
    by.send(action="create_room", room=name, name=name, kind="public")


def pinged(someone: Someone, user: int | None = None, **rooms: int) -> dict[str, Any]:
    """Returns the answer to a ping; `_` in rooms' names stands for `-`."""
    held = {name.replace("_", "-"): version for name, version in rooms.items()}
    fields = {"user": user} if user is not None else {}
    (pong,) = someone.send(action="ping", rooms=held, **fields)
    assert pong.pop("type") == "pong", pong
    return pong


def test_a_ping_that_asks_nothing_is_answered_as_ever(chat: Chat) -> None:
    ann = person(chat, "ann")
    assert ann.send(action="ping") == [{"type": "pong"}]


def test_a_lost_push_shows_in_the_next_pong(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob")
    room(ann, "lobby")
    room(ann, "quiet")
    bob.send(action="join", room="lobby")
    bob.sync(lobby=3, quiet=2)
    # No consumer runs: neither the push nor the views show this message.
    ann.send(action="post", room="lobby", text="hello")
    assert pinged(bob, lobby=3, quiet=2) == {"heads": {"lobby": 4}}
    assert pinged(bob, lobby=4, quiet=2) == {"heads": {}}
    assert pinged(bob, quiet=2) == {"heads": {}}, "only what was asked for"


def test_one_s_own_log_shows_too(chat: Chat) -> None:
    ann = person(chat, "ann")
    room(ann, "lobby")
    ann.send(action="read", room="lobby", version=2)
    head = chat.services.log.head(ann.user)
    assert pinged(ann, user=head - 1) == {"heads": {}, "user": head}
    assert pinged(ann, user=head) == {"heads": {}}


@pytest.mark.parametrize("projected", [False, True])
def test_rooms_that_one_may_not_read_are_as_if_they_were_not_there(
    chat: Chat, projected: bool
) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob")
    old_private_room(ann, "den")
    old_private_room(ann, "was-in")
    ann.send(action="add_member", room="was-in", user=bob.user)
    bob.send(action="join", room="was-in")
    assert bob.sync(was_in=None)[-1]["rooms"]["was-in"]["snapshot"]
    ann.send(action="remove_member", room="was-in", user=bob.user)
    ann.send(action="post", room="was-in", text="among us")
    if projected:
        run_consumers(chat)
        assert ann.frames() + bob.frames()
    for held in (0, 1, 2, 9):
        assert pinged(bob, den=held, was_in=held, nowhere=held) == {"heads": {}}
    assert pinged(ann, den=0) == {"heads": {"den": 2}}


def test_who_is_up_to_date_costs_one_read_a_room(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    head = EventLog.head

    def counting(log: EventLog, log_id: str) -> int:
        read.append(log_id)
        return head(log, log_id)

    class Views(MemoryViews):
        def header(self, room: str) -> dict[str, Any] | None:
            read.append(f"view of {room}")
            return super().header(room)

    chat = memory_chat(views=Views())
    ann = person(chat, "ann")
    for name in ("a", "b", "c"):
        room(ann, name)
    run_consumers(chat)
    assert ann.frames()
    monkeypatch.setattr(EventLog, "head", counting)
    read.clear()
    pinged(ann, a=2, b=2, c=2)
    assert read == ["a", "b", "c"]


def test_a_ping_is_bounded_and_metered() -> None:
    chat = memory_chat(limiter=TokenBuckets(60, burst=5, clock=lambda: 0.0))
    ann = person(chat, "ann")
    many = {f"room-{n}": 0 for n in range(MAX_PING_ROOMS + 1)}
    (refusal,) = ann.send(action="ping", id="p", rooms=many)
    assert (refusal["type"], refusal["code"], refusal["id"]) == ("error", "invalid", "p")
    del many["room-0"]
    # It cost one; this costs three, then one is left.
    assert ann.send(action="ping", rooms=many) == [{"type": "pong", "heads": {}}]
    assert ann.send(action="ping") == [{"type": "pong"}]
    (refusal,) = ann.send(action="ping", id="q", rooms={"room-1": 0})
    assert (refusal["code"], refusal["id"]) == ("rate_limited", "q")


def test_the_largest_answer_fits_a_frame() -> None:
    heads = {f"{n:064}": MAX_VERSION for n in range(MAX_PING_ROOMS)}
    assert len(frames.pong(heads, MAX_VERSION)) < MAX_FRAME
    asked = orjson.dumps({"action": "ping", "rooms": heads, "user": MAX_VERSION})
    assert len(asked) < MAX_FRAME


def test_a_log_that_cannot_be_read_is_told_and_the_connection_stays(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person(chat, "ann")

    def failing(log: EventLog, log_id: str) -> int:
        raise OSError("no answer")

    monkeypatch.setattr(EventLog, "head", failing)
    with pytest.raises(OSError, match="no answer"):
        ann.send(action="ping", id="p", rooms={"lobby": 1})
    assert [(f["code"], f["id"]) for f in ann.frames()] == [("internal", "p")]
