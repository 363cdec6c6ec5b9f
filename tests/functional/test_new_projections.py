"""A new projection, or a new version of one, gets the rows of existing events."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.chat import projecting
from domain.log import mapper
from domain.projections.projection import Batch, Projection
from domain.projections.store import Fold, Patch
from functions import observing
from local.bootstrap import Engine
from local.folder import DataFolder
from local.stores import Stores
from tests.functional.test_rebuild_by_log import past
from tests.support.aggregates import stand


class Counted(Projection):
    """A row for each event."""

    name = "counted"

    def fold(self, batch: Batch) -> Fold:
        keys = [f"z{event.originator_version}" for event in batch.events]
        return Fold(batch.base, patches=[Patch(key, {"by": self.version}) for key in keys])


class Recounted(Counted):
    version = 2


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs an engine with further projections until its views are folded; returns the rows of the
    room, and the reasons that it logged."""

    def serve(*more: type[Projection]) -> dict[str, Any]:
        monkeypatch.setattr(projecting, "PROJECTIONS", (*ours, *more))
        logged: list[Any] = []
        monkeypatch.setattr(
            observing.logger, "info", lambda message, extra: logged.append((message, extra))
        )
        rows: dict[str, Any] = {}

        async def run() -> None:
            folder = DataFolder(tmp_path)
            stores = Stores(folder)
            if not stores.events.events.max_notification_id():
                events = [stand("lobby", number, past(number)) for number in range(1, 6)]
                stores.events.events.insert_events([mapper.to_stored_event(e) for e in events])
            engine = Engine(stores, asyncio.get_running_loop(), lambda host, origin: True, 0)
            assert await engine.feed.caught_up("project_views", 10)
            store = stores.views.store
            rows.update(store.rows([("R#lobby", f"z{n}") for n in range(1, 6)]))
            assert (stores.views.header("lobby") or {})["n"] == 3
            await engine.close()
            folder.close()

        asyncio.run(run())
        reasons = [extra["reason"] for message, extra in logged if "anew" in message]
        return {"by": [row["by"] for row in rows.values()], "reasons": reasons}

    ours = projecting.PROJECTIONS
    return serve


def test_a_new_projection_is_folded_from_the_first_event(
    served: Callable[..., dict[str, Any]],
) -> None:
    served()
    assert served() == {"by": [], "reasons": []}
    differ = "these projections differ: counted"
    assert served(Counted) == {"by": [1] * 5, "reasons": [differ]}
    assert served(Counted) == {"by": [1] * 5, "reasons": []}
    assert served(Recounted) == {"by": [2] * 5, "reasons": [differ]}
    # One that is gone leaves no rows.
    assert served() == {"by": [], "reasons": [differ]}


def test_views_that_were_deleted_are_folded_anew(
    served: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    served()
    (tmp_path / "views.sqlite").unlink()
    assert served()["reasons"] == ["the file is new"]


def test_rooms_that_an_earlier_version_folded_get_ids_and_times_of_joining(
    served: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    served()
    views = tmp_path / "views.sqlite"

    def documents() -> list[tuple[str, Any]]:
        with closing(sqlite3.connect(views)) as file:
            return file.execute("SELECT key, document FROM rows ORDER BY key").fetchall()

    whole = documents()
    with closing(sqlite3.connect(views)) as file:
        file.execute("UPDATE rows SET document=json_remove(document, '$.id', '$.joined')")
        file.execute("UPDATE folded_by SET version=1 WHERE projection='rooms'")
        file.commit()
    assert documents() != whole
    assert served()["reasons"] == ["these projections differ: rooms"]
    assert documents() == whole
    posted = [orjson.loads(document) for key, document in whole if key.startswith("m#")]
    assert all(message["id"] for message in posted)
