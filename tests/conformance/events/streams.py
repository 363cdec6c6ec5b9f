"""Events and snapshots to store, and a DynamoDB client that fails as it is told."""

import random
from typing import Any

from botocore.exceptions import ClientError
from eventsourcing.persistence import (
    AggregateRecorder,
    StoredEvent,
)

from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.table import Table
from adapters.sqlite.events import SqliteEvents
from domain.log import Snapshots


def event(version: int, log_id: str = "lobby") -> StoredEvent:
    return StoredEvent(
        originator_id=log_id,
        originator_version=version,
        topic="room.message-posted",
        state=b'{"n":%d}' % version,
    )


def selected(recorder: AggregateRecorder, log_id: str = "lobby", **how: Any) -> list[int]:
    return [stored.originator_version for stored in recorder.select_events(log_id, **how)]


def refusal(code: str, *reasons: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}}
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, "Call")


class Failing:
    """A client whose calls raise what is given, one after the other, then answer `answer`."""

    def __init__(self, *errors: Exception, answer: Any = None) -> None:
        self.errors = list(errors)
        self.answer = answer or {"Items": []}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            if self.errors:
                raise self.errors.pop(0)
            return self.answer

        return call


def failing(*errors: Exception) -> tuple[Failing, DynamoEvents, list[float]]:
    client, pauses = Failing(*errors), list[float]()
    return client, DynamoEvents(Table(client, "events", pauses.append)), pauses


def large(version: int, kilobytes: int, log_id: str = "u_ann") -> StoredEvent:
    """Returns a snapshot that does not compress well."""
    state = random.Random(version).randbytes(kilobytes * 1_000)
    return StoredEvent(
        originator_id=log_id, originator_version=version, topic="person.snapshot", state=state
    )


def newest(snapshots: Snapshots, log_id: str = "u_ann") -> list[StoredEvent]:
    return list(snapshots.select_events(log_id, desc=True, limit=1))


def parts(table: Table) -> list[int]:
    found = table.query("#log = :log", values={":log": "u_ann#parts"}, names={"#log": "log"})
    return [int(item["version"]) for item in found]


def versions(store: SqliteEvents, log_id: str = "lobby") -> list[int]:
    return [stored.originator_version for stored in store.events.select_events(log_id)]
