"""DynamoDB when it is busy: what is tried again, and what each fault is called."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
)

from adapters.dynamodb.table import ATTEMPTS
from domain.errors import Throttled
from tests.conformance.events.streams import event, failing, refusal

BUSY = [
    refusal("ProvisionedThroughputExceededException"),
    refusal("ThrottlingException"),
    refusal("RequestLimitExceeded"),
    refusal("InternalServerError"),
    refusal("TransactionCanceledException", "None", "ThrottlingError"),
    refusal("TransactionCanceledException", "ProvisionedThroughputExceeded", "None"),
]


@pytest.mark.parametrize("error", BUSY, ids=str)
@pytest.mark.parametrize("events", [[event(1)], [event(1), event(2)]], ids=["one", "two"])
def test_a_throttled_write_is_the_executors_to_retry(error: ClientError, events: Any) -> None:
    client, recorder, pauses = failing(error)
    with pytest.raises(Throttled):
        recorder.insert_events(events)
    assert (len(client.calls), pauses) == (1, [])


@pytest.mark.parametrize("error", BUSY, ids=str)
def test_a_throttled_read_is_retried_with_jitter(error: ClientError) -> None:
    client, recorder, pauses = failing(*[error] * (ATTEMPTS - 1))
    assert recorder.select_events("lobby") == []
    assert [operation for operation, _ in client.calls] == ["query"] * ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= 0.05 * 2**attempt for attempt, pause in enumerate(pauses))


def test_throttling_of_a_read_that_lasts_has_a_name() -> None:
    client, recorder, pauses = failing(*BUSY[:1] * (ATTEMPTS + 1))
    with pytest.raises(Throttled):
        recorder.select_events("lobby")
    assert (len(client.calls), len(pauses)) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ConditionalCheckFailedException"),
        refusal("TransactionConflictException"),
        refusal("TransactionCanceledException", "None", "ConditionalCheckFailed"),
        refusal("TransactionCanceledException", "TransactionConflict", "None"),
        refusal("TransactionCanceledException", "TransactionConflict", "ThrottlingError"),
    ],
    ids=str,
)
def test_a_lost_race_is_told_at_once(error: ClientError) -> None:
    client, recorder, pauses = failing(error)
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(1), event(2)])
    assert (len(client.calls), pauses) == (1, [])


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException"),
        refusal("AccessDeniedException"),
        refusal("TransactionCanceledException", "None", "ValidationError"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
    ids=str,
)
def test_other_faults_are_the_librarys_operational_error(error: Exception) -> None:
    client, recorder, pauses = failing(error, error)
    with pytest.raises(OperationalError):
        recorder.insert_events([event(1)])
    with pytest.raises(OperationalError):
        recorder.select_events("lobby")
    assert (len(client.calls), pauses) == (2, [])
