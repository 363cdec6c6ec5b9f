"""What a person may ask for in a time: frames, `sync`, pages, tickets, connections, queued work.

Over 300 lines: one allowance, and all that takes of it.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any, cast

import pytest

from adapters.memory.gateway import InlineBackground, RecordingGateway
from adapters.memory.limiter import TokenBuckets
from domain.chat import MAX_CONNECTIONS, Chat, metering, syncing
from domain.chat.metering import spend_read
from domain.chat.reading import Reading
from domain.chat.receiving import parse
from domain.chat.syncing import MAX_EVENTS, Syncing
from domain.errors import RateLimited, RoomBusy
from domain.ports.accounts import Session
from domain.ports.background import Work
from domain.protocol.limits import MAX_FRAME, MAX_SYNC_ROOMS
from functions import bootstrap, http_api, socket_connect
from local.background import MAX_OWNED, LoopBackground, Threads
from local.payloads import CONTEXT, http_event, socket_context, socket_event
from tests.support.chat import Someone, memory_chat, person, run_consumers


def still() -> TokenBuckets:
    """An allowance of a burst of 100 that never refills."""
    return TokenBuckets(300, burst=100, clock=lambda: 0.0)


def codes(frames: list[dict[str, Any]]) -> list[str]:
    return [frame.get("code", frame["type"]) for frame in frames]


def test_syncs_are_metered_even_of_nothing() -> None:
    chat = memory_chat(limiter=still())
    ann = person(chat, "ann")
    answers = [code for _ in range(200) for code in codes(ann.sync())]
    assert answers == ["synced"] * 100 + ["rate_limited"] * 100


def test_rooms_of_a_sync_cost_more_and_snapshots_most() -> None:
    chat = memory_chat(limiter=still())
    ann = person(chat, "ann")
    rooms: dict[str, int | None] = {f"r{i}": 1 for i in range(200)}
    answers = [code for _ in range(25) for code in codes(ann.sync(**rooms))]
    assert answers.count("synced") == 20
    bob = person(chat, "bob")
    unknown: dict[str, int | None] = dict.fromkeys(rooms)
    answers = [code for _ in range(5) for code in codes(bob.sync(**unknown))]
    assert answers.count("synced") == 2


def behind(monkeypatch: pytest.MonkeyPatch, limit: int) -> tuple[Chat, Someone]:
    """Returns somebody who is in twelve rooms of thirty messages, and a `sync` that may read so
    many events."""
    monkeypatch.setattr(syncing, "FRAME_EVENTS", limit)
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    for number in range(12):
        ann.send(action="create_room", room=f"r{number}", name="Room", kind="public")
        for _ in range(30):
            ann.send(action="post", room=f"r{number}", text="x")
    run_consumers(chat)
    ann.frames()
    bob.frames()
    return chat, bob


def test_a_sync_reads_a_bounded_number_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    _, bob = behind(monkeypatch, limit=100)
    missing: dict[str, int | None] = {f"r{number}": 2 for number in range(12)}
    rounds = []
    while missing:
        parts = [part for frame in bob.sync(**missing) for part in frame["rooms"].items()]
        done = {room for room, part in parts if part.get("complete")}
        assert all(part == {"error": "room_busy"} for room, part in parts if room not in done)
        assert sum(len(part.get("events", ())) for _, part in parts) <= 100 + 30
        missing = {room: held for room, held in missing.items() if room not in done}
        rounds.append(len(done))
    assert rounds == [4, 4, 4]


def test_events_that_a_sync_reads_are_taken_off_the_allowance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat, bob = behind(monkeypatch, limit=10**6)
    monkeypatch.setattr(metering, "ROWS", 10)
    services = replace(chat.services, limiter=TokenBuckets(300, burst=10, clock=lambda: 0.0))
    bob = replace(bob, chat=Chat(services))
    (frame,) = bob.sync(**{f"r{number}": 2 for number in range(12)})
    errors = [part["error"] for part in frame["rooms"].values() if "error" in part]
    assert errors == ["room_busy"] * 8  # one token for the frame, three a room


def test_a_snapshot_that_a_version_turns_out_to_need_is_charged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat, bob = behind(monkeypatch, limit=10**6)
    services = replace(chat.services, limiter=TokenBuckets(300, burst=2, clock=lambda: 0.0))
    bob = replace(bob, chat=Chat(services))
    parts = [
        part
        for frame in bob.sync(**{f"r{number}": 10**6 for number in range(12)})
        for part in frame["rooms"].values()
    ]
    # One token for the frame, one for five snapshots; the next is missing after ten.
    assert [list(part) == ["error"] for part in parts] == [False] * 10 + [True] * 2


def test_messages_of_snapshots_count_against_the_bound_of_a_sync(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, bob = behind(monkeypatch, limit=100)
    answers = [frame["rooms"] for frame in bob.sync(**{f"r{number}": None for number in range(12)})]
    parts = [part for rooms in answers for part in rooms.values()]
    assert [part.get("error") for part in parts] == [None] * 4 + ["room_busy"] * 8


def test_other_people_have_their_turn_while_a_sync_reads_many_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat, bob = behind(monkeypatch, limit=10**6)
    rooms = {f"r{number}": 2 for number in range(12)}
    frame = parse(json.dumps({"action": "sync", "id": "s", "rooms": rooms}))
    rest = Syncing(chat.services, Reading(chat.services)).sync(bob.connection, frame)
    assert rest is not None
    assert not any(frame["rooms"].get("r11") for frame in bob.frames())
    assert rest() is None
    assert any("r11" in frame["rooms"] for frame in bob.frames())


def test_a_sync_ends_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    chat, bob = behind(monkeypatch, limit=10**6)
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    gateway.gone.add(bob.connection.id)
    read = []

    def reading(self: Syncing, connection: Any, name: str, held: int | None) -> Any:
        read.append(name)
        # One room's answer fills a frame.
        return [{"error": "x" * MAX_FRAME}]

    monkeypatch.setattr(Syncing, "_room", reading)
    bob.sync(**{f"r{number}": 2 for number in range(12)})
    assert len(read) == 2


def test_a_sync_tells_the_newest_of_ones_own_log() -> None:
    chat = memory_chat()
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for version in range(3, MAX_EVENTS + 53):
        ann.send(action="post", room="lobby", text="x")
        ann.send(action="read", room="lobby", version=version)
    head = chat.services.log.head(ann.user)
    told = [
        event
        for frame in ann.send(action="sync", rooms={}, user=0)
        if frame["type"] == "user"
        for event in frame["events"]
    ]
    assert [event["version"] for event in told] == list(range(head - MAX_EVENTS + 1, head + 1))
    told = [
        event
        for frame in ann.send(action="sync", rooms={}, user=head - 3)
        if frame["type"] == "user"
        for event in frame["events"]
    ]
    assert [event["version"] for event in told] == [head - 2, head - 1, head]


def test_a_sync_has_a_bounded_number_of_rooms() -> None:
    ann = person(memory_chat(), "ann")
    rooms: dict[str, int | None] = {f"r{i}": None for i in range(MAX_SYNC_ROOMS)}
    assert codes(ann.sync(**rooms)) == ["synced"]
    assert codes(ann.sync(**rooms, more=None)) == ["invalid"]


def test_frames_that_are_none_are_metered_and_pings_too() -> None:
    chat = memory_chat(limiter=still())
    ann = person(chat, "ann")
    answers = [code for _ in range(60) for code in codes(ann.send(action="no-such", id="x"))]
    assert answers == ["invalid"] * 60
    answers = [code for _ in range(60) for code in codes(ann.send(action="ping"))]
    assert answers == ["pong"] * 40 + ["rate_limited"] * 20


def test_reads_and_commands_have_allowances_of_their_own() -> None:
    chat = memory_chat(limiter=still())
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    posts = [
        code
        for _ in range(110)
        for code in codes(ann.send(action="post", room="lobby", text="x"))
        if code in ("ack", "rate_limited")
    ]
    assert posts.count("rate_limited") == 11
    assert codes(ann.sync(lobby=2)) == ["synced"]


def test_pages_and_tickets_are_metered() -> None:
    chat = memory_chat(limiter=still())
    ann = person(chat, "ann")
    bootstrap.use(chat)
    try:

        def call(method: str, path: str, query: str = "") -> int:
            headers = {"authorization": f"Bearer {ann.token}", "host": "localhost"}
            event = http_event(method, path, query, headers, "", "127.0.0.1")
            return int(http_api.handler(event, CONTEXT)["statusCode"])

        ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
        # A page of 1,000 costs six calls, one of 50 one.
        pages = [call("GET", "/api/rooms/lobby/messages", "limit=1000") for _ in range(10)]
        assert pages == [200] * 10
        assert [call("POST", "/api/tickets") for _ in range(50)] == [201] * 40 + [429] * 10
        assert call("GET", "/api/rooms") == 429
        assert call("GET", "/api/rooms/lobby/events") == 429
        # Somebody else is not held up, and leaving is always possible.
        assert person(chat, "bob").sync() != []
        assert call("DELETE", "/api/session") == 204
    finally:
        bootstrap.use(None)


def test_a_cost_above_the_burst_takes_all_of_it() -> None:
    buckets = still()
    assert buckets.allow("a", 1_000)
    assert not buckets.allow("a")
    assert buckets.allow("b")
    assert not buckets.allow("b", 1_000)
    assert buckets.allow("b", 99)


def test_a_refused_read_costs_nothing() -> None:
    services = memory_chat(limiter=still()).services
    for _ in range(9):
        spend_read(services, "u_ann", rows=2_000)
    with pytest.raises(RateLimited):
        spend_read(services, "u_ann", rows=200)
    spend_read(services, "u_ann")


def test_connections_of_one_person_are_bounded() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    session = Session(ann.user, ann.connection.session, 0.0)
    for number in range(MAX_CONNECTIONS - 1):
        chat.connect(f"tab-{number}", session)
    with pytest.raises(RateLimited):
        chat.connect("one-more", session)
    chat.connect("bobs", Session(bob.user, bob.connection.session, 0.0))
    bootstrap.use(chat)
    try:
        known = {"user": ann.user, "session": ann.connection.session}
        event = socket_event(socket_context("one-more", known, "localhost"))
        assert socket_connect.handler(event, CONTEXT)["statusCode"] == 429
        chat.disconnect("tab-0")
        assert socket_connect.handler(event, CONTEXT)["statusCode"] == 200
    finally:
        bootstrap.use(None)


def test_queued_work_is_bounded_by_person_and_in_all() -> None:
    on = cast(asyncio.AbstractEventLoop, None)
    threads = Threads(on, 1, "test", limit=MAX_OWNED + 2, owned=MAX_OWNED)
    background, begun, go = LoopBackground(on, threads), Event(), Event()
    done: list[int] = []

    def wait(number: int) -> None:
        begun.set()
        go.wait()
        done.append(number)

    for number in range(MAX_OWNED):
        background.run(partial(wait, number), owner="u_ann")
    with pytest.raises(RateLimited):
        background.run(lambda: None, owner="u_ann")
    begun.wait()
    for number in (100, 101):
        background.run(partial(wait, number), owner="u_bob")
    with pytest.raises(RoomBusy):
        background.run(lambda: None, owner="u_cy")
    go.set()
    threads.shutdown()
    # Who came later does not wait for all that somebody else asked for.
    assert done == [0, 100, 1, 101, *range(2, MAX_OWNED)]
    # All of it is done: the counts are back where they began.
    assert not threads._open
    assert not threads._waiting


def test_others_have_their_turn_before_the_rest_of_a_piece_of_work() -> None:
    threads = Threads(cast(asyncio.AbstractEventLoop, None), 1, "test", limit=10, owned=5)
    background, begun, go, last = LoopBackground(threads._loop, threads), Event(), Event(), Event()
    done: list[str] = []

    def piece(name: str, count: int) -> Work | None:
        begun.set()
        go.wait()
        done.append(name)
        return partial(piece, name, count - 1) if count > 1 else None

    background.run(partial(piece, "ann", 3), owner="u_ann")
    background.run(last.set, owner="u_ann")
    begun.wait()
    background.run(partial(piece, "bob", 2), owner="u_bob")
    go.set()
    assert last.wait(10)
    threads.shutdown()
    # What somebody asked for first is completed first.
    assert done == ["ann", "bob", "ann", "bob", "ann"]
    assert not threads._open


def test_the_rest_of_a_piece_of_work_is_done_where_no_place_is_free() -> None:
    threads = Threads(cast(asyncio.AbstractEventLoop, None), 1, "test", limit=1, owned=1)
    background = LoopBackground(threads._loop, threads)
    done: list[int] = []

    def piece(count: int) -> Work | None:
        done.append(count)
        return partial(piece, count - 1) if count > 1 else None

    background.run(partial(piece, 3), owner="u_ann")
    threads.shutdown()
    assert done == [3, 2, 1]


class Owners(InlineBackground):
    """Notes whose work it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.owners: list[str] = []

    def run(self, work: Work, owner: str = "") -> None:
        self.owners.append(owner)
        super().run(work, owner)


def test_all_that_a_frame_has_done_apart_counts_as_its_senders() -> None:
    owners = Owners()
    made = memory_chat()
    chat = Chat(replace(made.services, background=owners))
    ann = person(chat, "ann")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    for frame in (
        {"action": "sync", "rooms": {"lobby": None}},
        {"action": "ping", "rooms": {"lobby": 1}},
        {"action": "read", "room": "lobby", "version": 2},
        {"action": "typing", "room": "lobby"},
    ):
        owners.owners.clear()
        chat.services.log.evict("lobby")
        ann.send(**frame)
        assert owners.owners == ["u_ann"], frame["action"]


def test_work_that_fails_gives_its_place_back(caplog: pytest.LogCaptureFixture) -> None:
    on = cast(asyncio.AbstractEventLoop, None)
    threads = Threads(on, 1, "test", limit=3, owned=MAX_OWNED)
    background = LoopBackground(on, threads)

    def fail() -> None:
        raise OSError

    background.run(fail, owner="u_ann")
    threads.shutdown()
    assert not threads._open
    assert [record.getMessage() for record in caplog.records] == ["unexpected error"]


def test_work_that_could_not_be_queued_gives_its_place_back() -> None:
    threads = Threads(cast(asyncio.AbstractEventLoop, None), 1, "test", limit=1, owned=2)
    background, go = LoopBackground(cast(asyncio.AbstractEventLoop, None), threads), Event()
    background.run(cast(Callable[[], None], go.wait), owner="u_ann")
    for _ in range(MAX_OWNED + 1):
        with pytest.raises(RoomBusy):
            background.run(lambda: None, owner="u_bob")
    assert "u_bob" not in threads._open
    go.set()
    threads.shutdown()
    # A pool that is shut down takes nothing, and nothing stays counted.
    with pytest.raises(RuntimeError):
        background.run(lambda: None, owner="u_bob")
    assert not threads._open
