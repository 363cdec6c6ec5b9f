"""An `ack` leaves the process only after the event is on the disk."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.server.harness import Party, Server

TRACE = "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg"
SYNCS = ("fdatasync", "fsync")
CALL = re.compile(r"(?P<pid>\d+) +[\d:.]+ (?P<rest>.*)")
MESSAGES = 20


def why_not() -> str | None:
    """Returns why system calls cannot be traced here; None where they can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    tried = subprocess.run([strace, "-f", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"ptrace is refused: {tried.stderr.strip()[:100]}"


def calls(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    """Returns (kind, name, text): kind `call` where it begins, `done` where it returned."""
    found: list[tuple[str, str, str]] = []
    pending: dict[str, tuple[str, str]] = {}
    for line in lines:
        match = CALL.fullmatch(line)
        if match is None:
            continue
        pid, rest = match["pid"], match["rest"]
        if rest.startswith("<... "):
            begun = pending.pop(pid, None)
            if begun is not None:
                found.append(("done", *begun))
            continue
        name = rest.partition("(")[0]
        found.append(("call", name, rest))
        if rest.endswith("<unfinished ...>"):
            pending[pid] = (name, rest)
        else:
            found.append(("done", name, rest))
    return found


def test_each_ack_follows_a_sync_of_its_event(tmp_path: Path) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-tt", "-y", "-s", "200", "-e", TRACE, "-o", str(trace)]
    with Server(tmp_path / "data", wrap=strace) as server:
        ann = server.enter("ann")
        tab = ann.connect()
        room = Party(server).room(tab)
        for number in range(MESSAGES):
            tab.ok("post", f"traced-{number}", room=room, text=f"message {number}")
        assert len(ann.events(room)) == 2 + MESSAGES
    log = calls(trace.read_text(errors="replace").splitlines())

    def is_ack(number: int, step: tuple[str, str, str]) -> bool:
        return step[0] == "call" and f'id\\":\\"traced-{number}\\"' in step[2]

    acks = [
        next(index for index, step in enumerate(log) if is_ack(number, step))
        for number in range(MESSAGES)
    ]
    assert acks == sorted(acks)
    start = next(index for index, step in enumerate(log) if "ack" in step[2] and step[0] == "call")
    for number, end in enumerate(acks):
        between = log[start:end]
        written = [
            index
            for index, (kind, name, text) in enumerate(between)
            if kind == "done" and name == "pwrite64" and "events.sqlite-wal>" in text
        ]
        assert written, f"message {number}: nothing was written before its ack"
        synced = [
            index
            for index, (kind, name, text) in enumerate(between)
            if kind == "done" and name in SYNCS and "events.sqlite-wal>" in text
        ]
        assert synced, f"message {number}: no sync returned before its ack"
        assert synced[-1] > written[0], f"message {number}: synced before it was written"
        # Begun after the last write of the event, too.
        begun = [
            index
            for index, (kind, name, text) in enumerate(between)
            if kind == "call" and name in SYNCS and "events.sqlite-wal>" in text
        ]
        assert begun[-1] > max(index for index in written if index < synced[-1])
        start = end
