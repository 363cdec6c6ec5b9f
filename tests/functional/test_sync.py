"""`sync`: all that was missed, or a snapshot, never a part that looks whole."""

from typing import Any

import pytest

from domain.protocol.limits import MAX_FRAME
from tests.server.harness import Frame, Party, Socket, pushed, texts, versions


def fill(tab: Socket, room: str, count: int, text: str = "message") -> int:
    """Posts so many messages at once; returns the last one's version."""
    ids = [tab.send("post", room=room, text=f"{text} {i}") for i in range(count)]
    return max(int(tab.answer(id)["version"]) for id in ids)


def missed(answers: list[Frame], room: str, held: int) -> list[Frame]:
    """Returns the events of an answer in parts, which must be whole."""
    parts = [answer["rooms"][room] for answer in answers]
    assert [answer.get("more", False) for answer in answers] == [True] * (len(answers) - 1) + [
        False
    ]
    assert [part["complete"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all("snapshot" not in part and "error" not in part for part in parts)
    assert ["online" in part for part in parts] == [False] * (len(parts) - 1) + [True]
    events: list[Frame] = []
    for part in parts:
        assert set(part["people"]) <= {event["by"] for event in part["events"]}
        events += part["events"]
    heads = {part["head"] for part in parts}
    assert heads == {events[-1]["version"] if events else held}
    assert versions(events) == list(range(held + 1, held + 1 + len(events)))
    return events


def test_from_nothing_comes_a_snapshot(party: Party) -> None:
    room, (ann, bob), (tab, other) = party.tabs("ann", "bob")
    first = tab.ok("post", room=room, text="one")
    tab.ok("post", room=room, text="two", reply_to=first)
    head = other.ok("react", room=room, version=first, emoji="👍")
    (answer,) = bob.connect().synced({room: None})
    found = answer["rooms"][room]
    assert "more" not in answer
    assert (found["head"], found["complete"]) == (head, False)
    assert "events" not in found
    assert sorted(found["online"]) == sorted([ann.id, bob.id])
    snapshot = found["snapshot"]
    page = bob.get(f"/api/rooms/{room}/messages")
    assert snapshot == {
        "version": head,
        "name": f"Room {room}",
        "kind": "public",
        "role": "member",
        "member_count": 2,
        "unread": 2,
        "messages": page["messages"],
        "people": {ann.id: ann.name},
    }


def test_nothing_was_missed(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    head = tab.ok("post", room=room, text="one")
    assert missed(other.synced({room: head}), room, head) == []


@pytest.mark.parametrize("behind", [1, 2, 17, 500])
def test_all_that_was_missed(party: Party, behind: int) -> None:
    room, (ann, bob), (tab, _) = party.tabs("ann", "bob")
    head = fill(tab, room, max(behind, 20))
    reader = bob.connect()
    events = missed(reader.synced({room: head - behind}), room, head - behind)
    assert events == ann.events(room, after=head - behind)
    assert len(events) == behind
    # It is subscribed now.
    version = tab.ok("post", room=room, text="and on")
    assert reader.event(room, version)


def test_from_before_the_first_event(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    head = fill(tab, room, 3)
    assert len(missed(other.synced({room: 0}), room, 0)) == head


@pytest.mark.parametrize("claim", [-501, 1, 1_000, 2**53 - 1])
def test_too_far_behind_or_ahead_comes_a_snapshot(party: Party, claim: int) -> None:
    """`claim` is told from the head on; the last one is a version of its own."""
    room, (_, bob), (tab, _) = party.tabs("ann", "bob")
    head = fill(tab, room, 520)
    held = claim if claim > 2**52 else head + claim
    (answer,) = bob.connect().synced({room: held})
    found = answer["rooms"][room]
    assert (found["head"], found["complete"]) == (head, False)
    assert found["snapshot"]["version"] == head
    newest = [message["version"] for message in found["snapshot"]["messages"]]
    assert newest == list(range(head - len(newest) + 1, head + 1))
    assert newest


def test_long_texts_come_in_several_frames(party: Party) -> None:
    room, (ann, bob), (tab, _) = party.tabs("ann", "bob")
    held = tab.ok("post", room=room, text="before")
    for i in range(30):
        tab.ok("post", room=room, text=f"{i} " + "🚀" * 3_900)
    answers = bob.connect().synced({room: held})
    assert len(answers) >= 30 * 15_600 // MAX_FRAME
    assert missed(answers, room, held) == ann.events(room, after=held)


def test_a_snapshot_of_long_texts_holds_the_newest_that_fit(party: Party) -> None:
    room, (_, bob), (tab, _) = party.tabs("ann", "bob")
    for i in range(10):
        head = tab.ok("post", room=room, text=f"{i} " + '\\"\n' * 1_300)
    (answer,) = bob.connect().synced({room: None})
    messages = answer["rooms"][room]["snapshot"]["messages"]
    assert 1 <= len(messages) < 10
    assert versions(messages) == list(range(head - len(messages) + 1, head + 1))


def test_the_longest_text_there_is_fits_a_frame(party: Party) -> None:
    room, (_, bob), (tab, other) = party.tabs("ann", "bob")
    held = tab.ok("post", room=room, text="before")
    for longest in ("\\" * 4_000, "\n" * 3_999 + "x", '"' * 4_000, "\U0010ffff" * 4_000):
        version = tab.ok("post", room=room, text=longest)
        assert other.event(room, version)["data"]["text"] == longest
    assert len(texts(missed(bob.connect().synced({room: held}), room, held))) == 4


def test_several_rooms_at_once(party: Party) -> None:
    room, (_, bob), (tab, _) = party.tabs("ann", "bob")
    secret = party.room(tab, "private")
    second = party.room(tab)
    third = party.room(tab)
    head = fill(tab, room, 450, "a longer message, so that it does not fit one frame")
    fill(tab, second, 450, "a longer message, so that it does not fit one frame")
    wanted: dict[str, int | None] = {
        room: 3,
        secret: None,
        second: 2,
        third: None,
        party.room_id(): 7,
    }
    answers = bob.connect().synced(wanted)
    assert [answer.get("more", False) for answer in answers] == [True] * (len(answers) - 1) + [
        False
    ]
    by_room: dict[str, list[Any]] = {}
    for answer in answers:
        for name, part in answer["rooms"].items():
            by_room.setdefault(name, []).append(part)
    assert set(by_room) == set(wanted)
    for name, held in ((room, 3), (second, 2)):
        parts = by_room[name]
        assert [part["complete"] for part in parts] == [False] * (len(parts) - 1) + [True]
        events = [event for part in parts for event in part["events"]]
        assert versions(events) == list(range(held + 1, parts[-1]["head"] + 1))
    assert by_room[room][-1]["head"] == head
    assert by_room[third][0]["snapshot"]["version"] == 2
    assert by_room[secret] == by_room[[*wanted][-1]] == [{"error": "not_found"}]


def test_hundreds_of_rooms_at_once(party: Party) -> None:
    tab = party.enter("ann").connect()
    wanted = {f"{party.room_id()}-{'x' * 30}": None for _ in range(200)}
    answers = tab.synced(wanted)
    told = {name: part for answer in answers for name, part in answer["rooms"].items()}
    assert told == {room: {"error": "not_found"} for room in wanted}
    # More than a frame may have.
    wanted["one-more"] = None
    assert tab.command("sync", rooms=wanted)["code"] == "invalid"


def test_a_removed_member_hears_that_and_nothing_after(party: Party) -> None:
    for kind in ("public", "private"):
        room, (_, bob, _), (owner, removed, other) = party.tabs("ann", "bob", "cleo", kind=kind)
        second = bob.connect(room)
        second.so_far()
        # All in one go, so that the removal shares a batch with what comes after it.
        ids = [
            owner.send("post", room=room, text="before"),
            owner.send("remove_member", room=room, user=bob.id),
            owner.send("post", room=room, text="after"),
        ]
        before, gone, after = [owner.answer(id)["version"] for id in ids]
        other.event(room, after)
        owner.send("typing", room=room)
        other.next("typing")
        for tab in (removed, second):
            frames = tab.so_far()
            assert versions(list(pushed(frames, room))) == [before, gone]
            assert [frame for frame in frames if frame["type"] == "typing"] == []
        later = owner.ok("post", room=room, text="much later")
        other.event(room, later)
        assert list(pushed(removed.so_far(), room)) == []
        if kind == "private":
            assert removed.sync({room: gone}) == {room: {"error": "not_found"}}
        else:
            assert versions(missed(removed.synced({room: gone}), room, gone)) == [after, later]


def test_one_who_leaves_hears_that_and_nothing_after(party: Party) -> None:
    room, _, (owner, leaver, other) = party.tabs("ann", "bob", "cleo", kind="private")
    gone = leaver.ok("leave", room=room)
    after = owner.ok("post", room=room, text="after")
    other.event(room, after)
    assert versions(list(pushed(leaver.so_far(), room))) == [gone]
    assert leaver.refused("post", room=room, text="back") == "not_found"


def test_pushes_have_no_gap(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    ids = [
        [speaker.send("post", room=room, text=f"{i}") for speaker in (tab, other)]
        for i in range(150)
    ]
    last = max(
        speaker.answer(id)["version"]
        for pair in ids
        for speaker, id in zip((tab, other), pair, strict=True)
    )
    for hearer in (tab, other):
        hearer.event(room, last)
        assert versions(list(pushed(hearer.so_far(), room))) == list(range(4, last + 1))


def test_syncing_while_others_post_loses_nothing(party: Party) -> None:
    """What comes with `synced` and what is pushed after make the whole log."""
    room, (_, bob), (tab, _) = party.tabs("ann", "bob")
    reader = bob.connect()
    for _ in range(20):
        ids = [tab.send("post", room=room, text=f"{i}") for i in range(10)]
        sync = reader.send("sync", rooms={room: 3})
        last = max(tab.answer(id)["version"] for id in ids)
        answers = [reader.next("synced", id=sync)]
        while answers[-1].get("more"):
            answers.append(reader.next("synced", id=sync))
        seen = {event["version"] for event in missed(answers, room, 3)}
        if last not in seen:
            reader.event(room, last)
        seen |= {event["version"] for event in pushed(reader.so_far(), room)}
        assert seen >= set(range(4, last + 1))
