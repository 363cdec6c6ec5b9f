"""A batch of the events table's stream that its reader gave up: parses its letter, and reads the
batch again while the stream has it."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from botocore.exceptions import ClientError

MARGIN = timedelta(minutes=1)
"""Maximum difference between the arrival in the stream, which is approximate and in whole seconds,
and the time in the event, which comes from a writer's clock."""

FORGOTTEN = ("TrimmedDataAccessException", "ResourceNotFoundException")
"""The stream's errors for a position that it no longer has: records expire first, then shards."""

EMPTY = 20
"""Number of consecutive empty pages after which a shard counts as read."""

PAGE = 1_000
"""Maximum of records per GetRecords."""

Key = tuple[str, int]
"""A log and a version."""


class NotUnderstood(ValueError):
    """A letter does not have the form that Lambda writes for a stream's batch."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a stream.

    Attributes
    ----------
    stream: the stream's ARN; a table with a new stream keeps the old one for a day.
    first, last: sequence numbers; the first one is requested exactly as written.
    """

    stream: str
    shard: str
    first: str
    last: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of a stream that its reader gave up.

    Attributes
    ----------
    place: None in a letter that an operator wrote (docs/runbooks/dead-letters.md).
    since, upto: approximate arrival of its first and last record.
    """

    place: Place | None
    since: datetime
    upto: datetime


def batch(body: str) -> Batch:
    """Returns the batch of a letter. Raises NotUnderstood."""
    try:
        info = orjson.loads(body)["DDBStreamBatchInfo"]
        return Batch(
            place=_place(info) if "shardId" in info else None,
            since=instant(info["approximateArrivalOfFirstRecord"]),
            upto=instant(info["approximateArrivalOfLastRecord"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{type(error).__name__} in a letter") from error


def _place(info: Mapping[str, Any]) -> Place:
    return Place(
        stream=str(info["streamArn"]),
        shard=str(info["shardId"]),
        first=_digits(info["startSequenceNumber"]),
        last=int(info["endSequenceNumber"]),
    )


def _digits(text: str) -> str:
    if not text.isdecimal():
        raise ValueError("not a sequence number")
    return text


def instant(text: str) -> datetime:
    """Returns a time with its offset; times without one cannot be compared."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without its offset")
    return time


class Stream:
    """Reads a table's stream.

    Parameters
    ----------
    client: boto3's `dynamodbstreams` client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def inserted(self, place: Place) -> list[Key] | None:
        """Returns the events that the records inserted; None if the stream does not have all of
        them.

        Raises
        ------
        botocore.exceptions.ClientError: any other refusal.
        """
        found: list[Key] = []
        try:
            for record in self._records(place):
                change = record["dynamodb"]
                number = int(change["SequenceNumber"])
                if number <= place.last and record["eventName"] == "INSERT":
                    keys = change["Keys"]
                    found.append((keys["log"]["S"], int(keys["version"]["N"])))
                if number >= place.last:
                    return found
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in FORGOTTEN:
                raise
        return None

    def _records(self, place: Place) -> Iterator[Mapping[str, Any]]:
        """Yields a shard's records from the first on, to the shard's end or head."""
        iterator = self._client.get_shard_iterator(
            StreamArn=place.stream,
            ShardId=place.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=place.first,
        )["ShardIterator"]
        # Some pages before the requested records may be empty, but not many.
        empty = 0
        while iterator and empty < EMPTY:
            answer = self._client.get_records(ShardIterator=iterator, Limit=PAGE)
            yield from answer["Records"]
            empty = 0 if answer["Records"] else empty + 1
            iterator = answer.get("NextShardIterator")


class Times:
    """Spans of time, which may overlap."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for one in sorted(batches, key=lambda one: one.since):
            start, end = one.since - MARGIN, one.upto + MARGIN
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def __contains__(self, time: datetime) -> bool:
        place = bisect_right(self._starts, time) - 1
        return place >= 0 and time <= self._ends[place]
