"""`GET /api/rooms` for a person in 500 rooms out of 10,000: time, bytes and statements.

    python -m bench.rooms

Views of SQLite are written directly, as a fold leaves them; answers are encoded as the handler
does. For the directory it reads the first page, and a search that finds nothing in its 500 rooms.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from adapters.sqlite.views_file import open_views
from domain.chat import Chat
from domain.room.view import RoomView
from tests.support.chat import memory_chat, person
from tests.support.views import SqliteViews, save_room

ROOMS, OWN, TEXT = 10_000, 500, "x" * 4_000
AT = "2026-01-02T03:04:05.000000+00:00"
RUNS = 15


def filled(views: SqliteViews) -> Chat:
    """Returns a chat whose every 20th room has Bob, with 7 unread of 10 messages."""
    chat = memory_chat(views=views)
    for name in ("ann", "bob"):
        person(chat, name)
    names = {user: chat.services.vault.seal(user, user) for user in ("u_ann", "u_bob")}
    text = chat.services.vault.seal("u_ann", TEXT)
    for number in range(ROOMS):
        room, users = f"room-{number:05d}", ("u_ann", *(["u_bob"] if number % 20 == 0 else []))
        view = RoomView()
        view.apply(_event(1, "RoomCreated", name=names["u_ann"], kind="public"))
        for user in users:
            role = {"user": user, "name": names[user], "role": "member"}
            view.apply(_event(view.version + 1, "MemberJoined", **role))
        for n in range(1, 11):
            posted = {"text": text, "kind": "text", "n": n, "reply_to": None}
            view.apply(_event(view.version + 1, "MessagePosted", **posted))
        save_room(views, room, 0, view)
    views.save_person("u_bob", 0, 1, {f"room-{n:05d}": 6 for n in range(0, ROOMS, 20)})
    return chat


def _event(version: int, type: str, **data: Any) -> dict[str, Any]:
    return {"version": version, "type": type, "at": AT, "by": "u_ann", "data": data, "id": "1"}


def own(chat: Chat, limit: int) -> list[dict[str, Any]]:
    """Returns all pages of Bob's rooms."""
    pages = [chat.listing.own("u_bob", None, limit)]
    while pages[-1]["cursor"] is not None:
        pages.append(chat.listing.own("u_bob", pages[-1]["cursor"], limit))
    return pages


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_views(Path(folder) / "views.db")
        statements = 0
        read = database.rows

        def counted(*arguments: Any) -> Any:
            nonlocal statements
            statements += 1
            return read(*arguments)

        database.rows = counted  # type: ignore[method-assign, assignment]
        chat = filled(SqliteViews(database))
        cases: dict[str, Callable[[], Any]] = {
            "a page of 100": lambda: chat.listing.own("u_bob", None, 100),
            "all 500 in pages of 200": lambda: own(chat, 200),
            "directory, 100": lambda: chat.listing.directory("u_bob", "", None, 100),
            "search without a match": lambda: chat.listing.directory("u_bob", "zzz", None, 100),
        }
        for name, case in cases.items():
            times = []
            for _ in range(RUNS):
                statements, begun = 0, time.perf_counter()
                answer = orjson.dumps(case())
                times.append(1_000 * (time.perf_counter() - begun))
            print(
                f"{name}: {statistics.median(times):.1f} ms, {len(answer):,} bytes,"
                f" {statements} statements"
            )
        database.close()


if __name__ == "__main__":
    main()
