"""Restores events that a deployed stack's log has lost (docs/runbooks/restore.md).

Only missing events are written, each with a conditional write: no existing event changes, and an
interrupted run can be repeated.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent

from adapters.dynamodb.table import Table
from research.archive import lines, stored_events

SHOWN = 5
"""Maximum of versions of a log in the output."""


def of_table(table: Table, *, consistent: bool = True) -> Iterator[StoredEvent]:
    """Yields the events of a table: a Scan, which returns a log's items together and in order."""
    for item in table.every(ConsistentRead=consistent):
        yield StoredEvent(item["log"], int(item["version"]), item["topic"], item["state"].encode())


def of_folder(folder: Path) -> list[StoredEvent]:
    """Returns the events of unzipped JSON lines, which Athena's UNLOAD wrote from the archive.
    Raises research.archive.Differs."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return stored_events(lines(file.read_bytes() for file in files))


class Restoring:
    """Compares events with the log and appends the missing ones.

    Parameters
    ----------
    recorder: the stack's log.
    done: called after each log.

    Attributes
    ----------
    counts: events that were put `back`, were `there`, or `differ` from the log.
    """

    def __init__(self, recorder: AggregateRecorder, done: Callable[[], None]) -> None:
        self._recorder = recorder
        self._done = done
        self.counts: Counter[str] = Counter()

    def run(self, events: Iterable[StoredEvent]) -> Iterator[str]:
        """Restores missing events; yields lines that an operator must check, then the counts."""
        logs = 0
        for log, its in groupby(events, lambda event: str(event.originator_id)):
            logs += 1
            yield from self._restore(log, list(its))
            self._done()
        back, there, differ = (self.counts[name] for name in ("back", "there", "differ"))
        yield f"{back} events put back, {there} were there, {differ} differ, of {logs} logs"

    def _restore(self, log: str, events: list[StoredEvent]) -> Iterator[str]:
        held = {e.originator_version: e for e in self._recorder.select_events(log)}
        differ = []
        for event in sorted(events, key=lambda event: event.originator_version):
            version = event.originator_version
            if version not in held:
                held[version] = self._put(event)
                self.counts["back"] += held[version] is event
            if held[version] == event:
                self.counts["there"] += held[version] is not event
            else:
                differ.append(version)
        self.counts["differ"] += len(differ)
        if differ:
            yield f"{log}: events in the log differ at {_some(differ)}"
        if missing := sorted({*range(1, max(held) + 1)} - {*held}):
            yield f"{log}: still missing {_some(missing)}"

    def _put(self, event: StoredEvent) -> StoredEvent:
        """Returns the event that is then in its place."""
        try:
            self._recorder.insert_events([event])
        except IntegrityError:
            place = event.originator_version
            (there,) = self._recorder.select_events(event.originator_id, gt=place - 1, lte=place)
            return there
        return event


def _some(versions: list[int]) -> str:
    more = f" and {len(versions) - SHOWN} more" if len(versions) > SHOWN else ""
    return ", ".join(map(str, versions[:SHOWN])) + more
