"""The log: recorders of the `eventsourcing` library over the events table, and the code that
snapshots (snapshots.py) share with them.

An item is `{log, version, topic, state}`. An event's state is a string, the JSON as it was encoded,
because the stream relay forwards items unchanged. This is a STORAGE FORMAT. Every write is
conditional, every read consistent.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)

from adapters.dynamodb.table import ConditionFailed, Table

TOGETHER = 100
"""Events that one TransactWriteItems takes."""

ABSENT = "attribute_not_exists(#log)"


class DynamoRecorder(AggregateRecorder):
    """Keeps the entries of logs, all or nothing.

    Throttling raises domain.errors.Throttled: for a read after the table's retries, for a write at
    once, because the executor retries it. Other refusals of DynamoDB, and connection failures, are
    the library's OperationalError; in this case a write may have happened.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Appends events: one PutItem for one, one transaction for several.

        A write that succeeded without an answer conflicts with its own retry and counts as lost;
        deciding again finds the command in the log.

        Raises
        ------
        IntegrityError: a version is taken, or locked by another writer's transaction.
        ProgrammingError: more than 100 events, which DynamoDB cannot append as a whole.
        """
        if len(stored_events) > TOGETHER:
            raise ProgrammingError(
                f"{len(stored_events)} events at once, at most {TOGETHER} fit a transaction"
            )
        keys = {(event.originator_id, event.originator_version) for event in stored_events}
        if len(keys) < len(stored_events):
            # DynamoDB answers a repeated key with a ValidationException.
            raise IntegrityError("a version comes twice")
        puts = [self._put(event) for event in stored_events]
        if len(puts) == 1:
            self._write("put_item", **puts[0])
        elif puts:
            # With its own token, a retried transaction is not treated as another one.
            items = [{"Put": put} for put in puts]
            self._write(
                "transact_write_items", TransactItems=items, ClientRequestToken=str(uuid4())
            )
        return None

    def _put(self, event: StoredEvent) -> dict[str, Any]:
        item = {
            "log": {"S": event.originator_id},
            "version": {"N": str(event.originator_version)},
            "topic": {"S": event.topic},
            "state": self._state(event.state),
        }
        return {
            "TableName": self._table.name,
            "Item": item,
            "ConditionExpression": ABSENT,
            "ExpressionAttributeNames": {"#log": "log"},
        }

    def _write(self, operation: str, **arguments: Any) -> None:
        try:
            self._table.call(operation, tries=1, lose=True, **arguments)
        except ConditionFailed as error:
            raise IntegrityError("another writer was first") from error
        except (ClientError, OSError) as error:
            raise OperationalError(str(error)) from error

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        if gt is not None and lte is not None and lte <= gt:
            return []
        condition, values = "#log = :log", {":log": originator_id}
        if gt is not None and lte is not None:
            condition += " AND #version BETWEEN :from AND :upto"
            values |= {":from": gt + 1, ":upto": lte}
        elif gt is not None:
            condition += " AND #version > :after"
            values |= {":after": gt}
        elif lte is not None:
            condition += " AND #version <= :upto"
            values |= {":upto": lte}
        names = {"#log": "log"} | ({"#version": "version"} if "#version" in condition else {})
        found = self._table.query(
            condition, values=values, names=names, descending=desc, limit=limit, decoded=False
        )
        try:
            return [self._event(item) for item in found]
        except (ClientError, OSError) as error:
            raise OperationalError(str(error)) from error

    def _event(self, item: Mapping[str, Any]) -> StoredEvent:
        return StoredEvent(
            originator_id=item["log"]["S"],
            originator_version=int(item["version"]["N"]),
            topic=item["topic"]["S"],
            state=self._bytes(item["state"]),
        )

    @staticmethod
    def _state(state: bytes) -> dict[str, Any]:
        raise NotImplementedError

    @staticmethod
    def _bytes(state: Mapping[str, Any]) -> bytes:
        raise NotImplementedError


class DynamoEvents(DynamoRecorder):
    """Events, whose state is JSON text."""

    @staticmethod
    def _state(state: bytes) -> dict[str, Any]:
        return {"S": state.decode()}

    @staticmethod
    def _bytes(state: Mapping[str, Any]) -> bytes:
        text: str = state["S"]
        return text.encode()
