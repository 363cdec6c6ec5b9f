"""Snapshots, in one item if they fit, otherwise compressed and in parts.

| log | version | item |
|---|---|---|
| LOG | VERSION | `topic, state`: the state as bytes |
| LOG | VERSION | `topic, parts`: the number of parts that contain the state |
| LOG#parts | VERSION * 1,000 + number | `state`: a part of the state as zlib compresses it |

This is a STORAGE FORMAT, but snapshots may be deleted at any time. Releases before the second form
cannot read it: before a rollback to one, delete such items.

Parts are written before the item that counts them. Parts without such an item, left by a crash, are
deleted with the log's next snapshot. DynamoDB's limit is 400 KB per item: a person with 50,000
rooms has a state of about 8 MB, 4 MB compressed.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from eventsourcing.persistence import OperationalError, ProgrammingError, StoredEvent

from adapters.dynamodb.events import DynamoRecorder
from domain.log import Snapshots

PART = 350_000
"""Bytes of an item's state, below DynamoDB's 400 KB with names and keys."""

MOST = 1_000
"""Maximum of parts of a snapshot: part numbers are below it."""

TRIES = 3
"""Attempts to read a snapshot that is replaced at the same time."""


class _Replaced(Exception):
    """Parts of a snapshot are missing, or belong to another one."""


def _parts(log_id: str) -> str:
    """Returns the partition of a log's parts; no log's id has a `#`."""
    return f"{log_id}#parts"


class DynamoSnapshots(DynamoRecorder, Snapshots):
    """Snapshots of any size."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Stores snapshots: those that fit an item together, larger ones separately."""
        super().insert_events([one for one in stored_events if len(one.state) <= PART], **kwargs)
        for large in stored_events:
            if len(large.state) > PART:
                self._insert_parts(large)
        return None

    def _insert_parts(self, snapshot: StoredEvent) -> None:
        log_id, first = _parts(str(snapshot.originator_id)), snapshot.originator_version * MOST
        packed = zlib.compress(snapshot.state, 1)
        parts = [packed[at : at + PART] for at in range(0, len(packed), PART)]
        if len(parts) > MOST:
            raise ProgrammingError(f"a snapshot of {len(packed)} bytes")
        try:
            self._table.write_many(
                puts=[
                    {"log": log_id, "version": first + number, "state": part}
                    for number, part in enumerate(parts)
                ]
            )
        except (ClientError, OSError) as error:
            raise OperationalError(str(error)) from error
        put = self._put(snapshot)
        del put["Item"]["state"]
        put["Item"]["parts"] = {"N": str(len(parts))}
        self._write("put_item", **put)

    def select_events(self, originator_id: Any, **wanted: Any) -> Sequence[StoredEvent]:
        for _ in range(TRIES):
            try:
                return super().select_events(originator_id, **wanted)
            except _Replaced:
                continue
        # A snapshot that cannot be read is ignored: the log has everything that was in it.
        return []

    def _event(self, item: Mapping[str, Any]) -> StoredEvent:
        if "parts" not in item:
            return super()._event(item)
        log_id, version = item["log"]["S"], int(item["version"]["N"])
        state = self._joined(log_id, version, int(item["parts"]["N"]))
        return StoredEvent(log_id, version, item["topic"]["S"], state)

    def _joined(self, log_id: str, version: int, count: int) -> bytes:
        first = version * MOST
        found = self._table.query(
            "#log = :log AND #version BETWEEN :first AND :last",
            values={":log": _parts(log_id), ":first": first, ":last": first + count - 1},
            names={"#log": "log", "#version": "version"},
            decoded=False,
        )
        parts = [bytes(part["state"]["B"]) for part in found]
        if len(parts) != count:
            raise _Replaced
        try:
            return zlib.decompress(b"".join(parts))
        except zlib.error:  # also for a wrong checksum
            raise _Replaced from None

    @staticmethod
    def _state(state: bytes) -> dict[str, Any]:
        return {"B": state}

    @staticmethod
    def _bytes(state: Mapping[str, Any]) -> bytes:
        return bytes(state["B"])

    def drop_older(self, log_id: str, version: int) -> None:
        try:
            # The items first: one whose parts are gone could not be read.
            for name, below in ((log_id, version), (_parts(log_id), version * MOST)):
                older = self._table.query(
                    "#log = :log AND #version < :version",
                    values={":log": name, ":version": below},
                    names={"#log": "log", "#version": "version"},
                    projection="#log, #version",
                )
                self._table.write_many(deletes=list(older))
        except (ClientError, OSError) as error:
            raise OperationalError(str(error)) from error
