"""The archive: rows, records of several documents, and the log read back from it."""

import random
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from eventsourcing.persistence import ApplicationRecorder, StoredEvent

from adapters.memory.events import MemoryEvents
from adapters.messaging.firehose import ATTEMPTS, CALL_RECORDS, RECORD_BYTES, Firehose
from domain.chat import Chat
from domain.chat.archiving import packed, row
from research.archive import Differs, gaps, lines, restore, stored_events
from tests.functional.handlers.scene import configured, scene


class FakeFirehose:
    """Keeps records; fails as it is told, call by call: places of records, or an exception."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.calls: list[int] = []
        self.kept: list[bytes] = []

    def put_record_batch(self, DeliveryStreamName: str, Records: list[Any]) -> Any:  # noqa: N803
        assert sum(len(record["Data"]) for record in Records) <= 4 * 1024 * 1024
        self.calls.append(len(Records))
        failing = self.script.pop(0) if self.script else ()
        if isinstance(failing, Exception):
            raise failing
        self.kept += [one["Data"] for place, one in enumerate(Records) if place not in failing]
        return {
            "FailedPutCount": len(failing),
            "RequestResponses": [
                {"ErrorCode": "Unavailable"} if place in failing else {"RecordId": "1"}
                for place in range(len(Records))
            ],
        }


def firehose(client: FakeFirehose) -> Firehose:
    return Firehose(client, "archive", pause=lambda seconds: None)


def log_of(chat: Chat) -> list[StoredEvent]:
    recorder = chat.services.log.recorder
    assert isinstance(recorder, ApplicationRecorder)
    return [
        StoredEvent(one.originator_id, one.originator_version, one.topic, one.state)
        for one in recorder.select_notifications(0, 1_000, inclusive_of_start=False)
    ]


def by_place(events: list[StoredEvent]) -> list[StoredEvent]:
    return sorted(events, key=lambda event: (str(event.originator_id), event.originator_version))


def test_a_row_has_the_events_place_its_times_and_its_whole_state() -> None:
    chat = scene()
    (stored,) = chat.services.log.recorder.select_events("lobby", gt=3, limit=1)
    made = row(stored)
    state = orjson.loads(stored.state)
    assert list(made) == ["log", "version", "topic", "class_version", "at", "recorded_at", "by",
                          "id", "digest", "day", "state"]  # fmt: skip
    assert (made["log"], made["version"]) == ("lobby", 4)
    assert (made["topic"], made["class_version"]) == ("room.message-posted", 2)
    assert made["day"] == made["recorded_at"][:10] == "2026-01-02"
    assert [made[name] for name in ("at", "by", "id", "digest")] == [
        state[name] for name in ("at", "by", "id", "digest")
    ]
    assert made["state"].encode() == stored.state


@pytest.mark.parametrize("state", [b"{broken", b"[]", b"null", b"{}", b'{"at": 1, "by": null}'])
def test_a_state_that_cannot_be_read_is_archived_as_it_is(state: bytes) -> None:
    made = row(StoredEvent("lobby", 4, "room.created", state))
    told = ("at", "recorded_at", "by", "id", "digest", "day")
    assert [made[name] for name in told] == [None] * len(told)
    assert made["state"] == state.decode()


def test_archived_events_read_back_equal_the_log() -> None:
    chat, client = scene(), FakeFirehose()
    log = log_of(chat)
    archiving = configured(chat, archive=firehose(client))
    assert archiving.archive(log) == []
    assert archiving.archive(log[3:9]) == []  # at least once
    assert len(client.kept) == 2, "several documents travel in one record"
    rows = list(lines(client.kept))
    random.Random(1).shuffle(rows)
    found = stored_events(rows)
    assert found == by_place(log)
    assert gaps(found) == {}


def test_the_log_is_restored_from_the_archive() -> None:
    chat = scene()
    found = stored_events([row(one) for one in log_of(chat)])
    recorder = MemoryEvents()
    restore(found, recorder)
    for log in {str(one.originator_id) for one in found}:
        assert recorder.select_events(log) == chat.services.log.recorder.select_events(log)


def test_gaps_are_told_and_not_restored() -> None:
    rows = [row(StoredEvent("lobby", version, "room.created", b"{}")) for version in (2, 5)]
    found = stored_events(rows)
    assert gaps(found) == {"lobby": [1, 3, 4]}
    with pytest.raises(ValueError, match="missing"):
        restore(found, MemoryEvents())


def test_rows_that_differ_are_refused() -> None:
    rows = [row(StoredEvent("lobby", 1, "room.created", state)) for state in (b"{}", b"[]")]
    with pytest.raises(Differs):
        stored_events(rows)


def test_documents_are_packed_up_to_the_limit() -> None:
    sizes = [4, 4, 3, 11, 1, 9, 1]
    runs = [list(run) for run in packed([b"x" * size for size in sizes], 10)]
    assert runs == [[0, 1], [2], [3], [4, 5], [6]]
    assert list(packed([], 10)) == []


def test_calls_hold_four_records_at_the_most() -> None:
    client = FakeFirehose()
    assert firehose(client).put([b"x" * RECORD_BYTES] * 9) == []
    assert client.calls == [CALL_RECORDS, CALL_RECORDS, 1]


def test_failed_records_are_tried_again_alone() -> None:
    client = FakeFirehose({0, 2}, {1})
    documents = [bytes([65 + place]) * RECORD_BYTES for place in range(4)]
    assert firehose(client).put(documents) == []
    assert client.calls == [4, 2, 1]
    assert sorted(client.kept) == documents


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ServiceUnavailableException"}}, "PutRecordBatch")


def test_what_goes_on_failing_is_told_by_its_places() -> None:
    client = FakeFirehose(*[{1}] + [{0}] * (ATTEMPTS - 1))
    documents = [b"x" * (RECORD_BYTES // 2)] * 6
    assert firehose(client).put(documents) == [2, 3]


def test_a_call_that_fails_is_tried_again_and_then_told() -> None:
    client = FakeFirehose(throttled(), EndpointConnectionError(endpoint_url="x"))
    assert firehose(client).put([b"a", b"b"]) == []
    client = FakeFirehose(*[throttled()] * ATTEMPTS)
    assert firehose(client).put([b"a", b"b"]) == [0, 1]
