"""What was deleted is shown to nobody, what an edit replaced to members alone; the fold of what is
shown ends in the same view.

Over 300 lines: one history of edits and deletions, looked at by every way to read it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.events import MemoryEvents
from adapters.memory.views import MemoryStore
from domain.chat import Chat
from domain.chat.authorising import Standing
from domain.chat.delivering import LATE, LOOKED_AT, Deliver
from domain.chat.reading import Access
from domain.chat.unsealing import open_event
from domain.chat.withholding import deleted_in, withhold
from domain.consuming import MAX_RECEIVES, Record
from domain.projections.rows import message_key, room_stream
from domain.room.messages import MessageDeleted, MessageEdited
from domain.room.room import Room
from domain.room.view import RoomView
from operations.common import log_lines
from tests.support.chat import Clock, Someone, memory_chat, person, records, run_consumers
from tests.support.views import MemoryViews

ROOM = "lobby"
FOLDS = Path(__file__).parents[1] / "golden" / "folds"


def world(views: MemoryViews | None = None) -> tuple[Chat, Someone, Someone, Someone]:
    """Ann owns the lobby, Bob is a member, Eve reads as a guest."""
    chat = memory_chat(views=views)
    ann, bob, eve = (person(chat, name) for name in ("ann", "bob", "eve"))
    ann.send(action="create_room", room=ROOM, name="Lobby", kind="public")
    bob.send(action="join", room=ROOM)
    return chat, ann, bob, eve


def say(someone: Someone, text: str) -> int:
    return acked(someone.send(action="post", room=ROOM, text=text))


def acked(frames: list[dict[str, Any]]) -> int:
    (version,) = [frame["version"] for frame in frames if frame["type"] == "ack"]
    return int(version)


def edit(someone: Someone, version: int, text: str) -> None:
    acked(someone.send(action="edit", room=ROOM, version=version, text=text))


def delete(someone: Someone, version: int) -> None:
    acked(someone.send(action="delete", room=ROOM, version=version))


def pages(chat: Chat, someone: Someone, limit: int) -> list[dict[str, Any]]:
    """Returns the whole log as `GET events` gives it, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = chat.reading.events(ROOM, someone.user, len(found), limit)["events"]
        found += page
        if not page:
            return found


def texts(events: Iterable[dict[str, Any]]) -> list[str | None]:
    return [event["data"]["text"] for event in events if "text" in event["data"]]


def true_events(chat: Chat) -> list[dict[str, Any]]:
    vault = chat.services.vault
    return [open_event(vault, event.wire()) for event in chat.services.log.events(ROOM)]


def folded(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    view = RoomView().apply_all(events)
    return {**view.header(), "messages": view.messages, "members": view.members}


@pytest.mark.parametrize("limit", [1, 2, 3, 1_000])
@pytest.mark.parametrize("consumed", [True, False])
def test_deleted_and_replaced_texts_are_withheld_from_pages(limit: int, consumed: bool) -> None:
    chat, ann, bob, eve = world()
    gone, changed, left = say(bob, "oops"), say(bob, "first"), say(bob, "stays")
    edit(bob, gone, "oops again")
    edit(bob, changed, "second")
    edit(bob, changed, "third")
    delete(ann, gone)
    assert left
    if consumed:
        run_consumers(chat)
    for member in (ann, bob):
        shown = pages(chat, member, limit)
        assert texts(shown) == [None, "first", "stays", None, "second", "third"]
        assert folded(shown) == folded(true_events(chat))
    shown = pages(chat, eve, limit)
    assert texts(shown) == [None, None, "stays", None, None, "third"]
    assert folded(shown) == folded(true_events(chat))
    (event,) = [event for event in shown if event["version"] == gone]
    assert event["data"] == {"text": None, "kind": "text", "n": 1, "reply_to": None}


@pytest.mark.parametrize("held", [0, 3, 4, 6])
def test_deleted_and_replaced_texts_are_withheld_from_sync(held: int) -> None:
    chat, ann, bob, eve = world()
    gone, changed = say(bob, "oops"), say(bob, "first")
    edit(bob, gone, "oops again")
    edit(bob, changed, "second")
    edit(bob, changed, "third")
    delete(ann, gone)
    run_consumers(chat)

    def missed(someone: Someone) -> dict[int, str | None]:
        frames = someone.sync(lobby=held)
        (answer,) = [frame["rooms"][ROOM] for frame in frames if frame["type"] == "synced"]
        assert answer["complete"]
        return {e["version"]: e["data"]["text"] for e in answer["events"] if "text" in e["data"]}

    everything = {4: None, 5: "first", 6: None, 7: "second", 8: "third"}
    assert missed(bob) == {v: text for v, text in everything.items() if v > held}
    guest = {4: None, 5: None, 6: None, 7: None, 8: "third"}
    assert missed(eve) == {v: text for v, text in guest.items() if v > held}


def test_who_leaves_sees_replaced_texts_no_more() -> None:
    chat, _, bob, _ = world()
    edit(bob, say(bob, "first"), "second")
    assert texts(pages(chat, bob, 2)) == ["first", "second"]
    bob.send(action="leave", room=ROOM)
    assert texts(pages(chat, bob, 2)) == [None, "second"]


def test_a_message_that_the_views_do_not_have_is_withheld() -> None:
    """Nothing then tells whether it was deleted."""
    chat, _, bob, eve = world()
    version = say(bob, "parked")
    say(bob, "second")
    run_consumers(chat)
    views = chat.services.views
    views.store.drop(room_stream(ROOM), message_key(version), message_key(version))
    page = chat.reading.events(ROOM, eve.user, version - 1, 1)["events"]
    assert texts(page) == [None]


STEPS = st.lists(
    st.tuples(st.sampled_from(["post", "edit", "delete", "react", "consume"]), st.integers(4, 12)),
    max_size=25,
)


@given(STEPS, st.integers(1, 9), st.booleans())
def test_folding_what_is_shown_ends_in_the_same_view(
    steps: list[tuple[str, int]], limit: int, member: bool
) -> None:
    chat, ann, bob, eve = world()
    content: dict[str, dict[str, Any]] = {
        "post": {"text": "hello"}, "edit": {"text": "edited"}, "delete": {},
        "react": {"emoji": "👍"},
    }  # fmt: skip
    for action, version in steps:
        if action == "consume":
            run_consumers(chat)
        else:
            where = {} if action == "post" else {"version": version}
            bob.send(action=action, room=ROOM, **where, **content[action])
    true = true_events(chat)
    shown = pages(chat, ann if member else eve, limit)
    assert folded(shown) == folded(true)
    deleted = {e["data"]["message"] for e in true if e["type"] == "MessageDeleted"}
    edits = {e["data"]["message"]: e["version"] for e in true if e["type"] == "MessageEdited"}
    for seen, event in zip(shown, true, strict=True):
        if "text" not in event["data"]:
            assert seen == event
            continue
        message = event["data"].get("message", event["version"])
        stands = edits.get(message, message) == event["version"]
        hidden = message in deleted or not (stands or member)
        assert seen["data"] == {**event["data"], **({"text": None} if hidden else {})}


class CountingViews:
    """Counts the calls of views' methods."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._views = MemoryViews()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._views, name)


def test_a_page_costs_as_many_reads_whatever_it_holds() -> None:
    views: Any = CountingViews()
    chat, _, bob, eve = world(views)
    versions = [say(bob, f"{number}") for number in range(60)]
    for version in versions:
        edit(bob, version, "edited")
    say(bob, "the last")
    run_consumers(chat)
    costs = []
    for limit in (2, 20, 100):
        views.calls.clear()
        # Edits alone, and posts with edits.
        chat.reading.events(ROOM, eve.user, 3 + 60 - limit // 2, limit)
        costs.append(sum(views.calls.values()))
    assert costs[0] == costs[1] == costs[2]


def test_a_late_push_does_not_carry_what_is_deleted_in_the_same_run() -> None:
    chat, ann, bob, _ = world()
    ann.sync(lobby=None)
    ann.frames()
    version = say(bob, "oops")
    edit(bob, version, "oops again")
    say(bob, "stays")
    delete(bob, version)
    ann.frames()
    Deliver(chat.services).apply(ROOM, chat.services.log.events(ROOM, after=version - 1))
    (frame,) = [frame for frame in ann.frames() if frame["type"] == "events"]
    assert texts(frame["events"]) == [None, None, "stays"]


def pushed(someone: Someone) -> list[dict[str, Any]]:
    return [event for frame in someone.frames() for event in frame.get("events", ())]


def late_room(late: float) -> tuple[Chat, Someone, Someone, list[Record]]:
    """Bob and Eve, a guest, listen to the lobby; Bob posts a message and deletes it, and another
    that he edits. Returns the four records, handed out `late` seconds after."""
    clock = Clock()
    chat = memory_chat(clock=clock)
    bob, eve = (person(chat, name) for name in ("bob", "eve"))
    bob.send(action="create_room", room=ROOM, name="Lobby", kind="public")
    run_consumers(chat)
    for someone in (bob, eve):
        someone.sync(lobby=None)
    before = chat.services.progress.position("deliver")
    gone, changed = say(bob, "a secret"), say(bob, "a first thought")
    clock.wait(late)
    delete(bob, gone)
    edit(bob, changed, "a second thought")
    for someone in (bob, eve):
        someone.frames()
    return chat, bob, eve, [record for _, record in records(chat, before)]


def test_a_late_push_does_not_carry_what_a_later_batch_deletes_or_replaces() -> None:
    chat, bob, eve, (gone, changed, *later) = late_room(LATE)
    chat.apply_records("deliver", [gone])
    chat.apply_records("deliver", [changed])
    for someone in (bob, eve):
        assert texts(pushed(someone)) == [None, None]
    chat.apply_records("deliver", later)
    assert texts(pushed(eve)) == ["a second thought"]


def test_a_late_push_to_a_shard_withholds_as_well() -> None:
    chat, _, eve, (gone, *_) = late_room(LATE)
    events = chat.services.log.events(ROOM, after=2, upto=3)
    assert gone
    for part in range(2):
        Deliver(chat.services).apply(ROOM, events, (part, 2))
    assert texts(pushed(eve)) == [None]


def test_a_push_on_time_reads_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    chat, _, eve, (gone, *_) = late_room(LATE / 2)
    monkeypatch.setattr(type(chat.services.log.recorder), "select_events", _no_read)
    chat.apply_records("deliver", [gone])
    assert texts(pushed(eve)) == ["a secret"]


def _no_read(*_: Any, **__: Any) -> None:
    raise AssertionError("read")


def test_a_late_push_whose_room_went_on_far_is_left_to_sync() -> None:
    chat, bob, eve, todo = late_room(LATE)
    for number in range(LOOKED_AT):
        say(bob, f"{number}")
    bob.frames()
    chat.apply_records("deliver", todo[:1])
    assert pushed(eve) == pushed(bob) == []
    (answer,) = [f["rooms"][ROOM] for f in eve.sync(lobby=2) if f["type"] == "synced"]
    assert "a secret" not in str(answer)


def test_a_damaged_deletion_does_not_hide_it_from_a_late_push() -> None:
    chat, _, eve, (gone, *_) = late_room(LATE)
    damage(chat, 5)
    chat.apply_records("deliver", [gone])
    assert texts(pushed(eve)) == [None]


def damage(chat: Chat, version: int) -> None:
    """Takes a field away from an event of the log, which cannot be read as one then."""
    recorder = chat.services.log.recorder
    assert isinstance(recorder, MemoryEvents)
    (stored,) = recorder.select_events(ROOM, gt=version - 1, lte=version)
    state = orjson.loads(stored.state)
    del state["by"]
    recorder.replace(StoredEvent(ROOM, version, stored.topic, orjson.dumps(state)))


def parked_room(parked: Callable[[Chat, list[Record]], None]) -> tuple[Chat, Someone, Someone]:
    """The views park a deletion and an edit, each as `parked` does it; the room goes on."""
    chat, _, bob, eve = world()
    gone, changed = say(bob, "a secret"), say(bob, "a first thought")
    run_consumers(chat)
    before = chat.services.progress.position("project_views")
    delete(bob, gone)
    edit(bob, changed, "a second thought")
    todo = records(chat, before)
    parked(chat, [record for _, record in todo])
    chat.services.progress.advance("project_views", todo[-1][0])
    say(bob, "and on")
    run_consumers(chat)
    assert [one.version for one in chat.services.progress.parked()] == [6, 7]
    return chat, bob, eve


def by_failing(chat: Chat, todo: list[Record]) -> None:
    """Each is given up after its last try, and the store works again."""
    views: Any = chat.services.views.store
    for record in todo:
        tries = iter(range(4))
        save = MemoryStore.save

        def refuse(*given: Any, left: Any = tries, real: Any = save) -> bool:
            return bool(next(left, None) is None and real(views, *given))

        views.save = refuse
        last_time = [Record(record.id, record.body, MAX_RECEIVES)]
        assert chat.apply_records("project_views", last_time) == []
    del views.save


def by_damage(chat: Chat, todo: list[Record]) -> None:
    """Neither can be read as an event."""
    for version, record in zip((6, 7), todo, strict=True):
        damage(chat, version)
        body = orjson.loads(record.body)
        del body["state"]["by"]
        assert chat.apply_records("project_views", [Record(record.id, orjson.dumps(body))]) == []


@pytest.mark.parametrize("parked", [by_failing, by_damage])
def test_no_page_shows_what_a_parked_event_deleted_or_replaced(
    parked: Callable[[Chat, list[Record]], None],
) -> None:
    chat, bob, eve = parked_room(parked)
    for someone in (bob, eve):
        page = chat.reading.messages(ROOM, someone.user, None, 50)["messages"]
        assert [(one["text"], one["deleted"]) for one in page] == [
            (None, True),
            ("a second thought", False),
            ("and on", False),
        ]
        # Not up to the head: what became of the messages is asked of the view.
        middle = chat.reading.events(ROOM, someone.user, 3, 2)["events"]
        replaced = "a first thought" if someone is bob else None
        assert texts(middle) == [None, replaced]
    (answer,) = [f["rooms"][ROOM] for f in eve.sync(lobby=None) if f["type"] == "synced"]
    assert "a secret" not in str(answer)


def test_an_operator_sees_deleted_texts_when_they_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.common.PAGE", 2)
    chat, ann, bob, _ = world()
    version = say(bob, "oops")
    edit(bob, version, "oops again")
    changed = say(bob, "first")
    edit(bob, changed, "second")
    delete(ann, version)
    log, vault = chat.services.log, chat.services.vault
    shown = [orjson.loads(line) for line in log_lines(log, vault, ROOM)]
    assert texts(shown) == [None, None, "first", "second"]
    everything = [orjson.loads(line) for line in log_lines(log, vault, ROOM, deleted=True)]
    assert texts(everything) == ["oops", "oops again", "first", "second"]
    assert everything == true_events(chat)


def test_withholding_leaves_other_events_as_they_are() -> None:
    chat, ann, bob, _ = world()
    bob.send(action="react", room=ROOM, version=say(bob, "hello"), emoji="👍")
    ann.send(action="remove_member", room=ROOM, user="u_bob")
    events = true_events(chat)
    withhold(events, member=False)
    assert events == true_events(chat)


@pytest.mark.parametrize("message", [[], None, "4", {}])
def test_a_damaged_event_is_shown_without_its_text(message: Any) -> None:
    chat, _, bob, _ = world()
    delete(bob, say(bob, "oops"))
    events = [
        MessageEdited(
            originator_id=ROOM, originator_version=6, at="t", recorded_at="t", by="u_bob", id="x",
            digest="", message=message, text=chat.services.vault.seal("u_bob", "oops"),
        ),
        MessageDeleted(
            originator_id=ROOM, originator_version=7, at="t", recorded_at="t", by="u_bob", id="y",
            digest="", message=message,
        ),
    ]  # fmt: skip
    chat.services.log.recorder.insert_events(chat.services.log.stored(events))
    assert deleted_in([event.wire() for event in events]) == set()
    log, vault = chat.services.log, chat.services.vault
    for shown in (
        [orjson.loads(line) for line in log_lines(log, vault, ROOM)],
        chat.reading.open_to_head(
            Access(ROOM, RoomView(), Standing(Room(ROOM)), "owner"), log.events(ROOM)
        ),
    ):
        assert [event["version"] for event in shown] == list(range(1, 8))
        assert texts(shown) == [None, None]
    everything = [orjson.loads(line) for line in log_lines(log, vault, ROOM, deleted=True)]
    assert texts(everything) == ["oops", "oops"]


@pytest.mark.parametrize("path", sorted(FOLDS.glob("*/*.json")), ids=lambda path: path.stem)
@pytest.mark.parametrize("member", [True, False])
def test_every_golden_case_folds_to_its_view_with_its_texts_withheld(
    path: Path, member: bool
) -> None:
    case = orjson.loads(path.read_bytes())
    # A log has each event once.
    events = [*{event["version"]: event for event in case["events"]}.values()]
    withhold(events, member=member)
    view = RoomView().apply_all(events)
    assert [message for _, message in sorted(view.messages.items())] == case["view"]["messages"]


@pytest.mark.parametrize("reader", ["member", "guest"])
def test_the_golden_cases_of_withheld_texts_are_what_is_shown(reader: str) -> None:
    """The web app folds these very files (frontend/tests/fold.test.ts)."""
    true = orjson.loads((FOLDS / "messages" / "deleted-and-edited.json").read_bytes())
    shown = orjson.loads((FOLDS / "messages" / f"withheld-from-a-{reader}.json").read_bytes())
    assert shown["events"] != true["events"]
    withhold(true["events"], member=reader == "member")
    assert (true["events"], true["view"]) == (shown["events"], shown["view"])
