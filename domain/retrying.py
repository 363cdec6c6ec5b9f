"""Finds commands that have left an aggregate's window, so that a retry is recognised at any age.

The window has the last 256 command ids. Older ones are looked up in the log, with an index of
fingerprints: one entry for each SEGMENT events of a log, 8 bytes per event, stored with the
snapshots. An entry is created when a search first needs it, so messages cost nothing for it, and
every part of a log is read for it once. It can be deleted: the next search creates it again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import orjson
from eventsourcing.persistence import IntegrityError, StoredEvent

from domain.aggregate import Command
from domain.errors import BeyondWindow, RoomBusy
from domain.log import EventLog, Snapshots
from domain.ports.commands import CommandIndex

SEGMENT = 1_000
"""Events of an entry, whose 8 KB are far below DynamoDB's limit for an item."""

FINGERPRINT = 8
"""Bytes. The probability that two commands of a log of 1,000,000 events have the same one is 1 in
37 million; a match is verified in the log."""

READ = 64
"""Entries read at a time."""

MADE = 5
"""Entries that one search may create: each reads SEGMENT events, 10 ms on one machine, 1 MB of
DynamoDB. A search that needs more is `Unfinished`; the next one continues from there."""

TOGETHER = 10
"""Entries written at a time to the store of snapshots."""

TOPIC = "log.command-index"
"""STORAGE FORMAT: topic of an entry in the store of snapshots, under the id `LOG#commands` and the
number of the segment; its state is the fingerprints of its events, in order."""


def index_id(log_id: str) -> str:
    """Returns the id of a log's entries; no log's id has a `#`."""
    return f"{log_id}#commands"


def fingerprint(by: str, id: str) -> bytes:
    """Returns the fingerprint of a person's command in an entry. STORAGE FORMAT."""
    return hashlib.blake2b(f"{by} {id}".encode(), digest_size=FINGERPRINT).digest()


class Unfinished(RoomBusy):
    """The index of such an old part of a log is not complete yet; the next search continues."""

    def __init__(self) -> None:
        super().__init__("an old part of the room is being searched; try again")


class SnapshotIndex:
    """Implements the CommandIndex port in the store of snapshots: for stores where writing there
    does not delay appends."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def entries(self, log_id: str, low: int, high: int) -> dict[int, bytes]:
        found = self._snapshots.select_events(index_id(log_id), gt=low, lte=high)
        return {one.originator_version: one.state for one in found}

    def keep(self, log_id: str, entries: Mapping[int, bytes]) -> None:
        made = [
            StoredEvent(index_id(log_id), number, TOPIC, prints)
            for number, prints in entries.items()
        ]
        for start in range(0, len(made), TOGETHER):
            # Another process may create the same ones at the same time.
            with suppress(IntegrityError):
                self._snapshots.insert_events(made[start : start + TOGETHER])


class Retrying:
    """Searches logs for commands; for threads that may wait for the disk.

    Parameters
    ----------
    index: the store of entries; by default the store of the log's snapshots.
    """

    def __init__(self, log: EventLog, index: CommandIndex | None = None) -> None:
        self._log = log
        self._index = index or SnapshotIndex(log.snapshots)

    def look_up(self, log_id: str, command: Command, gap: BeyondWindow) -> None:
        """Records in a command what the log has about it, so that it can be decided again. Raises
        as `find` does."""
        command.found = self.find(log_id, command.by, command.id, gap.after, gap.upto)
        command.sought = gap.seen

    def find(self, log_id: str, by: str, id: str, after: int, upto: int) -> tuple[int, str] | None:
        """Returns (version, digest) of the last event of a person's command with
        `after < version <= upto`, or None.

        Raises
        ------
        Unfinished: the index of such an old part of the log is not complete yet; try again.
        RoomBusy: events up to `upto` are not written yet; try again.
        """
        wanted = fingerprint(by, id)
        for first, prints in self._newest_first(log_id, after, upto):
            for version in _places(prints, wanted, first):
                if after < version <= upto:
                    stored = self._log.recorder.select_events(log_id, gt=version - 1, lte=version)
                    found = _named(stored[0]) if stored else None
                    if found is not None and found[:2] == (by, id):
                        return version, found[2]
        return None

    def _newest_first(self, log_id: str, after: int, upto: int) -> Iterator[tuple[int, bytes]]:
        """Yields (version of the first event, fingerprints) of runs of events, from `upto` down."""
        # The last segment may still grow: its events are read directly.
        whole = upto // SEGMENT
        start = max(after, whole * SEGMENT)
        yield start + 1, self._read(log_id, start, upto)
        made = 0
        for high in range(whole, after // SEGMENT, -READ):
            low = max(high - READ, after // SEGMENT)
            known = self._index.entries(log_id, low, high)
            missing = [number for number in range(high, low, -1) if number not in known]
            new = missing[: MADE - made]
            known |= self._make(log_id, new)
            made += len(new)
            for number in range(high, low, -1):
                if number not in known:
                    raise Unfinished
                yield (number - 1) * SEGMENT + 1, known[number]

    def _make(self, log_id: str, numbers: Sequence[int]) -> dict[int, bytes]:
        made = {
            number: self._read(log_id, (number - 1) * SEGMENT, number * SEGMENT)
            for number in numbers
        }
        if made:
            self._index.keep(log_id, made)
        return made

    def _read(self, log_id: str, after: int, upto: int) -> bytes:
        """Returns the fingerprints of events `after < version <= upto`."""
        found = self._log.recorder.select_events(log_id, gt=after, lte=upto)
        if len(found) != upto - after:
            raise RoomBusy("the newest events are still being written; try again")
        return b"".join(map(_print, found))


def _named(stored: StoredEvent) -> tuple[str, str, str] | None:
    """Returns (by, id, digest) of an event; None if it cannot be read."""
    try:
        state = orjson.loads(stored.state)
        return state["by"], state["id"], state["digest"]
    except (ValueError, KeyError, TypeError):
        return None


def _print(stored: StoredEvent) -> bytes:
    named = _named(stored)
    return bytes(FINGERPRINT) if named is None else fingerprint(named[0], named[1])


def _places(prints: bytes, wanted: bytes, first: int) -> Iterator[int]:
    """Yields the versions that have a fingerprint, the newest first."""
    end = len(prints)
    while (at := prints.rfind(wanted, 0, end)) >= 0:
        if at % FINGERPRINT == 0:
            yield first + at // FINGERPRINT
        # Matches that begin at or after `at` are not found again.
        end = at + FINGERPRINT - 1
