"""Frames that come, pushes that go, closing and silence."""

import threading

import pytest

from domain.protocol.limits import MAX_FRAME
from local.gateway import IDLE_LIMIT
from local.sockets import ABORT_AFTER, MAX_BUFFER
from tests.server.raw import BINARY, CLOSE, PING, PONG, TEXT, frame
from tests.unit.sockets.tabs import (
    CONT,
    Bench,
    Tab,
)


def test_text_is_handed_on_whole(bench: Bench) -> None:
    tab = bench.tab()
    tab.say(frame("ärger 🚀".encode()))
    tab.say(frame(b"one ", fin=False) + frame(b"two ", CONT, fin=False))
    assert bench.handlers.bodies == ["ärger 🚀"]
    # A ping may come between the parts.
    tab.say(frame(b"?", PING) + frame(b"three", CONT))
    tab.say(frame(b"four"))
    assert bench.handlers.bodies == ["ärger 🚀", "one two three", "four"]
    assert {id for _, id in bench.handlers.calls} == {tab.socket.id}
    assert tab.transport.frames() == [(PONG, b"?")]


def test_a_character_may_be_cut_by_frames_and_packets(bench: Bench) -> None:
    tab, text = bench.tab(), "🚀".encode()
    data = frame(text[:1], fin=False) + frame(text[1:], CONT)
    for byte in data:
        tab.say(bytes([byte]))
    assert bench.handlers.bodies == ["🚀"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"binary", BINARY), 1003),
        (frame(b"\xff"), 1007),
        (frame(b"\xf0", fin=False) + frame(b"x", CONT), 1007),
        (frame(b"x" * (MAX_FRAME + 1)), 1009),
        (frame(b"x", masked=False), 1002),
        (frame(b"x", CONT), 1002),
    ],
    ids=["binary", "no UTF-8", "no UTF-8 in parts", "too large", "not masked", "no beginning"],
)
def test_what_is_no_text_frame_closes(bench: Bench, data: bytes, code: int) -> None:
    tab = bench.tab()
    tab.say(data + frame(b"after"))
    while not tab.transport.writes and bench.loop.later:
        bench.loop.tick()
    assert tab.transport.close_codes() == [code]
    assert bench.handlers.bodies == []
    tab.socket.connection_lost(None)
    assert bench.handlers.said("disconnect") == 1


def test_the_largest_frame_is_taken(bench: Bench) -> None:
    tab = bench.tab()
    tab.say(frame(b"x" * MAX_FRAME))
    while bench.loop.later:
        bench.loop.tick()
    assert bench.handlers.bodies == ["x" * MAX_FRAME]


def test_a_push_reaches_those_who_are_there_and_names_the_others(bench: Bench) -> None:
    one, two, third = bench.tab(), bench.tab(), bench.tab()
    ids = [one.socket.id, "gone", two.socket.id, "never"]
    assert bench.gateway.post(ids, b'{"a":1}') == ["gone", "never"]
    assert bench.gateway.post(ids, b'{"a":2}') == ["gone", "never"]
    assert one.transport.writes == [], "written once per tick"
    bench.loop.tick()
    for tab in (one, two):
        assert len(tab.transport.writes) == 1
        assert tab.transport.frames() == [(TEXT, b'{"a":1}'), (TEXT, b'{"a":2}')]
    assert third.transport.writes == []
    # And again in a later tick.
    bench.gateway.post([one.socket.id], b'{"a":3}')
    bench.loop.tick()
    assert one.transport.frames() == [(TEXT, b'{"a":3}')]
    assert bench.loop.later == []


def test_other_threads_leave_the_writing_to_the_loop(bench: Bench) -> None:
    tab = bench.tab()
    answers: list[list[str]] = []

    def elsewhere() -> None:
        answers.append(bench.gateway.post([tab.socket.id, "gone"], b"{}"))
        bench.gateway.close("gone", 4401)
        bench.gateway.close(tab.socket.id, 4401)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert answers == [["gone"]]
    assert (tab.transport.writes, bench.loop.from_threads) == ([], 3)
    bench.loop.tick()
    assert [opcode for opcode, _ in tab.transport.frames()] == [TEXT, CLOSE]


def test_a_socket_that_does_not_read_is_given_up(bench: Bench) -> None:
    slow, other = bench.tab(), bench.tab()
    ids = [slow.socket.id, other.socket.id]
    slow.transport.waiting = MAX_BUFFER
    bench.gateway.post(ids, b"{}")
    bench.loop.tick()
    assert slow.transport.frames() == [(TEXT, b"{}")], "so much may wait"
    slow.transport.waiting = MAX_BUFFER + 1
    assert bench.gateway.post(ids, b"{}") == []
    bench.loop.tick()
    assert slow.transport.close_codes() == [1013]
    assert other.transport.frames() == [(TEXT, b"{}")] * 2
    assert bench.handlers.calls[-1] == ("disconnect", slow.socket.id)
    assert set(bench.gateway.sockets) == {other.socket.id}
    assert bench.gateway.post(ids, b"{}") == [slow.socket.id]
    # What it had sent before is not executed, and it goes without being told of again.
    slow.say(frame(b"late"))
    bench.loop.tick()
    assert bench.handlers.bodies == []
    assert [delay for delay, _ in bench.loop.later] == [ABORT_AFTER]
    bench.loop.much_later()
    assert slow.transport.aborted
    slow.socket.connection_lost(None)
    assert bench.handlers.said("disconnect") == 1


@pytest.mark.parametrize("code", [1001, 4401])
def test_a_close_ends_with_its_code_after_what_waits(bench: Bench, code: int) -> None:
    tab = bench.tab()
    bench.gateway.post([tab.socket.id], b"{}")
    bench.gateway.close(tab.socket.id, code)
    frames = tab.transport.frames()
    assert frames[0] == (TEXT, b"{}")
    assert frames[1:] == [(CLOSE, code.to_bytes(2, "big"))]
    # Once; and what comes after it is not heard.
    bench.gateway.close(tab.socket.id, 1001)
    tab.say(frame(b"late"))
    bench.loop.tick()
    assert tab.transport.frames() == []
    assert bench.handlers.bodies == []
    # The browser answers, and the connection ends.
    tab.say(frame(code.to_bytes(2, "big"), CLOSE))
    tab.socket.connection_lost(None)
    assert bench.handlers.calls[1:] == [("disconnect", tab.socket.id)]
    assert bench.gateway.sockets == {}


def test_one_who_does_not_answer_the_close_is_cut_off(bench: Bench) -> None:
    tab = bench.tab()
    bench.gateway.close(tab.socket.id, 4401)
    assert [delay for delay, _ in bench.loop.later] == [ABORT_AFTER]
    bench.loop.much_later()
    assert tab.transport.aborted


def test_a_tab_that_closes_is_answered_and_told(bench: Bench) -> None:
    tab = bench.tab()
    tab.say(frame((1000).to_bytes(2, "big"), CLOSE))
    assert tab.transport.close_codes() == [1000]
    tab.socket.connection_lost(None)
    tab.socket.connection_lost(None)
    assert bench.handlers.calls == [("connect", tab.socket.id), ("disconnect", tab.socket.id)]
    assert (bench.gateway.sockets, bench.connections) == ({}, set())
    # Whatever comes too late finds nothing to do.
    tab.socket.close(1001)
    tab.say(frame(b"late"))
    bench.loop.much_later()
    assert bench.gateway.post([tab.socket.id], b"{}") == [tab.socket.id]
    assert not tab.transport.aborted


def test_a_fault_in_disconnect_stays_in_its_socket(bench: Bench) -> None:
    tab, other = bench.tab(), bench.tab()
    bench.handlers.failing = True
    tab.socket.connection_lost(OSError("reset"))
    assert set(bench.gateway.sockets) == {other.socket.id}
    assert bench.connections == {other.socket}


def test_the_server_stops(bench: Bench) -> None:
    tabs, shaking = [bench.tab() for _ in range(3)], Tab(bench)
    for socket in list(bench.connections):
        socket.shutdown()
    for tab in tabs:
        assert tab.transport.close_codes() == [1001]
    assert shaking.transport.closed


@pytest.mark.parametrize(
    "sign",
    [frame(b"{}"), frame(b"", PING), frame(b"", PONG), frame(b"x", fin=False), b"\x81"],
    ids=["text", "ping", "pong", "part of a text", "part of a frame"],
)
def test_any_sign_of_life_keeps_a_connection(bench: Bench, sign: bytes) -> None:
    silent, alive = bench.tab(), bench.tab()
    bench.clock.now += IDLE_LIMIT - 1
    alive.say(sign)
    bench.gateway.post([silent.socket.id, alive.socket.id], b"{}")
    bench.gateway.close_idle()
    bench.loop.tick()
    for tab in (silent, alive):
        assert [opcode for opcode, _ in tab.transport.frames() if opcode != PONG] == [TEXT]
    bench.clock.now += 2
    bench.gateway.close_idle()
    assert silent.transport.close_codes() == [1001], "to be written to is no sign of life"
    assert alive.transport.frames() == []
    bench.clock.now += IDLE_LIMIT - 2
    bench.gateway.close_idle()
    assert alive.transport.frames() == []
    bench.clock.now += 2
    bench.gateway.close_idle()
    assert alive.transport.close_codes() == [1001]
