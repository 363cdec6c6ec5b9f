"""Operations beside a server that is written to all the time, and without one."""

import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from domain.consumer import Transient
from domain.consuming import MAX_RECEIVES, Record
from local import operations as module
from local.bootstrap import Engine
from local.folder import DataFolder
from local.operations import FOLLOWED, Operations
from local.stores import Stores
from operations.common import OperationError, log_lines
from tests.support.chat import memory_chat, person


class Busy:
    """An engine whose log grows by ten events each time that somebody waits, and whose consumer
    follows five events behind."""

    def __init__(self) -> None:
        self.head, self.position, self.waits = 100, 60, 0
        self.feed, self.chat = self, cast(Any, None)

    def max_notification_id(self) -> int:
        return self.head

    def lag(self) -> dict[str, int]:
        return {"project_views": self.head - self.position}

    def behind(self, position: int) -> int:
        return max(0, position - self.position)

    def wait_caught_up(self, timeout: float) -> None:
        self.waits += 1
        assert self.waits <= 20, "it waits for what came after it began"
        self.head += 10
        self.position = min(self.position + 20, self.head - 5)


def test_an_import_lets_the_views_follow() -> None:
    busy = Busy()
    busy.head, busy.position = 1_000, 300
    operations = Operations(cast(Stores, SimpleNamespace()), cast(Engine, busy))
    operations._let_views_follow()
    # 20 a wait, while 10 come: within 500 after as many.
    assert busy.head - busy.position <= FOLLOWED
    assert busy.waits == 20
    operations._let_views_follow()
    assert busy.waits == 20


def test_an_erasure_that_leaves_rooms_says_so_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = memory_chat()
    ann = person(chat, "ann")
    busy = Busy()
    busy.chat = chat
    operations = Operations(cast(Stores, SimpleNamespace()), cast(Engine, busy))

    def fail(user: str) -> None:
        raise Transient("room_busy")

    monkeypatch.setattr(chat.erasing._succession, "of_person", fail)
    with pytest.raises(OperationError) as raised:
        list(operations.run("erase", {"user": ann.user}, lambda done, total: None))
    assert str(raised.value) == (
        "u_ann is erased, but not all of their rooms have another owner (room_busy): "
        "run the command again"
    )


def test_catching_up_ends_under_steady_traffic() -> None:
    busy = Busy()
    stores = SimpleNamespace(events=SimpleNamespace(events=busy))
    operations = Operations(cast(Stores, stores), cast(Engine, busy))
    said: list[tuple[int, int]] = []
    assert operations._catch_up(lambda done, total: said.append((done, total))) == 100
    assert said == [(60, 100), (80, 100), (100, 100)]
    assert busy.waits == 2


def test_an_erasure_is_done_when_the_consumers_have_heard_of_it() -> None:
    busy = Busy()
    busy.chat = cast(Any, SimpleNamespace(erasing=SimpleNamespace(erase=lambda user: True)))
    stores = SimpleNamespace(events=SimpleNamespace(events=busy))
    operations = Operations(cast(Stores, stores), cast(Engine, busy))
    assert list(operations.erase(lambda done, total: None, "u_ann")) == ["u_ann is erased"]
    assert busy.position >= 100


def shown(lines: Iterable[str]) -> list[tuple[int, str | None]]:
    events = map(orjson.loads, lines)
    return [(event["version"], event["data"].get("text")) for event in events]


def test_a_deletion_withholds_its_text_however_far_apart_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for text in ("one", "two", "three"):
        ann.send(action="post", room="lobby", text=text)
    ann.send(action="delete", room="lobby", version=3)
    for text in ("four", "five", "six"):
        ann.send(action="post", room="lobby", text=text)
    services = chat.services
    lines = log_lines(services.log, services.vault, "lobby")
    first = shown([next(lines)])
    # What comes while the log is read is not shown: whether it was deleted was not looked at.
    ann.send(action="post", room="lobby", text="late")
    assert first + shown(lines) == [
        (1, None), (2, None), (3, None), (4, "two"), (5, "three"), (6, None),
        (7, "four"), (8, "five"), (9, "six"),
    ]  # fmt: skip
    ((_, deleted),) = shown(list(log_lines(services.log, services.vault, "lobby", True))[2:3])
    assert deleted == "one"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Operations]:
    """Operations that have a data folder to themselves."""
    folder = DataFolder(tmp_path / "data")
    stores = Stores(folder)
    operations = Operations(stores)
    yield operations
    operations.close()
    stores.close()
    folder.close()


def test_what_always_fails_is_given_up_without_a_server_too(
    alone: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(alone._chat, "ann")
    receives: list[int] = []

    def failing(consumer: str, records: Sequence[Record]) -> list[str]:
        receives.append(records[0].receives)
        assert len(receives) < 20, "it is tried for ever"
        return [] if receives[-1] >= MAX_RECEIVES else [records[0].id]

    monkeypatch.setattr(alone._chat, "apply_records", failing)
    alone._project()
    assert receives == list(range(1, MAX_RECEIVES + 1))
    assert alone._stores.progress.position("project_views") == 2


def test_a_backup_is_its_owners_alone(alone: Operations, tmp_path: Path) -> None:
    (line,) = alone.backup(lambda done, total: None, str(tmp_path / "backup.tar"))
    assert line.startswith(f"{tmp_path}/backup.tar: ")
    assert stat.S_IMODE((tmp_path / "backup.tar").stat().st_mode) == 0o600
