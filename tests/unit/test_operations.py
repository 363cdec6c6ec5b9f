"""Operations beside a server that is written to all the time."""

from types import SimpleNamespace
from typing import Any, cast

from local.bootstrap import Engine, Stores
from local.operations import FOLLOWED, Operations


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


def test_catching_up_ends_under_steady_traffic() -> None:
    busy = Busy()
    stores = SimpleNamespace(events=SimpleNamespace(events=busy))
    operations = Operations(cast(Stores, stores), cast(Engine, busy))
    said: list[tuple[int, int]] = []
    assert operations._catch_up(lambda done, total: said.append((done, total))) == 100
    assert said == [(60, 100), (80, 100), (100, 100)]
    assert busy.waits == 2
