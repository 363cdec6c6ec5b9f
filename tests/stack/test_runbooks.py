"""The runbooks' commands, run in order on a stack that is in the trouble they are about.

Over 300 lines: one test for each runbook, over the same reader of its commands.

Blocks that MiniStack cannot run are marked in the runbooks; tests/unit/test_runbooks.py lists
them.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from domain.log import envelope
from tests.server.harness import OPTIONS, ROOT, Party, texts, until
from tests.stack.harness import StackServer
from tests.stack.test_operating import PATIENCE, listed, operate, parked, shown
from tests.support.runbooks import blocks, functions
from tools.stack.deploying import NAME, Clients

# Each starts dozens of command lines: minutes in all, so they have a door of their own.
pytestmark = pytest.mark.runbooks

CLI = ROOT / ".tools" / "aws" / "bin"
HERE = """aws() {
    if [ "$1" = sqs ]; then set -- --endpoint-url "$AWS_ENDPOINT_URL" "$@"; fi
    command aws "$@"
}
"""
"""Version 1 of the command line looks for SQS at its old name, whatever the environment says."""
FAST = 90.0
"""Seconds that a block may take on a busy machine."""


class Book:
    """A runbook in an operator's hands, who does it block by block."""

    def __init__(self, name: str, server: StackServer, folder: Path) -> None:
        self._blocks = [block.text for block in blocks(name) if block.reason is None]
        if name == "README.md":
            del self._blocks[0]
        self._folder = folder
        environment = server.stack.emulator.environment()
        resources = server.client("cloudformation").describe_stack_resources(StackName=NAME)
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), str(CLI), environment["PATH"]])
        self._environment = {**environment, "PATH": path, "STACK": NAME}
        if name != "README.md":
            # What the functions ask first, once for all: the command line takes a second to start.
            self._environment |= {
                "OUTPUTS": _table(server.stack.outputs.items()),
                "RESOURCES": _table(
                    (one["LogicalResourceId"], one["PhysicalResourceId"])
                    for one in resources["StackResources"]
                ),
            }

    def step(self, words: str, **variables: Any) -> str:
        """Runs the next block, which has these words; returns what it printed."""
        text = self._blocks.pop(0)
        assert words in text, f"the next block is another one:\n{text}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", HERE + functions() + text],
            cwd=self._folder,
            env=self._environment | {name: str(value) for name, value in variables.items()},
            capture_output=True,
            text=True,
            timeout=FAST,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def end(self) -> None:
        assert self._blocks == [], "blocks that nobody ran"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join("\t".join(row) for row in rows)


@pytest.fixture
def party(server: StackServer) -> Iterator[Party]:
    if not (CLI / "aws").exists():
        pytest.skip("the AWS CLI is not installed: make .stamps/aws")
    party = Party(server)
    yield party
    party.close()


def item(server: StackServer, room: str, version: int) -> dict[str, Any]:
    found = server.table("EventsTable").get({"log": room, "version": version})
    assert found is not None
    return found


def after(held: dict[str, Any], by: int) -> dict[str, Any]:
    """Returns a message as a later one."""
    state = json.loads(held["state"])
    later = {**state, "n": state["n"] + by}
    return {**held, "version": held["version"] + by, "state": json.dumps(later)}


def waiting(server: StackServer, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    answer = server.client("sqs").get_queue_attributes(
        QueueUrl=server.named(queue), AttributeNames=[name]
    )
    return int(answer["Attributes"][name])


def sequence(server: StackServer, room: str, version: int) -> tuple[str, str]:
    """Returns the shard of an event in the table's stream and its place there."""
    streams, arn = server.client("dynamodbstreams"), server.named("EventsStreamArn")
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    for shard in described["Shards"]:
        id = shard["ShardId"]
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=id, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in streams.get_records(ShardIterator=iterator)["Records"]:
            keys = record["dynamodb"]["Keys"]
            if (keys["log"]["S"], keys["version"]["N"]) == (room, str(version)):
                return id, record["dynamodb"]["SequenceNumber"]
    raise AssertionError("the event is not in the stream")


def test_dead_letters(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("dead-letters.md", server, tmp_path)
    room, (ann, _), (tab, other) = party.tabs("Ann", "Bob")
    version = tab.ok("post", room=room, text="told once")
    other.event(room, version)
    held = item(server, room, version)
    stored = StoredEvent(room, version, held["topic"], held["state"].encode())
    sqs = server.client("sqs")
    sqs.send_message(
        QueueUrl=server.named("ViewsDeadLetters"),
        MessageBody=envelope(stored).decode(),
        MessageGroupId=room,
        MessageDeduplicationId=f"{room}:{version}",
    )
    other.so_far()
    shard, place = sequence(server, room, version)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    batch = {
        "shardId": shard,
        "startSequenceNumber": place,
        "endSequenceNumber": place,
        "approximateArrivalOfFirstRecord": now,
        "approximateArrivalOfLastRecord": now,
        "batchSize": 1,
        "streamArn": server.named("EventsStreamArn"),
    }
    failures = ("RelayFailures", "ArchiveFailures", "SweepFailures")
    for queue in failures:
        body = json.dumps({"DDBStreamBatchInfo": batch})
        sqs.send_message(QueueUrl=server.named(queue), MessageBody=body)

    said = book.step("dead-letters list")
    assert f'"stream":"{room}","version":{version}' in said
    assert '{"queue":"RelayFailures","dead_letters":1}' in said
    assert "told once" not in said
    said = book.step("redrive")
    assert "Views: about 1 dead letters" in said
    for queue in failures[:2]:
        assert f"{queue}: 1 letters done, 1 events told again\n" in said
    assert "SweepFailures: 1 letters deleted" in said
    said = book.step("send-message", SINCE=now, UPTO=now, QUEUE="ArchiveFailures")
    assert "ArchiveFailures: 1 letters done" in said
    assert " kept" not in said
    assert book.step("dead-letters list") == ""
    book.end()
    assert [waiting(server, q) for q in ("ViewsDeadLetters", *failures)] == [0, 0, 0, 0]
    # What was sent back was known, and done once.
    assert shown(ann, room) == ["told once"]
    assert [frame for frame in other.so_far() if frame["type"] == "events"] == []


def test_parked_events(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("parked-events.md", server, tmp_path)
    room, (ann, _), (tab, other) = party.tabs("Ann", "Bob")
    version = tab.ok("post", room=room, text="said")
    other.event(room, version)
    held = item(server, room, version)
    later = after(held, 1)
    server.table("EventsTable").put({**later, "topic": "room.message-of-tomorrow"})
    until(lambda: any(row["consumer"] == "project_views" for row in parked(server, room)), PATIENCE)

    assert f'"stream":"{room}","version":{version + 1}' in book.step("dead-letters list")
    said = book.step("get-item", ROOM=room, VERSION=version + 1)
    assert said == "room.message-of-tomorrow\n"
    # A release that knows it.
    server.table("EventsTable").put(later)
    assert "0 left" in book.step("redrive")
    assert book.step("dead-letters list") == ""
    assert '"said"' in book.step("parley events", ROOM=room, VERSION=version + 1)
    book.end()
    assert shown(ann, room) == ["said", "said"]


def test_iterator_age(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("iterator-age.md", server, tmp_path)
    room, (ann, _), (tab, other) = party.tabs("Ann", "Bob")
    version = tab.ok("post", room=room, text="said")
    other.event(room, version)
    until(lambda: listed(ann, room)["head"] == version, PATIENCE)
    functions_of = server.client("lambda")
    relay = server.physical("RelayEventsSource")
    functions_of.update_event_source_mapping(UUID=relay, Enabled=False)
    functions_of.put_function_concurrency(
        FunctionName=server.function("ArchiveEventsFunction"), ReservedConcurrentExecutions=0
    )
    # Of a writer that died right after the append: nobody published it but the relay, some day.
    until(
        lambda: functions_of.get_event_source_mapping(UUID=relay)["State"] == "Disabled", PATIENCE
    )
    server.table("EventsTable").put(after(item(server, room, version), 1))
    time.sleep(1.0)
    assert listed(ann, room)["head"] == version

    said = book.step("get-event-source-mapping")
    assert "Disabled" in said
    assert "\n0\n" in said
    book.step("--enabled")
    book.step("delete-function-concurrency")
    book.step("filter-log-events")
    until(lambda: listed(ann, room)["head"] == version + 1, PATIENCE)
    assert "folded" in book.step("parley rebuild")
    book.step("= Enabled")
    book.end()
    assert shown(ann, room) == ["said", "said"]
    assert other.event(room, version + 1)["data"]["text"] == "said"


def test_restore_from_a_point_in_time(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("restore.md", server, tmp_path)
    room, (ann, bob), (tab, other) = party.tabs("Ann", "Bob")
    for text in ("one", "two"):
        tab.ok("post", room=room, text=text)
    last = other.ok("post", room=room, text="forget me")
    tab.event(room, last)
    events = server.table("EventsTable")
    before = [item(server, room, version) for version in range(1, last + 1)]

    book.step("describe-continuous-backups")
    book.step("put-function-concurrency")
    # MiniStack does not hold API Gateway to it.
    stopped = server.client("lambda").get_function_concurrency(
        FunctionName=server.function("SocketMessageFunction")
    )
    assert stopped["ReservedConcurrentExecutions"] == 0
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    book.step("restore-table-to-point-in-time", WHEN=now)
    # MiniStack restores what is there now: so the damage comes after, and Bob's erasure too.
    for version in (1, 4, last):
        assert events.delete({"log": room, "version": version})
    assert operate(server, "erase", bob.id) == [f"{bob.id} is erased"]
    said = book.step("parley restore")
    assert said.startswith("3 events put back"), said
    assert "0 differ" in said
    assert [item(server, room, version) for version in range(1, last + 1)] == before
    book.step("rebuild")
    book.step("delete-function-concurrency")
    assert book.step("tail -1").startswith("0 events put back")
    rows = [json.loads(line) for line in book.step("tail -3", ROOM=room).splitlines()]
    assert texts(rows) == ["one", "two", None]
    assert book.step("destroyed.BOOL", ERASED=bob.id, ROOM=room) == "True\n"
    book.step("delete-table")
    book.end()
    # What was said last may be shown from a warm function's memory, for five minutes.
    assert shown(ann, room)[:2] == ["one", "two"]
    assert tab.ok("post", room=room, text="goes on") == last + 1


def test_region_loss(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("region-loss.md", server, tmp_path)
    room, (ann, _), (tab, other) = party.tabs("Ann", "Bob")
    last = [tab.ok("post", room=room, text=f"number {n}") for n in range(3)][-1]
    other.event(room, last)
    away = "eu-west-1"
    assert book.step("healthz") == "200\n"
    assert book.step("replicate-key", AWAY=away).splitlines()[-1] == server.named("KeysTable")
    told = dict(line.split("=", 1) for line in book.step("EventsStreamArn", AWAY=away).splitlines())
    assert told["VaultKey"].split(":")[3] == told["EventsStreamArn"].split(":")[3] == away
    # Another region has the events, and the keys to read them with.
    there = Clients(server.stack.emulator, away)("dynamodb")
    for table, key in (
        ("EventsTable", {"log": {"S": room}, "version": {"N": str(last)}}),
        ("KeysTable", {"user": {"S": ann.id}}),
    ):
        found = there.get_item(TableName=told[table], Key=key)["Item"]
        assert found == server.client("dynamodb").get_item(TableName=told[table], Key=key)["Item"]

    # What Athena's UNLOAD writes of the archive; test_operating shows that it equals the log.
    before = [item(server, room, version) for version in range(1, last + 1)]
    (tmp_path / "rows").mkdir()
    lines = [json.dumps(one, default=int) for one in reversed(before)]
    (tmp_path / "rows" / "part-0").write_text("\n".join(lines))
    for version in range(1, last + 1):
        server.table("EventsTable").delete({"log": room, "version": version})

    book.step("--no-enabled")
    assert book.step("gaps(events)") == f"{last} events; 0 logs have gaps\n"
    assert book.step("parley restore").startswith(f"{last} events put back")
    assert [item(server, room, version) for version in range(1, last + 1)] == before
    book.step("parley rebuild")
    book.step("purge-queue")
    said = book.step("healthz", ROOM=room)
    assert said.startswith("200\n")
    assert said.count('"number ') == 3
    book.end()
    assert shown(ann, room) == ["number 0", "number 1", "number 2"]


def test_a_leaked_token(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("leaked-ticket.md", server, tmp_path)
    _, (ann, bob), (_, other) = party.tabs("Ann", "Bob")
    assert book.step("sha256", TOKEN=ann.token) == f"{ann.id}\n"
    assert "SessionStarted" in book.step("parley events", PERSON=bob.id)
    book.step("DELETE", TOKEN=ann.token)
    assert ann.http("GET", "/api/rooms").status in (401, 403)
    ticket = bob.ticket()
    said = book.step("sign-out", PERSON=bob.id)
    assert said == f"{bob.id} is signed out: 1 sessions ended, 1 connections closed\n"
    assert bob.http("GET", "/api/rooms").status in (401, 403)
    with pytest.raises(InvalidStatus):
        connect(ticket, **OPTIONS)
    assert other.close_code() in (1000, 1001, 1005, 1006, 4401)
    until(lambda: not server.connections.of_user(bob.id), PATIENCE)
    code, count = book.step("http_code", PERSON=bob.id, TOKEN=bob.token).split()
    assert code in ("401", "403")
    assert count == "0"
    book.end()


def test_a_throttled_room(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("throttled-room.md", server, tmp_path)
    room, (ann, _), (tab, _) = party.tabs("Ann", "Bob")
    for number in range(12):
        tab.ok("post", room=room, text=f"flood {number}")
    assert "EventsTable WriteThrottleEvents" in book.step("get-metric-statistics")
    assert "ENABL" in book.step("ENABLE")
    said = book.step("most_common", ROOM=room)
    assert f"15 {ann.id}" in said, said
    assert "DISABL" in book.step("DISABLE")
    book.end()


def test_the_index(party: Party, server: StackServer, tmp_path: Path) -> None:
    book = Book("README.md", server, tmp_path)
    assert book.step("describe-alarms") == ""
    book.step("filter-log-events")
    version, *_ = book.step("get-alias").split()
    assert version.isdigit()
    book.end()
