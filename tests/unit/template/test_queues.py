"""Event sources, queues and the topic."""

import json

import pytest

from domain.chat.consumers import TrackMemberships
from domain.consuming import MAX_RECEIVES
from tests.unit.template.reading import (
    actions,
    function_of,
    named,
    of_type,
    queue_sources,
    queues,
    sources,
    stream_sources,
    timeout,
    within,
)
from tools.stack.templates import template


@pytest.mark.parametrize("name", sources())
def test_a_consumer_reports_what_failed_of_a_batch(name: str) -> None:
    source = sources()[name]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["FunctionName"]["Ref"].endswith(".Alias"), "the alias, or no canary"


def test_the_stream_has_two_readers_that_give_up_in_time_and_say_so() -> None:
    assert len(stream_sources()) == 2
    for name, source in stream_sources().items():
        assert source["ParallelizationFactor"] == 1, name
        assert source["BisectBatchOnFunctionError"] is True, name
        assert 0 < source["MaximumRetryAttempts"] < 10_000, name
        assert 0 < source["MaximumRecordAgeInSeconds"] < 86_400, "before the stream forgets"
        assert json.loads(source["FilterCriteria"]["Filters"][0]["Pattern"]) == {
            "eventName": ["INSERT"]
        }
        failures = named(source["DestinationConfig"]["OnFailure"]["Destination"])
        assert not queues()[failures].get("FifoQueue"), "Lambda sends to standard queues alone"
        function, _ = function_of(source)
        assert "sqs:SendMessage" in actions(function)


@pytest.mark.parametrize("name", queue_sources())
def test_a_queue_waits_six_times_as_long_as_its_function_may_take(name: str) -> None:
    source = queue_sources()[name]
    queue = queues()[named(source["EventSourceArn"])]
    function, properties = function_of(source)
    window = source.get("MaximumBatchingWindowInSeconds", 0)
    assert queue["VisibilityTimeout"] >= 6 * timeout(properties) + window
    assert "sqs:ReceiveMessage" in actions(function)
    if queue.get("FifoQueue"):
        assert source["BatchSize"] <= 10
        assert not window, "FIFO queues have no batching window"


def test_every_queue_has_a_dead_letter_queue_of_its_kind_or_is_one() -> None:
    last = {
        named(source["DestinationConfig"]["OnFailure"]["Destination"])
        for source in stream_sources().values()
    }
    last |= {named(found["Arn"]) for found in within(template(), "DeadLetterConfig")}
    redriven = {name: q for name, q in queues().items() if "RedrivePolicy" in q}
    for name, queue in redriven.items():
        dead = named(queue["RedrivePolicy"]["deadLetterTargetArn"])
        last.add(dead)
        assert queue.get("FifoQueue") == queues()[dead].get("FifoQueue"), name
        # Consumers park at the last receive, so one more is a crash.
        assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES + 1, name
    assert set(queues()) == set(redriven) | last
    assert len(redriven) == len(queue_sources())
    watched = {
        named(dimension["Value"])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        for dimension in alarm["Dimensions"]
    }
    assert watched == last


@pytest.mark.parametrize("name", queues())
def test_a_queue_is_encrypted_and_orders_by_group(name: str) -> None:
    queue = queues()[name]
    assert queue["SqsManagedSseEnabled"] is True
    if queue.get("FifoQueue"):
        assert queue["ContentBasedDeduplication"] is False
        assert queue["DeduplicationScope"] == "messageGroup"
        assert queue["FifoThroughputLimit"] == "perMessageGroupId"


def test_the_topic_tells_queues_raw_and_only_what_they_take() -> None:
    topic = of_type("AWS::SNS::Topic")["EventsTopic"]
    assert topic["FifoTopic"] is True
    assert topic["ContentBasedDeduplication"] is False
    assert topic["FifoThroughputScope"] == "MessageGroup"
    told = {
        named(s["Endpoint"]): s
        for s in of_type("AWS::SNS::Subscription").values()
        if s["Protocol"] == "sqs"
    }
    assert set(told) == {"ViewsQueue", "DeliveryQueue", "MembershipsQueue", "NotifyQueue"}
    for name, subscription in told.items():
        assert subscription["RawMessageDelivery"] is True
        if queues()[name].get("FifoQueue"):
            dead = named(subscription["RedrivePolicy"]["deadLetterTargetArn"])
            assert queues()[dead]["FifoQueue"] is True
    wanted = told["MembershipsQueue"]["FilterPolicy"]["topic"]
    assert sorted(wanted) == sorted(TrackMemberships.topics)
    assert told["NotifyQueue"]["FilterPolicy"] == {"notify": ["1"]}
