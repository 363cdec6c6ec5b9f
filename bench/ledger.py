"""Records what was sent, acknowledged and received, and checks that the three agree.

The correctness half of the benchmark. Every connection reports every frame; a frame of events
that is byte for byte one already seen is parsed once (a cache by the whole payload), but it is
counted and its versions are checked at each connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

TEXT_SIZE = 200
"""Bytes of a message's text."""

CACHED_FRAMES = 512
"""At 32 KB a frame this holds at most 16 MB."""

KEPT_FAILURES = 20


def text_of(command: str) -> str:
    """Give the text that is posted with this command id; unlike any other, and checkable."""
    return f"{command} ".ljust(TEXT_SIZE, "x")


@dataclass(frozen=True, slots=True)
class Batch:
    """One frame of events: versions `first` to `last`, with no gap inside."""

    room: str
    first: int
    last: int
    posts: tuple[tuple[float, int], ...]
    """(when sent, index of the writer's connection) of each message of ours in it."""


class Ledger:
    """One load run's account, shared by its connections."""

    def __init__(self) -> None:
        self.posting = False
        self.sent: dict[str, tuple[float, int]] = {}
        self.acked: dict[str, tuple[str, int]] = {}
        self.refused: dict[str, str] = {}
        self.logs: dict[str, dict[int, str]] = {}
        self.failures: list[str] = []
        self.failure_count = 0
        self.unique_frames = 0
        self._versions: dict[str, int] = {}
        self._batches: dict[bytes, Batch] = {}

    def fail(self, what: str) -> None:
        """Record a breach of the contract; the run continues and ends with a non-zero status."""
        self.failure_count += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(what)

    def breaches(self) -> tuple[str, ...]:
        """Give what failed: the first ones, and how many more there were."""
        more = self.failure_count - len(self.failures)
        return (*self.failures, f"and {more} more") if more else tuple(self.failures)

    def known_batch(self, payload: bytes) -> Batch | None:
        """Give the batch of a frame that another connection already got."""
        return self._batches.get(payload)

    def batch(self, payload: bytes, frame: dict[str, Any]) -> Batch:
        """Check and record a frame of events that was not seen before."""
        room: str = frame["room"]
        events: list[dict[str, Any]] = frame["events"]
        if not events:
            self.fail(f"{room}: a frame without events")
            return Batch(room, 1, 0, ())
        log = self.logs.setdefault(room, {})
        first: int = events[0]["version"]
        posts = []
        for version, event in enumerate(events, first):
            if event["version"] != version:
                self.fail(f"{room}: version {event['version']} where {version} was due in a frame")
            command = event.get("id") or ""
            if event["type"] == "MessagePosted":
                self._check_post(room, version, command, event)
                if command in self.sent:
                    posts.append(self.sent[command])
            else:
                command = f"{event['type']} {command}"
            if log.setdefault(version, command) != command:
                self.fail(f"{room}: version {version} is {log[version]!r} and {command!r}")
        batch = Batch(room, first, first + len(events) - 1, tuple(posts))
        self.unique_frames += 1
        if len(self._batches) >= CACHED_FRAMES:
            del self._batches[next(iter(self._batches))]
        self._batches[payload] = batch
        return batch

    def _check_post(self, room: str, version: int, command: str, event: dict[str, Any]) -> None:
        if command not in self.sent:
            self.fail(f"{room}: message {version} with id {command!r} was never sent")
        elif event["data"]["text"] != text_of(command):
            self.fail(f"{room}: message {version} carries another text than was sent")
        elif command in self.refused:
            self.fail(f"{room}: {command} was refused ({self.refused[command]}) and stored")
        if self._versions.setdefault(command, version) != version:
            self.fail(f"{room}: {command} is stored as {self._versions[command]} and {version}")

    def ack(self, command: str, room: str, version: int) -> float:
        """Record an acknowledgement of a post; return when it was sent."""
        if command in self.acked:
            self.fail(f"{room}: {command} was acknowledged twice")
        self.acked[command] = (room, version)
        return self.sent[command][0]

    def refuse(self, command: str, code: str) -> None:
        """Record a refused post. Only `room_busy` is not a failure."""
        self.refused[command] = code
        if code != "room_busy":
            self.fail(f"{command} was refused: {code}")

    def head(self, room: str) -> int:
        """Give the highest version acknowledged or received in the room."""
        acked = (version for name, version in self.acked.values() if name == room)
        return max(max(self.logs.get(room, {0: ""})), max(acked, default=0))

    def check_acknowledged(self) -> None:
        """Every acknowledged post must have been received at the version of its ack."""
        for command, (room, version) in self.acked.items():
            if self.logs.get(room, {}).get(version) != command:
                self.fail(f"{room}: {command} was acknowledged as {version} and is not there")


def loads(payload: bytes) -> dict[str, Any]:
    """Parse one frame's JSON object."""
    frame = orjson.loads(payload)
    if not isinstance(frame, dict):
        raise ValueError("a frame that is no object")
    return frame
