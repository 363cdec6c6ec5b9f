"""The clients of `bench.peers` read whole messages only, and notice lost ones: `pytest bench`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import orjson
import pytest
from websockets.frames import Frame, Opcode

from bench.peers import install, table
from bench.peers.load import PLANS, Figures
from bench.peers.member import Member, Run, text_of
from bench.peers.parley import ParleyMember
from bench.peers.prosody import ProsodyMember
from bench.peers.redis import RedisMember

Wire = Callable[[int, int], bytes]


def parley_wire(writer: int, number: int) -> bytes:
    """Gives a message as Parley sends it; the writer's own with its ack."""
    text = text_of(writer, number).decode()
    event = {"version": number + 3, "type": "MessagePosted", "data": {"text": text}}
    frame = orjson.dumps({"type": "events", "room": "room-0", "events": [event]})
    ack = orjson.dumps({"type": "ack", "id": text[:11], "room": "room-0", "version": number + 3})
    frames = [ack, frame] if writer == 0 else [frame]
    return b"".join(Frame(Opcode.TEXT, each).serialize(mask=False) for each in frames)


def prosody_wire(writer: int, number: int) -> bytes:
    """Gives a message as prosody sends it to everybody, its writer included."""
    return b"<message type='groupchat'><body>%b</body><stanza-id/></message>" % text_of(
        writer, number
    )


def redis_wire(writer: int, number: int) -> bytes:
    """Gives a message as Redis publishes it; the writer's own with both answers."""
    answers = (b"$15\r\n1795289921091-0\r\n", b":50\r\n") if writer == 0 else (b"", b"")
    head = b">3\r\n$7\r\nmessage\r\n$6\r\nroom-0\r\n$200\r\n"
    return answers[0] + head + text_of(writer, number) + b"\r\n" + answers[1]


def parley(run: Run) -> Member:
    return ParleyMember(run, 0, "room-0", "ws://host/", True)


def prosody(run: Run) -> Member:
    return ProsodyMember(run, 0, "room-0")


def redis(run: Run) -> Member:
    return RedisMember(run, 0, "room-0")


every_protocol = pytest.mark.parametrize(
    ("make", "wire"), [(parley, parley_wire), (prosody, prosody_wire), (redis, redis_wire)]
)


@every_protocol
def test_messages_are_read_however_the_reads_fall(
    make: Callable[[Run], Member], wire: Wire
) -> None:
    """A message counts once its last byte is there, at every cut of three messages."""
    parts = [wire(0, 0), wire(7, 0), wire(0, 1)]
    data = b"".join(parts)
    for cut in range(len(data) + 1):
        run = Run()
        member = make(run)
        member.ready, member.in_flight = True, 2
        member.data_received(data[:cut])
        assert sum(member.next.values()) <= sum(
            cut >= sum(map(len, parts[: place + 1])) - len(b"\r\n:50\r\n") for place in range(3)
        )
        member.data_received(data[cut:])
        assert (member.next, member.in_flight, run.failures) == ({0: 2, 7: 1}, 0, [])


@every_protocol
@pytest.mark.parametrize("numbers", [(0, 2), (0, 0), (1,)])
def test_a_lost_or_repeated_message_is_noted(
    make: Callable[[Run], Member], wire: Wire, numbers: tuple[int, ...]
) -> None:
    """In chunks of their own, so that each is scanned or known."""
    run = Run()
    member = make(run)
    member.ready, member.in_flight = True, 9
    for number in numbers:
        member.data_received(wire(7, number))
    assert run.failures


def test_a_server_that_cannot_be_installed_is_named_plainly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without apt-get, and without root."""
    monkeypatch.setattr(install, "_installed", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(install.NotInstalled, match="as root: apt-get update"):
        install.install()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(install.NotInstalled, match="no apt-get"):
        install.install()


def test_the_table_says_which_ratio_is_missed() -> None:
    """Twice as slow as prosody when quiet, thirty times its messages."""

    def figures(messages: float, late: float) -> list[Figures]:
        rest = {"server": 1.0, "generator": 0.1, "others": 0.0, "client_us": 1.0, "octets": 1.0}
        return [Figures(messages, messages, [late], [late], kept=0, failures=(), **rest)]

    found = table.table(
        {
            "quiet": {"prosody": figures(1, 0.001), "Parley": figures(1, 0.002)},
            "1x50": {"prosody": figures(100, 0.1), "Parley": figures(3000, 0.1)},
        }
    )
    assert PLANS["quiet"].title in found
    assert "| 1.00 | - | 2.00 | 2.00 | ≤ 1 x | **missed** |" in found
    assert "| 100 | - | 3,000 | 30.00 | ≥ 25 x | ok |" in found
