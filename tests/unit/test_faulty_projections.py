"""A projection that fails does not stop the others: they fold the event, and it is parked under the
name of the one that failed."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.chat import Chat
from domain.chat.projecting import Rooms
from domain.consuming import MAX_RECEIVES, Record
from domain.log import envelope
from domain.person.lifecycle import PersonErased
from domain.ports.vault import Tampered
from domain.projections.directory import Directory
from domain.projections.people import People
from domain.projections.store import Fold, Head
from tests.support.chat import memory_chat, person, run_consumers


@pytest.fixture
def chat() -> Chat:
    chat = memory_chat()
    ann = person(chat, "ann")
    person(chat, "bob")
    for room in ("lobby", "garden"):
        assert ann.send(action="create_room", room=room, name=f"The {room}", kind="public")
    return chat


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a projection fail for one stream."""

    def fail(projection: type[Any], stream: str, error: Exception) -> None:
        fold = projection.fold

        def folding(self: Any, batch: Any) -> Any:
            if batch.log_id == stream:
                raise error
            return fold(self, batch)

        monkeypatch.setattr(projection, "fold", folding)

    return fail


def fed(chat: Chat, stream: str, receives: int = 1) -> list[str]:
    found = chat.services.log.recorder.select_events(stream)
    records = [Record(str(e.originator_version), envelope(e), receives) for e in found]
    return chat.apply_records("project_views", records)


def parked(chat: Chat) -> list[tuple[str, int, str]]:
    return [(p.stream, p.version, p.reason) for p in chat.services.progress.parked()]


def searched(chat: Chat, word: str) -> list[str]:
    found = chat.listing.directory("u_bob", word, None, 10)
    return [room["room"] for room in found["rooms"]]


def test_a_room_keeps_its_name_and_kind_where_the_directory_fails(
    chat: Chat, failing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Directory, "fold", Directory.fold)
        failing(Directory, "lobby", Tampered())
        run_consumers(chat)
    header = chat.services.views.header("lobby") or {}
    assert (header["kind"], header["member_count"], header["version"]) == ("public", 1, 2)
    assert header["name"] is not None
    assert parked(chat) == [("lobby", 1, "directory: Tampered")]
    assert (searched(chat, "lob"), searched(chat, "gard")) == ([], ["garden"])
    assert searched(chat, "") == ["garden", "lobby"], "it is listed without a search"


def test_a_redrive_folds_what_failed(chat: Chat, failing: Callable[..., None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fold = Directory.fold
        failing(Directory, "lobby", KeyError("x"))
        run_consumers(chat)
        patch.setattr(Directory, "fold", fold)
        chat.consuming["project_views"].redrive("lobby")
        assert parked(chat) == []
        assert searched(chat, "lob") == ["lobby"]


def test_what_fails_for_now_is_retried_before_it_is_parked(
    chat: Chat, failing: Callable[..., None]
) -> None:
    failing(Directory, "lobby", OSError("KMS refuses"))
    for receives in range(1, MAX_RECEIVES):
        assert fed(chat, "lobby", receives) == ["1", "2"]
        assert (chat.services.views.header("lobby"), parked(chat)) == (None, [])
    assert fed(chat, "lobby", MAX_RECEIVES) == []
    assert parked(chat) == [("lobby", 1, "directory: OSError")]
    header = chat.services.views.header("lobby") or {}
    assert (header["kind"], header["version"], header["member_count"]) == ("public", 2, 1)


def test_the_directory_knows_a_room_whose_view_fails(
    chat: Chat, failing: Callable[..., None]
) -> None:
    failing(Rooms, "lobby", TypeError("x"))
    failing(Directory, "garden", TypeError("x"))
    failing(Rooms, "garden", KeyError("x"))
    run_consumers(chat)
    assert ("lobby", 1, "rooms: TypeError") in parked(chat)
    assert ("garden", 1, "rooms: KeyError, directory: TypeError") in parked(chat)
    blind = chat.services.vault.blind("directory lobby")
    assert chat.services.views.store.under(f"w#{blind}") == ["R#lobby"]
    assert (chat.services.views.header("lobby") or {})["version"] == 2


def test_an_erasure_that_fails_in_one_place_is_done_in_the_others(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_consumers(chat)

    def broken(self: Any, user: str) -> None:
        raise KeyError(user)

    assert chat.erasing.erase("u_ann")
    with monkeypatch.context() as patch:
        patch.setattr(Rooms, "erase", broken)
        run_consumers(chat)
    people = [row for row in chat.services.views.dump() if "row" in row and "person" in row]
    assert {row["person"] for row in people} == {"u_bob"}
    (erased,) = [e for e in chat.services.log.events("u_ann") if isinstance(e, PersonErased)]
    assert parked(chat) == [("u_ann", erased.originator_version, "rooms: KeyError")]
    assert (chat.services.views.member("lobby", "u_ann") or {})["name"] is not None
    chat.consuming["project_views"].redrive("u_ann")
    assert (chat.services.views.member("lobby", "u_ann") or {})["name"] is None
    assert parked(chat) == []


def test_a_damaged_name_hides_no_other_and_no_room(chat: Chat) -> None:
    run_consumers(chat)
    store = chat.services.views.store
    header = dict(store.head("R#lobby").fields)
    header["name"] = {**header["name"], "k": "u_bob"}
    person(chat, "bob")

    assert store.save("R#lobby", 2, Fold(Head(2, header)))
    found = chat.listing.directory("u_bob", "", None, 10)["rooms"]
    assert {room["room"]: room["name"] for room in found} == {
        "garden": "The garden", "lobby": None,
    }  # fmt: skip
    assert chat.reading.page("lobby", "u_ann", None, 10)


def test_people_are_projected_likewise(chat: Chat, failing: Callable[..., None]) -> None:
    failing(People, "u_ann", Tampered())
    run_consumers(chat)
    assert parked(chat) == [("u_ann", 1, "people: Tampered")]
    assert chat.services.views.person_version("u_ann") > 0  # type: ignore[attr-defined]
