"""The promises of docs/protocol.md over the wire: messages."""

from domain.protocol import answers as wire
from tests.functional.protocol.forms import MOMENT
from tests.server.harness import Party, pushed, versions


def test_posting_reaches_every_tab(party: Party) -> None:
    room, (ann, _), (tab, other) = party.tabs("ann", "bob")
    second = ann.connect(room)
    version = tab.ok(
        "post", "p1", room=room, text="  <script>alert(1)</script> \u202e\n\tüñí 👩‍🚀 "
    )
    for hearer in (tab, second, other):
        event = hearer.event(room, version)
        assert event["by"] == ann.id
        assert event["id"] == "p1"
        assert MOMENT.fullmatch(event["at"])
        assert (
            event["data"]
            == {
                "text": "  <script>alert(1)</script> \u202e\n\tüñí 👩‍🚀 ",
                "kind": "text",
                "n": 1,
                "reply_to": None,
            }
            or event["data"].pop("reply_to", None) is None
        )
        assert hearer.next("events", room=room)["people"] == {ann.id: ann.name}


def test_edit_delete_react_and_reply(party: Party) -> None:
    room, (ann, bob), (tab, other) = party.tabs("ann", "bob")
    first = tab.ok("post", room=room, text="frist")
    edited = tab.ok("edit", room=room, version=first, text="first")
    assert other.event(room, edited)["data"] == {"message": first, "text": "first"}
    reply = other.ok("post", room=room, text="second", reply_to=first)
    assert tab.event(room, reply)["data"]["reply_to"] == first
    reacted = other.ok("react", room=room, version=first, emoji="👍🏽")
    assert other.ok("react", room=room, version=first, emoji="👍🏽") >= reacted
    tab.ok("react", room=room, version=first, emoji="👍🏽")
    tab.ok("react", room=room, version=first, emoji="❤️")
    taken = tab.ok("unreact", room=room, version=first, emoji="❤️")
    assert tab.ok("unreact", room=room, version=first, emoji="❤️") == taken
    doomed = tab.ok("post", room=room, text="oops")
    deleted = tab.ok("delete", room=room, version=doomed)
    assert other.event(room, deleted)["data"] == {"message": doomed}

    page = bob.http("GET", f"/api/rooms/{room}/messages")
    wire.Messages.model_validate_json(page.body)
    told, answered, gone = page.json["messages"]
    assert told.pop("edited_at") == ann.events(room)[edited - 1]["at"]
    assert MOMENT.fullmatch(told.pop("at"))
    assert told.pop("id") == ann.events(room)[first - 1]["id"]
    assert told == {
        "version": first,
        "by": ann.id,
        "text": "first",
        "kind": "text",
        "n": 1,
        "reply_to": None,
        "deleted": False,
        "reactions": {"👍🏽": [bob.id, ann.id]},
    }
    assert (answered["reply_to"], answered["n"]) == (first, 2)
    assert (gone["text"], gone["deleted"], gone["n"]) == (None, True, 3)
    assert page.json["people"] == {ann.id: ann.name, bob.id: bob.name}
    assert versions(ann.events(room)) == list(range(1, deleted + 1))


def test_what_one_may_not_do_to_a_message(party: Party) -> None:
    room, (_, bob, _), (owner, moderator, member) = party.tabs("ann", "bob", "cleo")
    owner.ok("set_role", room=room, user=bob.id, role="moderator")
    theirs = owner.ok("post", room=room, text="mine")
    assert member.refused("edit", room=room, version=theirs, text="yours") == "forbidden"
    assert moderator.refused("edit", room=room, version=theirs, text="yours") == "forbidden"
    assert member.refused("delete", room=room, version=theirs) == "forbidden"
    moderator.ok("delete", room=room, version=theirs)
    for action, fields in (
        ("edit", {"text": "back"}),
        ("delete", {}),
        ("react", {"emoji": "👍"}),
    ):
        assert owner.refused(action, room=room, version=theirs, **fields) == "invalid"
    assert owner.refused("post", room=room, text="re", reply_to=theirs) == "invalid"
    for version in (1, 2, 2**53 - 1):
        assert owner.refused("edit", room=room, version=version, text="x") == "not_found"
        assert owner.refused("delete", room=room, version=version) == "not_found"
        assert owner.refused("react", room=room, version=version, emoji="👍") == "not_found"
        assert owner.refused("post", room=room, text="re", reply_to=version) == "not_found"


def test_thirty_two_emoji_are_enough(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    version = tab.ok("post", room=room, text="react!")
    for point in range(0x1F600, 0x1F620):
        tab.ok("react", room=room, version=version, emoji=chr(point))
    assert tab.refused("react", room=room, version=version, emoji="🚀") == "invalid"
    other.ok("react", room=room, version=version, emoji=chr(0x1F600))
    tab.ok("unreact", room=room, version=version, emoji=chr(0x1F601))
    tab.ok("react", room=room, version=version, emoji="🚀")


def test_four_thousand_code_points(party: Party) -> None:
    room, _, (tab, other) = party.tabs("ann", "bob")
    for text in ("a" * 4_000, "🚀" * 4_000):
        version = tab.ok("post", room=room, text=text)
        assert other.event(room, version)["data"]["text"] == text
        assert tab.refused("post", room=room, text=text + "a") == "too_large"
        assert tab.refused("edit", room=room, version=version, text=text + "a") == "too_large"


def test_a_new_writers_name_is_told_at_once(party: Party) -> None:
    room, _, (tab, _) = party.tabs("ann", "bob")
    for i in range(10):
        new = party.enter(f"new {i}")
        writer = new.connect()
        joined = writer.ok("join", room=room)
        version = writer.ok("post", room=room, text="I am new")
        known = {new.id: new.name}
        assert tab.sync({room: joined})[room]["people"] == known, "sync, events"
        page = new.get(f"/api/rooms/{room}/messages?limit=1")
        assert page["people"] == known, "messages"
        tab.event(room, version)
        (pushes,) = [f for f in tab.so_far() if version in versions(list(pushed([f], room)))]
        assert pushes["people"] == known, "pushed"


def test_a_new_writers_name_is_in_a_snapshot_at_once(party: Party) -> None:
    room, (_, bob), _ = party.tabs("ann", "bob")
    reader = bob.connect()
    for i in range(10):
        new = party.enter(f"new {i}")
        writer = new.connect()
        writer.ok("join", room=room)
        writer.ok("post", room=room, text="I am new")
        snapshot = reader.sync({room: None})[room]["snapshot"]
        authors = {message["by"] for message in snapshot["messages"]}
        assert set(snapshot["people"]) == authors
        assert snapshot["people"][new.id] == new.name
