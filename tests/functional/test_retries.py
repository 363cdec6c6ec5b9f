"""A command happens once, however often and however late it is sent again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.harness import Party, Server, texts, versions


def test_the_same_frame_twice_adds_one_event(party: Party) -> None:
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    for _ in range(3):
        tab.send("post", "same", room=room, text="once", since=3)
    answers = [tab.answer("same") for _ in range(3)]
    assert answers == [{"type": "ack", "id": "same", "room": room, "version": 4}] * 3
    # The id belongs to the person: somebody else's command of that id is another one.
    assert other.ok("post", "same", room=room, text="once", since=3) == 5
    assert versions(ann.events(room)) == [1, 2, 3, 4, 5]


def test_every_command_may_be_sent_again(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    room = party.room_id()
    commands: list[tuple[str, dict[str, object]]] = [
        ("create_room", {"name": "Room", "kind": "public"}),
        ("add_member", {"user": bob.id}),
        ("set_role", {"user": bob.id, "role": "moderator"}),
        ("post", {"text": "hello"}),
        ("edit", {"version": 5, "text": "hello there"}),
        ("react", {"version": 5, "emoji": "👍"}),
        ("unreact", {"version": 5, "emoji": "👍"}),
        ("post", {"text": "a reply", "reply_to": 5, "kind": "action"}),
        ("delete", {"version": 5}),
        ("read", {"version": 9}),
        ("remove_member", {"user": bob.id}),
        ("leave", {}),
        ("join", {}),
    ]
    before = 0
    for number, (action, fields) in enumerate(commands):
        # Over a new connection each time, as after a reconnect.
        answers = [
            ann.connect().command(action, f"n{number}", room=room, since=before, **fields)
            for _ in range(2)
        ]
        assert answers[0] == answers[1], action
        assert answers[0]["type"] == "ack", (action, answers)
        if action != "read":
            assert answers[0]["version"] > before, action
            before = answers[0]["version"]
    # All of them again, long after: the answers are those of the first time.
    tab = ann.connect()
    log = ann.events(room)
    assert versions(log) == list(range(1, before + 1))
    held = 0
    for number, (action, fields) in enumerate(commands):
        again = tab.command(action, f"n{number}", room=room, since=held, **fields)
        assert again["type"] == "ack", (action, again)
        if action != "read":
            held = again["version"]
    assert held == before
    assert ann.events(room) == log


def test_a_quiet_post_is_told_by_its_push_and_its_retry_by_an_ack(party: Party) -> None:
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    id = tab.send("post", room=room, text="quietly", since=3, quiet=True)
    event = tab.event(room, 4)
    assert (event["id"], event["by"], event["data"]["text"]) == (id, ann.id, "quietly")
    assert other.event(room, 4)["id"] == id
    # Answers come in order on the local engine: one to the first would be here by now.
    tab.ok("react", room=room, version=4, emoji="👍")
    assert not [frame for frame in tab.so_far() if frame["type"] in ("ack", "error")]
    assert tab.ok("post", id, room=room, text="quietly", since=3) == 4
    assert versions(ann.events(room)) == [1, 2, 3, 4, 5]
    assert tab.refused("post", id, room=room, text="aloud", since=3, quiet=True) == "invalid"
    assert other.refused("post", room="no-such-room", text="x", quiet=True) == "not_found"


def test_the_same_id_with_other_content_is_invalid(party: Party) -> None:
    room, (ann, bob), (tab, _) = party.tabs("ann", "bob")
    version = tab.ok("post", "x", room=room, text="one", since=3)
    assert tab.refused("post", "x", room=room, text="two", since=3) == "invalid"
    assert tab.refused("post", "x", room=room, text="one", kind="action", since=3) == "invalid"
    assert tab.refused("post", "x", room=room, text="one", reply_to=version) == "invalid"
    assert tab.refused("leave", "x", room=room) == "invalid"
    assert tab.refused("remove_member", "x", room=room, user=bob.id) == "invalid"
    assert tab.ok("post", "x", room=room, text="one", since=1) == version
    assert len(ann.events(room)) == version
    # A refused command is not remembered: its id is free.
    assert tab.refused("edit", "y", room=room, version=2, text="no message") == "not_found"
    tab.ok("post", "y", room=room, text="a message")


def test_a_late_retry_is_found_by_since(party: Party) -> None:
    room, (ann, bob), (tab, other) = party.tabs("ann", "bob")
    version = tab.ok("post", "late", room=room, text="early", since=3)
    joined = tab.ok("remove_member", "kick", room=room, user=bob.id, since=version)
    other.ok("join", "back", room=room, since=joined)
    ids = [other.send("post", room=room, text=f"{i}") for i in range(600)]
    head = max(other.answer(id)["version"] for id in ids)
    again = ann.connect()
    assert again.ok("post", "late", room=room, text="early", since=3) == version
    assert again.ok("post", "late", room=room, text="early", since=0) == version
    assert again.ok("remove_member", "kick", room=room, user=bob.id, since=version) == joined
    assert other.ok("join", "back", room=room, since=joined) == joined + 1
    assert again.refused("post", "late", room=room, text="other", since=3) == "invalid"
    assert len(ann.events(room)) == head


def test_a_late_retry_of_what_made_the_room(party: Party) -> None:
    ann = party.enter("ann")
    tab = ann.connect()
    room = party.room_id()
    fields = {"room": room, "name": "Room", "kind": "public", "since": 0}
    assert tab.ok("create_room", "mk", **fields) == 2
    ids = [tab.send("post", room=room, text=f"{i}") for i in range(300)]
    for id in ids:
        tab.answer(id)
    assert tab.ok("create_room", "mk", **fields) == 2
    assert len(ann.events(room)) == 302


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may stop and kill."""
    with Server(tmp_path / "data") as server:
        yield server
    assert not server.faults


def test_retries_over_restarts(own: Server) -> None:
    party = Party(own)
    ann = own.enter("ann")
    tab = ann.connect()
    room = party.room(tab)
    version = tab.ok("post", "one", room=room, text="before", since=2)
    ids = [tab.send("post", room=room, text=f"{i}") for i in range(400)]
    for id in ids:
        tab.answer(id)
    log = ann.events(room)
    for end in (own.stop, own.kill):
        end()
        own.start()
        tab = ann.connect()
        assert tab.ok("post", "one", room=room, text="before", since=2) == version
        assert tab.refused("post", "one", room=room, text="after", since=2) == "invalid"
        # The newest 256 are known without `since`.
        assert tab.ok("post", ids[-1], room=room, text="399") == len(log)
        assert ann.events(room) == log
    tab.ok("post", "two", room=room, text="after", since=len(log))
    assert texts(ann.events(room))[-1] == "after"


def test_a_quiet_post_whose_push_came_outlives_a_kill(own: Server) -> None:
    ann = own.enter("ann")
    tab = ann.connect()
    room = Party(own).room(tab)
    tab.sync({room: None})
    id = tab.send("post", room=room, text="quietly", since=2, quiet=True)
    assert tab.event(room, 3)["id"] == id
    own.kill()
    own.start()
    # The tab did not see the push, say: it asks for the ack of the same command.
    assert ann.connect().ok("post", id, room=room, text="quietly", since=2) == 3
    assert versions(ann.events(room)) == [1, 2, 3]


def test_a_stopping_server_says_goodbye(own: Server) -> None:
    tab = own.enter("ann").connect()
    room = Party(own).room(tab)
    assert own.process.poll() is None
    tab.send("post", "last", room=room, text="last words", since=2)
    tab.answer("last")
    own.process.terminate()
    assert tab.close_code() == 1001
    own.process.wait(10)
    # It closed its stores rather than fall dead: nothing is left of what a running server has.
    assert not (own.folder / "parley.sock").exists()
    own.stop()
    own.start()
    assert texts(own.enter("bob").events(room)) == ["last words"]


def test_over_the_rate_is_refused(tmp_path: Path) -> None:
    with Server(tmp_path / "data", rate=1) as server:
        party = Party(server)
        ann, bob = party.enter("ann"), party.enter("bob")
        tab, other = ann.connect(), bob.connect()
        room = party.room(other)
        tab.ok("join", room=room)
        ids = [tab.send("post", room=room, text=f"{i}") for i in range(110)]
        answers = [tab.answer(id) for id in ids]
        assert [answer["type"] for answer in answers[:99]] == ["ack"] * 99
        assert {answer.get("code") for answer in answers[99:]} == {"rate_limited"}
        assert tab.refused("read", room=room, version=1) == "rate_limited"
        # Others are not held up, nor does it cost the connection; a second tab is no way round.
        other.ok("post", room=room, text="mine goes through")
        assert ann.connect().refused("post", room=room, text="again") == "rate_limited"
        assert len(ann.events(room)) == 3 + 99 + 1
        assert not server.faults
