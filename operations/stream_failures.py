"""Publishes batches again that the readers of the events table's stream gave up.

A letter of such a queue contains no events, only the batch's position in the stream and its time.
While the stream still has that position (24 h), it gives the events. After that, all events that
were recorded between the batch's first and last arrival are published: one read of the whole table,
however many letters need it.

Repeated events are dropped at their destination: consumers recognise them, and queries of the
archive remove duplicates.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from eventsourcing.persistence import AggregateRecorder, StoredEvent

from operations.dead_letters import Message, receive, show_again
from operations.stream_batches import Batch, Key, NotUnderstood, Stream, Times, batch, instant

PAGE = 1_000
"""Number of events that are published at a time."""

Take = Callable[[Sequence[StoredEvent]], Sequence[int]]
"""Publishes events; returns the positions of those that failed."""


class Reader:
    """A reader of the stream, and the queue of its failed batches.

    Parameters
    ----------
    sqs: boto3's `sqs` client.
    name: name of the queue, for people.
    url: URL of the queue.
    take: does the reader's work with events.

    Attributes
    ----------
    waiting: letters whose position the stream no longer has, with their batches.
    """

    def __init__(self, sqs: Any, name: str, url: str, take: Take) -> None:
        self._sqs = sqs
        self._name = name
        self._url = url
        self._take = take
        self._done = self._told = 0
        self._kept: Counter[str] = Counter()
        self._stay: list[Message] = []
        self.waiting: list[tuple[Message, Batch]] = []

    def letters(self) -> Iterator[Message]:
        return receive(self._sqs, self._url)

    def hand_on(self, events: Sequence[StoredEvent]) -> list[int]:
        """Publishes events; returns the positions of those that were not accepted."""
        failed: list[int] = []
        for start in range(0, len(events), PAGE):
            failed += [start + place for place in self._take(events[start : start + PAGE])]
        self._told += len(events) - len(failed)
        return failed

    def keep(self, letter: Message, why: str) -> None:
        self._stay.append(letter)
        self._kept[why] += 1

    def end(self, letter: Message, *, taken: bool) -> None:
        """Deletes a letter if all its events were accepted; keeps it otherwise."""
        if not taken:
            self.keep(letter, "not all was taken")
            return
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter["ReceiptHandle"])
        self._done += 1

    def close(self) -> None:
        """Makes the kept letters visible again for the next reader."""
        left = [letter for letter, _ in self.waiting]
        show_again(self._sqs, self._url, [*self._stay, *left])

    def said(self) -> Iterator[str]:
        if self._done or self._kept:
            kept = "".join(f", {count} kept: {why}" for why, count in sorted(self._kept.items()))
            yield f"{self._name}: {self._done} letters done, {self._told} events told again{kept}"


class StreamFailures:
    """The letters of all readers of the stream.

    Parameters
    ----------
    log: the stack's log.
    every: yields every event of the log, those of a log together and in order: a Scan.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        stream: Stream,
        log: AggregateRecorder,
        every: Callable[[], Iterable[StoredEvent]],
    ) -> None:
        self._readers = readers
        self._stream = stream
        self._log = log
        self._every = every

    def redrive(self) -> Iterator[str]:
        """Publishes the letters' events; yields the results, one line per queue.

        A letter is deleted once all its events were accepted; the others stay.
        """
        try:
            for reader in self._readers:
                self._by_place(reader)
            self._by_time([reader for reader in self._readers if reader.waiting])
        finally:
            for reader in self._readers:
                reader.close()
        for reader in self._readers:
            yield from reader.said()

    def _by_place(self, reader: Reader) -> None:
        """Processes the letters whose position the stream has; the others wait for `_by_time`."""
        for letter in reader.letters():
            try:
                found = batch(letter["Body"])
            except NotUnderstood:
                reader.keep(letter, "not understood")
                continue
            reader.waiting.append((letter, found))
            keys = self._stream.inserted(found.place) if found.place else None
            if keys is not None:
                reader.end(letter, taken=not reader.hand_on(self._read(keys)))
                reader.waiting.pop()

    def _read(self, keys: Sequence[Key]) -> list[StoredEvent]:
        """Returns events of the log, in order; a lost event is published when it is restored."""
        events: list[StoredEvent] = []
        for log, its in groupby(sorted(set(keys)), lambda key: key[0]):
            for first, last in _runs([version for _, version in its]):
                events += self._log.select_events(log, gt=first - 1, lte=last)
        return events

    def _by_time(self, readers: Sequence[Reader]) -> None:
        """Processes the waiting letters by their times."""
        if not readers:
            return
        times = [Times([found for _, found in reader.waiting]) for reader in readers]
        left: list[list[datetime]] = [[] for _ in readers]
        for page in self._recorded(times):
            for reader, mine, failed in zip(readers, times, left, strict=True):
                part = [(at, event) for at, event in page if at in mine]
                places = reader.hand_on([event for _, event in part])
                failed += [part[place][0] for place in places]
        for reader, failed in zip(readers, left, strict=True):
            while reader.waiting:
                letter, found = reader.waiting[0]
                reader.end(letter, taken=not any(at in Times([found]) for at in failed))
                reader.waiting.pop(0)

    def _recorded(self, times: Sequence[Times]) -> Iterator[list[tuple[datetime, StoredEvent]]]:
        """Yields the events of those times, page by page, with the time when each was recorded."""
        page: list[tuple[datetime, StoredEvent]] = []
        for event in self._every():
            at = _recorded_at(event)
            if at is not None and any(at in one for one in times):
                page.append((at, event))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page


def _runs(versions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields the first and last of each run without gaps."""
    for _, run in groupby(enumerate(versions), lambda one: one[1] - one[0]):
        its = [version for _, version in run]
        yield its[0], its[-1]


def _recorded_at(event: StoredEvent) -> datetime | None:
    """Returns when an event was recorded; None if it does not have that."""
    try:
        return instant(orjson.loads(event.state)["recorded_at"])
    except (KeyError, TypeError, ValueError):
        return None
