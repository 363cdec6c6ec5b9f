"""Sends a large room's events back to the delivery queue, once for each of its shards."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

Entry = dict[str, Any]

BATCH = 10
"""Entries per SendMessageBatch."""

BATCH_BYTES = 256 * 1024
"""Bytes of a SendMessageBatch in all."""

ATTEMPTS = 5
"""Attempts of one batch; with the pauses between them at most about 3 s."""


class ShardsNotQueued(OSError):
    """Some shards could not be queued; all may be queued again."""


class ShardQueue:
    """Implements the Shards port on the FIFO queue that `deliver` reads.

    Each shard has its own group. The next event is sent once all groups have this one, so that each
    group has the events in order, whatever fails; no batch has two entries of a group.

    Parameters
    ----------
    client: botocore's `sqs` client.
    pause: called with the seconds to wait before the next try.
    """

    def __init__(
        self, client: Any, queue_url: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._pause = pause

    def enqueue(self, room: str, events: Sequence[tuple[int, bytes]], of: int) -> None:
        for version, envelope in events:
            for batch in _batches([_entry(room, version, envelope, k, of) for k in range(of)]):
                self._send(batch)

    def _send(self, batch: list[Entry]) -> None:
        codes: set[str] = set()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(random.uniform(0, 0.1 * 2**attempt))
            batch, codes = self._try(batch)
            if not batch:
                return
        raise ShardsNotQueued(f"{len(batch)} shards could not be queued: {sorted(codes)}")

    def _try(self, batch: list[Entry]) -> tuple[list[Entry], set[str]]:
        """Returns the entries that were not accepted, and the reasons."""
        try:
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=batch)
        except ClientError as error:
            return batch, {error.response.get("Error", {}).get("Code", "")}
        except BotoCoreError as error:
            return batch, {type(error).__name__}
        taken = {entry["Id"] for entry in answer.get("Successful", ())}
        codes = {entry.get("Code", "") for entry in answer.get("Failed", ())}
        return [entry for entry in batch if entry["Id"] not in taken], codes


def _entry(room: str, version: int, envelope: bytes, part: int, of: int) -> Entry:
    body = b'%b,"shard":[%d,%d]}' % (envelope[:-1], part, of)
    return {
        "Id": str(part),
        "MessageBody": body.decode(),
        "MessageGroupId": f"{room}:{part}",
        "MessageDeduplicationId": f"{room}:{version}:{part}/{of}",
    }


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Splits the entries of one event, which all have the same length, into batches."""
    size = len(entries[0]["MessageBody"].encode())
    step = max(1, min(BATCH, BATCH_BYTES // (size + 16)))
    for start in range(0, len(entries), step):
        yield list(entries[start : start + step])
