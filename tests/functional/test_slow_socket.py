"""A socket that does not read costs nobody else anything."""

import contextlib
from pathlib import Path

import orjson
import pytest

from local.sockets import MAX_BUFFER
from tests.server.harness import Party, Server, until
from tests.server.raw import CLOSE, END, RawSocket, frame


def memory(pid: int) -> int:
    """Returns a process's resident bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no memory of {pid}")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read memory from")
def test_a_socket_that_does_not_read_is_closed(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        party = Party(server)
        room, (ann, bob), (_, other) = party.tabs("ann", "bob")
        tab = ann.connect()  # hears nothing of the room, so that only one hearer is to be read
        cleo = party.enter("cleo")
        text = "x" * 3_900
        with RawSocket(cleo.ticket(), buffer=4_096) as deaf:
            deaf.send(frame(f'{{"action":"sync","id":"s","rooms":{{"{room}":null}}}}'.encode()))
            other.next("presence", user=cleo.id)
            before = memory(server.pid)
            most = 0
            connected = server.http("GET", "/healthz").json["connections"]
            assert connected == 4
            sent = 0
            while server.http("GET", "/healthz").json["connections"] == connected:
                ids = [tab.send("post", room=room, text=text) for _ in range(100)]
                last = max(tab.answer(id)["version"] for id in ids)
                other.event(room, last)
                other.so_far()
                most = max(most, memory(server.pid) - before)
                sent += 100
                assert sent * len(text) < 10 * MAX_BUFFER, "it is never given up"
            assert sent * len(text) > MAX_BUFFER / 2
            assert most < 12 * MAX_BUFFER
            # The others go on, also while the server waits for it to go.
            last = tab.ok("post", room=room, text="without it")
            assert other.event(room, last)
            assert bob.connect().sync({room: None})[room]["head"] == last
            # Whatever it reads now ends in 1013, or the connection was just cut.
            while (found := deaf.read()).opcode not in (CLOSE, END.opcode):
                pass
            assert found == END or found.code == 1013
        # It comes back by `sync`.
        again = cleo.connect()
        assert again.sync({room: None})[room]["head"] == last
        assert not server.faults
        until(lambda: server.http("GET", "/healthz").json["lag"]["project_views"] == 0)


def test_what_a_socket_sent_before_it_was_given_up_is_not_executed(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        party = Party(server)
        room, (ann, _), (tab, _) = party.tabs("ann", "bob")
        cleo = party.enter("cleo")
        cleo.connect().ok("join", room=room)
        text = "x" * 3_900
        with RawSocket(cleo.ticket(), buffer=4_096) as deaf:
            deaf.send(frame(f'{{"action":"sync","id":"s","rooms":{{"{room}":null}}}}'.encode()))
            connected = server.http("GET", "/healthz").json["connections"]
            while server.http("GET", "/healthz").json["connections"] == connected:
                ids = [tab.send("post", room=room, text=text) for _ in range(100)]
                for id in ids:
                    tab.answer(id)
            # It is given up: what it sends now is nobody's.
            late = {"action": "post", "id": "late", "room": room, "text": "too late"}
            with contextlib.suppress(OSError):
                deaf.send(frame(orjson.dumps(late)))
            while deaf.read().opcode not in (CLOSE, END.opcode):
                pass
        assert tab.ok("post", room=room, text="the last one")
        newest = ann.get(f"/api/rooms/{room}/messages?limit=2")["messages"]
        assert [message["text"] for message in newest] == [text, "the last one"]
