"""The fold of a room's view, where what it folds onto is further along in part."""

from typing import Any

import pytest

from domain.room.tail import Tail
from domain.room.view import Gap, Message, RoomView

AT = "2026-01-02T03:04:05.000000+00:00"


def event(version: int, type: str, by: str = "u_ann", **data: Any) -> dict[str, Any]:
    return {"version": version, "type": type, "at": AT, "by": by, "data": data, "id": "1"}


def posted(version: int, by: str = "u_ann", n: int = 1) -> dict[str, Any]:
    return event(version, "MessagePosted", by, text=f"text {version}", kind="text", n=n)


def folded(version: int) -> RoomView:
    """Returns the view of a room whose message at 3 was posted, up to a version."""
    view = RoomView().apply_all(
        [
            event(1, "RoomCreated", name="Lobby", kind="public"),
            event(2, "MemberJoined", user="u_ann", name="Ann", role="owner"),
            posted(3),
        ]
    )
    assert view.version == 3
    view.version = version
    return view


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "edited": (event(7, "MessageEdited", message=3, text="other"), {"text": "other"}),
    "deleted": (event(7, "MessageDeleted", message=3), {"deleted": True, "text": None}),
    "reacted": (
        event(7, "ReactionAdded", "u_bob", message=3, emoji="👍"),
        {"reactions": {"👍": ["u_bob"]}},
    ),
    "took back": (event(7, "ReactionRemoved", message=3, emoji="🎉"), {"reactions": {}}),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(("ahead", "new"), [(5, True), (6, True), (7, False), (8, False)])
def test_what_a_row_has_already_is_not_folded_into_it_again(
    name: str, ahead: int, new: bool
) -> None:
    """A row says up to which event it was folded: that one and those before are in it."""
    told, change = CHANGES[name]
    row: Message = {**folded(3).messages[3], "reactions": {"🎉": ["u_ann"]}}

    def load(version: int) -> Message | None:
        assert version == 3
        view.ahead[version] = ahead
        return {**row, "reactions": {"🎉": ["u_ann"]}}

    view = RoomView(load).restore(folded(6).header())
    assert view.apply(told)
    assert view.version == 7
    expected = row
    if new:
        expected = {**row, **change}
        if name == "reacted":
            expected["reactions"] = {"🎉": ["u_ann"], "👍": ["u_bob"]}
        if name == "edited":
            expected["edited_at"] = AT
        if name == "deleted":
            expected["reactions"] = {}
    assert view.messages[3] == expected
    assert view.changed == {3}


def test_an_event_is_folded_once_and_in_its_turn() -> None:
    view = folded(3)
    before = (view.header(), dict(view.messages))
    assert not view.apply(posted(3))
    assert not view.apply(event(2, "MemberJoined", user="u_eve", name="Eve", role="owner"))
    for version in (5, 6, 100):
        with pytest.raises(Gap):
            view.apply(posted(version))
    assert (view.header(), dict(view.messages)) == before
    assert view.apply(posted(4, "u_bob", 2))
    assert (view.version, view.n, view.last, view.posted) == (4, 2, 4, {"u_ann": 3, "u_bob": 4})


@pytest.mark.parametrize("view", [RoomView(), Tail(lambda version: None)])
def test_a_fold_says_whether_an_event_was_new(view: RoomView) -> None:
    told = [
        event(1, "RoomCreated", name="Lobby", kind="public"),
        event(2, "MemberJoined", user="u_ann", name="Ann", role="owner"),
        posted(3),
    ]
    assert [view.apply(one) for one in told] == [True] * 3
    assert [view.apply(one) for one in told] == [False] * 3
    weight = getattr(view, "weight", 0)
    view.apply_all(told)
    assert (view.version, getattr(view, "weight", 0)) == (3, weight)


def test_what_is_told_of_a_message_that_is_not_there_changes_nothing() -> None:
    view = folded(3)
    for version, name in enumerate(CHANGES, 4):
        told = CHANGES[name][0]
        about = {**told["data"], "message": 2}
        assert view.apply({**told, "version": version, "data": about})
    assert set(view.messages) == {3}
    assert view.changed == {3}


def test_members_who_are_not_loaded_are_patched() -> None:
    view = folded(3)
    told = [
        event(4, "MemberRenamed", "u_bob", user="u_bob", name="Robert"),
        event(5, "RoleChanged", user="u_cy", role="moderator"),
        event(6, "MemberLeft", "u_dan", user="u_dan", reason="left"),
        event(7, "MemberLeft", "u_bob", user="u_bob", reason="removed"),
    ]
    view.apply_all(told)
    assert view.members == {
        "u_ann": {"name": "Ann", "role": "owner", "joined": AT},
        "u_bob": {"name": "Robert", "role": None},
        "u_cy": {"role": "moderator"},
        "u_dan": {"role": None},
    }
    assert view.member_count == 1 - 2


def test_reactions_keep_their_order_and_no_empty_ones() -> None:
    view = folded(3)
    deeds = [
        ("ReactionAdded", "u_ann", "🎉"),
        ("ReactionAdded", "u_bob", "👍"),
        ("ReactionAdded", "u_ann", "👍"),
        ("ReactionAdded", "u_ann", "👍"),
        ("ReactionRemoved", "u_bob", "👍"),
        ("ReactionAdded", "u_bob", "👍"),
        ("ReactionRemoved", "u_ann", "🎉"),
        ("ReactionRemoved", "u_cy", "🎉"),
        ("ReactionRemoved", "u_cy", "👍"),
    ]
    for version, (type, by, emoji) in enumerate(deeds, 4):
        view.apply(event(version, type, by, message=3, emoji=emoji))
    assert view.messages[3]["reactions"] == {"👍": ["u_ann", "u_bob"]}
