"""A quiet post: its push tells the writer that it is stored; what is sent again is acknowledged."""

from typing import Any

import pytest

from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.chat.building import digest
from domain.protocol import client as wire
from domain.protocol.limits import MAX_TEXT
from tests.support.chat import Someone, memory_chat, person, run_consumers
from tests.unit.test_retrying import large

POST: dict[str, Any] = {"action": "post", "room": "lobby", "id": "mine", "text": "hello"}


def lobby(**ports: Any) -> tuple[Chat, Someone]:
    """Ann is alone in the lobby and holds it at 2."""
    chat = memory_chat(**ports)
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    run_consumers(chat)
    ann.sync(lobby=None)
    ann.frames()
    return chat, ann


def pushed(chat: Chat, someone: Someone) -> list[dict[str, Any]]:
    run_consumers(chat)
    frames = [frame for frame in someone.frames() if frame["type"] == "events"]
    return [event for frame in frames for event in frame["events"]]


def test_the_push_of_a_quiet_post_is_all_that_its_writer_gets() -> None:
    chat, ann = lobby()
    assert ann.send(**POST, since=2, quiet=True) == []
    (event,) = pushed(chat, ann)
    assert (event["id"], event["by"], event["version"]) == ("mine", ann.user, 3)
    assert event["data"]["text"] == "hello"


def test_it_is_stored_before_it_is_pushed() -> None:
    chat, ann = lobby()
    ann.send(**POST, since=2, quiet=True)
    assert [
        event.originator_version
        for event in chat.services.log.recorder.select_events("lobby", gt=2)
    ] == [3]
    assert ann.frames() == []


@pytest.mark.parametrize("more", [{}, {"quiet": False}])
def test_a_retry_is_acknowledged_and_adds_nothing(more: dict[str, bool]) -> None:
    chat, ann = lobby()
    ann.send(**POST, since=2, quiet=True)
    (answer,) = ann.send(**POST, since=2, **more)
    assert answer == {"type": "ack", "id": "mine", "room": "lobby", "version": 3}
    assert [event["version"] for event in pushed(chat, ann)] == [3]


def test_other_content_under_the_same_id_is_refused_aloud() -> None:
    _, ann = lobby()
    ann.send(**POST, since=2, quiet=True)
    (answer,) = ann.send(**{**POST, "text": "other"}, since=2, quiet=True)
    assert (answer["type"], answer["code"], answer["id"]) == ("error", "invalid", "mine")


def test_refusals_are_answered() -> None:
    chat, ann = lobby()
    bob = person(chat, "bob")
    for someone, more, code in (
        (bob, {}, "not_a_member"),
        (ann, {"room": "nowhere"}, "not_found"),
        (ann, {"text": "x" * (MAX_TEXT + 1)}, "too_large"),
        (ann, {"reply_to": 1}, "not_found"),
    ):
        (answer,) = someone.send(**{**POST, **more}, quiet=True)
        assert (answer["type"], answer["code"], answer["id"]) == ("error", code, "mine")


def test_one_who_may_not_send_any_more_is_told() -> None:
    _, ann = lobby(limiter=TokenBuckets(1))
    frames = [ann.send(**{**POST, "id": f"n{number}"}, quiet=True) for number in range(400)]
    refused = [frame for got in frames for frame in got]
    assert refused
    assert {frame["code"] for frame in refused} == {"rate_limited"}


def test_only_a_post_may_be_quiet() -> None:
    _, ann = lobby()
    (answer,) = ann.send(action="leave", room="lobby", quiet=True)
    assert (answer["type"], answer["code"]) == ("error", "invalid")
    (answer,) = ann.send(**POST, quiet="yes")
    assert (answer["type"], answer["code"]) == ("error", "invalid")


def test_a_command_is_the_same_whether_or_not_it_is_quiet() -> None:
    chat, ann = lobby()

    def of(**more: Any) -> str:
        return digest(chat.services, ann.user, wire.FRAMES["post"].model_validate({**POST, **more}))

    assert of(quiet=True) == of(quiet=False) == of() == of(since=2)
    assert of(text="other") != of()


def test_a_late_retry_that_is_searched_for_is_acknowledged_though_it_is_quiet() -> None:
    """Its push was long ago: nothing else would ever tell the client."""
    _, _, ann, _ = large(3_000)
    (answer,) = ann.send(action="post", id="early", room="old", text="first", since=2, quiet=True)
    assert (answer["type"], answer["version"]) == ("ack", 3)
