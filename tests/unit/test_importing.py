"""Imports that fail, are cut off, or meet erased people; over memory."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from domain.aggregate import Command
from domain.chat import Chat
from domain.chat.erasing import Erasing
from domain.errors import Forbidden, Internal, ParleyError, RateLimited, RoomBusy
from domain.executing import outcomes_of
from domain.person.imports import FileImported, Imports, NoteImport
from domain.person.person import Person
from domain.ports.commands import Executor, Reply
from domain.room.membership import MemberJoined, MemberRenamed
from local import importer
from local.importer import Report
from local.importing import ImportStopped, import_irc
from tests.support.chat import memory_chat

LINES = """[10:00] <ann> one
[10:00] <bob> two
=== bob is now known as rob
[10:01] <cy> three
[10:01] <ann> four
=== ann is now known as cy
[10:02] <dee> five
[10:02] <rob> six
[10:03] <cy> seven
"""
"""Most lines make several events: who speaks unseen joins first; line 6 has somebody leave too."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "2011-11-13_02.log.txt"
    path.write_text(LINES)
    return path


def take(chat: Chat, log: Path, room: str = "irc", after: Any = lambda: None) -> Report:
    return import_irc(chat, [log], room, False, lambda done, total: None, after)


def told(chat: Chat, room: str = "irc") -> list[tuple[str, str, str]]:
    """Returns what a room's events are, and which command made them."""
    events = chat.services.log.events(room)
    return [(type(event).__name__, event.by, event.id) for event in events]


def texts(chat: Chat, room: str = "irc") -> list[str | None]:
    vault = chat.services.vault
    events = chat.services.log.events(room)
    return [vault.open(event.text) for event in events if hasattr(event, "text")]


def nick(chat: Chat, name: str) -> str:
    return "u_" + chat.services.vault.blind(f"irc:{name}")[:20]


class Failing:
    """An executor whose `fails`-th call into the room fails, by exception or by its outcomes."""

    def __init__(self, inner: Executor, error: Exception, fails: int) -> None:
        self._inner = inner
        self._error = error
        self._left = fails

    def execute(self, log_id: str, commands: Sequence[Command], reply: Reply) -> None:
        self._left -= log_id == "irc"
        if self._left or log_id != "irc":
            self._inner.execute(log_id, commands, reply)
        elif isinstance(self._error, ParleyError):
            reply([self._error for _ in commands])
        else:
            raise self._error


def failing(chat: Chat, error: Exception, fails: int) -> Chat:
    services = chat.services
    return Chat(replace(services, executor=Failing(services.executor, error, fails)))


FAULTS = [Internal(), RoomBusy(), RateLimited(), OperationalError("disk full"), OSError("gone")]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_a_fault_stops_the_import_and_the_next_run_completes_it(
    log: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(importer, "BATCH", 2)
    chat, calm = memory_chat(), memory_chat()
    with pytest.raises(ImportStopped, match=r"stopped in 2011-11-13_02.log.txt: .+import again"):
        take(failing(chat, error, 3), log)
    assert len(texts(chat)) < 7
    report = take(chat, log)
    assert (report.known_files, report.refused) == (0, [])
    take(calm, log)
    assert texts(chat) == ["one", "two", "three", "four", "five", "six", "seven"]
    assert told(chat) == told(calm)
    assert take(chat, log).known_files == 1


def test_a_refusal_is_left_out_and_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = memory_chat()
    monkeypatch.setattr("domain.room.invitations.MAX_MEMBERS", 3)
    report = take(chat, log)
    # The importer, Ann and Bob are in: Cy and Dee find no place, so they cannot speak either.
    assert any("the maximum number of members" in refusal for refusal in report.refused)
    assert texts(chat)[:2] == ["one", "two"]
    assert "five" not in texts(chat)
    assert take(chat, log).known_files == 1


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_an_import_that_is_cut_off_anywhere_goes_on(
    log: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(importer, "BATCH", batch)
    calm = memory_chat()
    take(calm, log)
    for cut in range(1, 12):
        chat, left = memory_chat(), [cut]

        def killed(left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        try:
            take(chat, log, after=killed)
        except KeyboardInterrupt:
            take(chat, log)
        assert told(chat) == told(calm), f"cut after {cut} batches"


def test_a_file_in_two_rooms_is_noted_in_both(log: Path) -> None:
    chat = memory_chat()
    take(chat, log, "one")
    assert take(chat, log, "two").known_files == 0
    head = chat.services.log.head("two")
    for room in ("one", "two"):
        report = take(chat, log, room)
        assert (report.known_files, report.files, report.events) == (1, 0, 0)
    assert chat.services.log.head("two") == head


def test_a_note_of_an_earlier_release_counts(log: Path) -> None:
    chat, other = memory_chat(), memory_chat()
    take(other, log)
    me = next(e.by for e in other.services.log.events("irc"))
    (noted,) = (e for e in other.services.log.events(me) if isinstance(e, FileImported))
    take(chat, log, "elsewhere")
    # Its id had the file alone.
    common: dict[str, Any] = {"by": me, "at": noted.at, "recorded_at": noted.at, "digest": "irc"}
    old = NoteImport(id=f"irc:file:{noted.file[:32]}", room="irc", file=noted.file, **common)
    outcomes_of(chat.services.executor, [(me, [old])])
    assert take(chat, log).known_files == 1
    assert take(chat, log, "third").known_files == 0
    assert take(chat, log, "third").known_files == 1
    person = chat.services.log.read(me)
    assert isinstance(person, Person)
    assert {room for room, _ in person.part(Imports).files} == {"elsewhere", "irc", "third"}


def test_lines_of_erased_people_are_left_out_and_counted(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH", 2)
    chat = memory_chat()
    take(chat, log, "before")
    bob = nick(chat, "bob")
    Erasing(chat.services).erase(bob)
    report = take(chat, log)
    assert texts(chat) == ["one", "three", "four", "five", "seven"]
    assert bob not in {by for _, by, _ in told(chat)}
    # What he said, his change of name, and what he said under the other one.
    assert (report.erased, report.refused) == (3, [])
    assert take(chat, log).known_files == 1


def test_the_importer_is_no_person_to_erase(log: Path) -> None:
    """Every import of the folder needs its key: the names of its rooms are sealed under it."""
    chat = memory_chat()
    take(chat, log, "before")
    (first, *_) = chat.services.log.events("before")
    with pytest.raises(Forbidden):
        Erasing(chat.services).erase(first.by)
    assert take(chat, log).refused == []


def test_an_import_of_erased_people_alone_adds_nothing(tmp_path: Path) -> None:
    log = tmp_path / "2011-11-14.log.txt"
    log.write_text("[10:00] <ann> one\n[10:01] <ann> two\n")
    chat = memory_chat()
    take(chat, log, "before")
    Erasing(chat.services).erase(nick(chat, "ann"))
    report = take(chat, log)
    assert (report.erased, texts(chat)) == (2, [])
    assert take(chat, log).known_files == 1


def test_an_import_goes_on_within_what_is_one_batch_now(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that was cut off wrote in smaller batches."""
    calm, chat = memory_chat(), memory_chat()
    take(calm, log)
    monkeypatch.setattr(importer, "BATCH", 2)
    with pytest.raises(ImportStopped):
        take(failing(chat, OSError("gone"), 3), log)
    monkeypatch.setattr(importer, "BATCH", 200)
    take(chat, log)
    assert told(chat) == told(calm)


def test_who_changed_their_nick_is_called_as_before_in_a_later_log(
    log: Path, tmp_path: Path
) -> None:
    later = tmp_path / "2011-11-14.log.txt"
    later.write_text("[10:00] <bob> again\n[10:01] <cy> me too\n")
    chat = memory_chat()
    take(chat, log)
    take(chat, later)
    names = {}
    for event in chat.services.log.events("irc"):
        if isinstance(event, MemberJoined | MemberRenamed):
            names[event.user] = chat.services.vault.open(event.name)
    assert names[nick(chat, "bob")] == "bob"
    assert texts(chat)[-2:] == ["again", "me too"]
