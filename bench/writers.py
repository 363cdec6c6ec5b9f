"""`python -m bench.writers`: many writers in one room, each with its own state, like Lambda
processes.

Every writer has its own executor and cache over one log in DynamoDB, so that only one wins whenever
several decide on the same version. It runs DynamoDB Local unless it gets an address; that engine's
speed is not comparable with AWS, its conflicts and refusals are. Exits with 1 if an accepted
message is not in the log exactly once, or a version is missing.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.snapshots import DynamoSnapshots
from adapters.dynamodb.table import Table
from domain.aggregate import Command
from domain.errors import ParleyError, RoomBusy
from domain.executing import DirectExecutor, outcomes_of
from domain.log import EventLog
from domain.ports.commands import Outcome
from domain.protocol.types import Sealed
from domain.room.invitations import Join
from domain.room.lifecycle import CreateRoom
from domain.room.messages import Post
from tests.support.dynamodb import (
    client_of,
    create_tables,
    delete_tables,
    missing,
    running_dynamodb_local,
)
from tests.support.views import MemoryViews

ROOM = "bench"
OWNER = "u_0"


@dataclass
class Figures:
    """The result of a run; latencies are from the request to the answer, including retries and
    pauses."""

    writers: int
    messages: int
    seconds: float = 0.0
    accepted: dict[str, int] = field(default_factory=dict)
    """Versions by command id."""
    busy: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0

    def table(self) -> str:
        sent = self.writers * self.messages
        rows = {
            "writers in one room": f"{self.writers}",
            "messages sent": f"{sent:,}",
            "accepted": f"{len(self.accepted):,}",
            "accepted/s": f"{len(self.accepted) / self.seconds:,.0f}",
            "conflicts (lost conditional writes)": f"{self.conflicts:,}",
            "conflicts per accepted message": f"{self.conflicts / max(len(self.accepted), 1):.2f}",
            "`room_busy`": f"{self.busy:,}",
            "answer p50, ms": f"{self.percentile_ms(0.5):,.0f}",
            "answer p99, ms": f"{self.percentile_ms(0.99):,.0f}",
        }
        lines = ["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows.items())]
        return "\n".join(lines)


class Writer:
    """One process's executor, with its own cache."""

    def __init__(self, client: Any, tables: dict[str, str], user: str) -> None:
        self.user = user
        self.log = EventLog(
            DynamoEvents(Table(client, tables["events"])),
            DynamoSnapshots(Table(client, tables["snapshots"])),
        )
        self.executor = DirectExecutor(self.log, MemoryViews())

    def do(self, command: Command) -> Outcome:
        (outcome,) = outcomes_of(self.executor, [(ROOM, [command])])[0]
        return outcome

    def asked(self, id: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        return {"by": self.user, "id": id, "at": now, "recorded_at": now, "digest": id}

    def enter(self) -> None:
        """Creates the room or joins it; raises the refusal."""
        name = sealed(self.user)
        if self.user == OWNER:
            created = CreateRoom(name=name, kind="public", member_name=name, **self.asked("create"))
            outcome = self.do(created)
        else:
            outcome = self.do(Join(name=name, **self.asked("join")))
        if isinstance(outcome, ParleyError):
            raise outcome

    def post(self, number: int) -> tuple[str, Outcome]:
        asked = self.asked(f"{self.user}.{number}")
        post = Post(text=sealed(self.user), kind="text", reply_to=None, **asked)
        return post.id, self.do(post)


def sealed(user: str) -> Sealed:
    """Returns a placeholder for a sealed text of about 60 letters."""
    return {"k": user, "c": "x" * 120}


def run(client: Any, tables: dict[str, str], writers: int, messages: int) -> Figures:
    """Makes each writer post `messages` as fast as it is answered; checks the log afterwards."""
    figures = Figures(writers, messages)
    crew = [Writer(client, tables, f"u_{number}") for number in range(writers)]
    for writer in crew:
        writer.enter()
        writer.executor.conflicts = 0
    lock, start = threading.Lock(), threading.Barrier(writers + 1)

    def write(writer: Writer) -> None:
        start.wait()
        for number in range(messages):
            begun = time.perf_counter()
            try:
                id, outcome = writer.post(number)
            except Exception as fault:
                with lock:
                    figures.refused[repr(fault)] += 1
                continue
            with lock:
                figures.latencies_ms.append((time.perf_counter() - begun) * 1_000)
                note(figures, id, outcome)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in crew]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    figures.seconds = time.perf_counter() - begun
    figures.conflicts = sum(writer.executor.conflicts for writer in crew)
    check(figures, crew[0].log)
    return figures


def note(figures: Figures, id: str, outcome: Outcome) -> None:
    if isinstance(outcome, int):
        figures.accepted[id] = outcome
    elif isinstance(outcome, RoomBusy):
        figures.busy += 1
    else:
        figures.refused[repr(outcome)] += 1


def check(figures: Figures, log: EventLog) -> None:
    """Records breaches of the log's contract."""
    events = log.events(ROOM)
    versions = [event.originator_version for event in events]
    if versions != list(range(1, len(versions) + 1)):
        figures.broken.append("the log has gaps")
    posted = [(e.id, e.originator_version) for e in events if type(e).__name__ == "MessagePosted"]
    if len(dict(posted)) != len(posted):
        figures.broken.append("a message stands in the log twice")
    if dict(posted) != figures.accepted:
        figures.broken.append("the log and what was acknowledged differ")
    figures.broken += [f"{fault} ({count} times)" for fault, count in figures.refused.items()]


@contextmanager
def database(endpoint: str | None) -> Iterator[str]:
    """Yields the given address, or DynamoDB Local's."""
    if endpoint is not None:
        yield endpoint
        return
    why = missing()
    if why is not None:
        sys.exit(why)
    with running_dynamodb_local() as address:
        yield address


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.writers", description=__doc__)
    parser.add_argument("--writers", type=int, default=20)
    parser.add_argument("--messages", type=int, default=50, help="by each writer")
    parser.add_argument("--endpoint", help="of a DynamoDB that runs; it gets tables and loses them")
    options = parser.parse_args(arguments)
    with database(options.endpoint) as address:
        client = client_of(address)
        tables = create_tables(client, f"bench-{int(time.time())}")
        try:
            figures = run(client, tables, options.writers, options.messages)
        finally:
            delete_tables(client, tables)
    print(figures.table())
    for fault in figures.broken:
        print(f"broken: {fault}", file=sys.stderr)
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
