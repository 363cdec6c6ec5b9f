"""Operator's commands on a deployed stack, on moto.

Over 300 lines: the stack that moto imitates, on which every command runs, is nearly a third of it.
"""

import sys
from dataclasses import replace
from typing import Any, ClassVar

import boto3
import orjson
import pytest
from botocore.exceptions import ClientError

from adapters.dynamodb.table import Table
from adapters.memory.gateway import RecordingGateway
from domain.chat import Chat
from domain.consuming import Record
from domain.errors import Unauthenticated
from domain.log import EventLog, envelope
from domain.ports.consumers import Parked
from local import cli
from operations import resources, stack
from operations.common import OperationError
from operations.dead_letters import QUEUES
from tests.support.chat import person

NAME = "parley-test"


class Closing(RecordingGateway):
    closed: list[tuple[str, int]]

    def __init__(self, endpoint: str, session: Any) -> None:
        super().__init__()
        assert endpoint == "https://socket.example/dev"
        self.closed = []
        Closing.last = self

    def close(self, connection_id: str, code: int) -> None:
        self.closed.append((connection_id, code))

    last: "Closing"


class CloudFormation:
    """Describes stacks as AWS does; moto's needs packages that are not here."""

    stacks: ClassVar[dict[str, dict[str, str]]] = {}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName not in self.stacks:
            told = {"Code": "ValidationError", "Message": f"{StackName} does not exist"}
            raise ClientError({"Error": told}, "DescribeStacks")
        outputs = self.stacks[StackName].items()
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs]}]}


class Session(boto3.session.Session):  # type: ignore[misc]
    def client(self, service_name: Any, *arguments: Any, **more: Any) -> Any:
        if service_name == "cloudformation":
            return CloudFormation()
        return super().client(service_name, *arguments, **more)


@pytest.fixture(autouse=True)
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "Session", Session)
    monkeypatch.setattr(CloudFormation, "stacks", {"bare": {}})


def queue(sqs: Any, name: str, fifo: bool) -> str:
    attributes = {"FifoQueue": "true"} if fifo else {}
    suffix = ".fifo" if fifo else ""
    made: str = sqs.create_queue(QueueName=name + suffix, Attributes=attributes)["QueueUrl"]
    return made


class Deployed:
    """A stack as CloudFormation describes it, with a room of two in it."""

    def __init__(self, tables: dict[str, str]) -> None:
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        kms = boto3.client("kms", region_name="us-east-1")
        self.queues = {}
        for name in QUEUES:
            fifo = name not in ("Notify", "Presence")
            for kind in ("Queue", "DeadLetters"):
                self.queues[name + kind] = queue(self.sqs, f"{name}-{kind}", fifo)
        outputs = {
            **{f"{table.title()}Table": name for table, name in tables.items()},
            **self.queues,
            "VaultKey": kms.create_key()["KeyMetadata"]["Arn"],
            "SocketEndpoint": "https://socket.example/dev",
            **{
                name: queue(self.sqs, name, False)
                for name in ("RelayFailures", "ArchiveFailures", "SweepFailures")
            },
            "TopicArn": self.topic(),
            "ArchiveStream": self.archive(),
        }
        CloudFormation.stacks[NAME] = outputs
        self.time = 1_000_000.0
        self.operations = stack.open_stack(NAME, lambda: self.time)
        self.ports = self.operations._stack
        self.chat = Chat(replace(self.operations._chat.services, gateway=RecordingGateway()))
        self.ann, self.bob = person(self.chat, "ann"), person(self.chat, "bob")
        self.ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
        self.bob.send(action="join", room="lobby")
        self.bob.send(action="post", room="lobby", text="a secret word")
        self.fold("lobby", "u_ann", "u_bob")

    def topic(self) -> str:
        """Makes the events' topic, and a queue that hears it."""
        sns = boto3.client("sns", region_name="us-east-1")
        arn: str = sns.create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})[
            "TopicArn"
        ]
        url = self.queues["TopicQueue"] = queue(self.sqs, "topic", True)
        hears = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        sns.subscribe(
            TopicArn=arn,
            Protocol="sqs",
            Endpoint=hears["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        return arn

    def archive(self) -> str:
        """Makes the archive's stream and its bucket."""
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="archive")
        name = "archive"
        boto3.client("firehose", region_name="us-east-1").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/archive",
                "BucketARN": "arn:aws:s3:::archive",
            },
        )
        return name

    def stored(self, stream: str) -> list[Any]:
        return list(self.ports.log.recorder.select_events(stream))

    def fold(self, *streams: str) -> None:
        for stream in streams:
            found = [Record(str(i), envelope(e)) for i, e in enumerate(self.stored(stream))]
            assert self.chat.apply_records("project_views", found) == []

    def run(self, name: str, **arguments: Any) -> list[Any]:
        lines = list(self.operations.run(name, arguments, lambda done, total: None))
        return [orjson.loads(line) if line.startswith("{") else line for line in lines]

    def letter(self, name: str, body: bytes, group: str, id: str) -> None:
        fifo = self.queues[f"{name}DeadLetters"].endswith(".fifo")
        place = {"MessageGroupId": group, "MessageDeduplicationId": id} if fifo else {}
        self.sqs.send_message(
            QueueUrl=self.queues[f"{name}DeadLetters"],
            MessageBody=body.decode(),
            MessageAttributes={"topic": {"DataType": "String", "StringValue": "room.x"}},
            **place,
        )

    def waiting(self, name: str) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=self.queues[name],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))


@pytest.fixture
def deployed(dynamo: Any, tables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Deployed:
    monkeypatch.setattr(resources, "ApiGateway", Closing)
    # Nothing comes later: do not wait for it.
    monkeypatch.setattr("operations.dead_letters.WAIT", 0)
    # moto does not know the streams' addresses that have the account's id in them.
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    return Deployed(tables)


def test_events_and_views(deployed: Deployed) -> None:
    events = deployed.run("events", room="lobby")
    assert [event["version"] for event in events] == [1, 2, 3, 4]
    assert events[-1]["data"]["text"] == "a secret word"
    rows = deployed.run("views")
    assert rows[0]["room"] == "lobby"
    assert {row["person"] for row in rows if "person" in row} == {"u_ann", "u_bob"}
    assert "secret" not in str(rows)
    with pytest.raises(OperationError, match="no log named nowhere"):
        deployed.run("events", room="nowhere")


def test_a_rebuild_makes_the_same_views(deployed: Deployed) -> None:
    before = deployed.run("views")
    said = deployed.run("rebuild")
    assert said == ["8 events of 3 streams folded"]
    assert deployed.run("views") == before
    run = deployed.ports.generations.generation("R#lobby")
    assert run == 1_000_000_000
    assert deployed.run("rebuild", resume=run) == ["0 events of 3 streams folded"]


def test_views_that_were_lost_are_folded_from_the_log(deployed: Deployed) -> None:
    before = deployed.run("views")
    deployed.ports.views.clear()
    deployed.run("rebuild")
    assert deployed.run("views") == before


def test_a_rebuild_that_is_cut_off_says_how_to_go_on(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild = deployed.operations._rebuilding.rebuild
    done: list[str] = []

    def fail_once(stream: str, run: int) -> int:
        if len(done) == 1:
            done.append("the line was cut")
            raise OSError("the line was cut")
        done.append(stream)
        return rebuild(stream, run)

    monkeypatch.setattr(deployed.operations._rebuilding, "rebuild", fail_once)
    lines: list[str] = []
    with pytest.raises(OperationError, match=r"^the line was cut$"):
        lines.extend(deployed.operations.run("rebuild", {}, lambda done, total: None))
    assert lines == ["1 of 3 streams are done; --resume 1000000000 continues from there"]
    deployed.time += 5
    assert deployed.run("rebuild", resume=1_000_000_000)[0].startswith("4 events of 3")


def test_dead_letters_are_listed_without_their_texts_and_stay(deployed: Deployed) -> None:
    assert deployed.run("dead-letters-list") == []
    deployed.ports.progress.park(Parked("project_views", "lobby", 3, "KeyError", "then"))
    for stored in deployed.stored("lobby")[2:]:
        version = stored.originator_version
        deployed.letter("Views", envelope(stored), "lobby", f"lobby:{version}")
    deployed.letter("Presence", b'{"user": "u_bob", "rooms": []}', "", "")
    deployed.sqs.send_message(QueueUrl=deployed.ports.output("RelayFailures"), MessageBody="{}")
    for _ in range(2):
        listed = deployed.run("dead-letters-list")
        assert listed == [
            {
                "consumer": "project_views", "stream": "lobby", "version": 3,
                "reason": "KeyError", "at": "then",
            },
            {"queue": "Views", "dead_letters": 2},
            {"queue": "Views", "stream": "lobby", "version": 3},
            {"queue": "Views", "stream": "lobby", "version": 4},
            {"queue": "Presence", "dead_letters": 1},
            {"queue": "Presence", "stream": None, "version": None},
            {"queue": "RelayFailures", "dead_letters": 1},
        ]  # fmt: skip


def test_dead_letters_are_redriven(deployed: Deployed) -> None:
    deployed.ann.send(action="post", room="lobby", text="not folded yet")
    deployed.ports.progress.park(Parked("project_views", "lobby", 3, "KeyError", "then"))
    deployed.ports.progress.park(Parked("deliver", "lobby", 3, "KeyError", "then"))
    deployed.ports.progress.park(Parked("track_memberships", "lobby", 3, "KeyError", "then"))
    body = envelope(deployed.stored("lobby")[4])
    deployed.letter("Delivery", body, "lobby", "lobby:5")
    deployed.letter("Notify", body, "", "")
    said = deployed.run("dead-letters-redrive")
    assert said == [
        "3 parked events redriven, 0 left",
        "Delivery: about 1 dead letters, 1 sent back",
        "Notify: about 1 dead letters, 1 sent back",
    ]
    assert deployed.run("dead-letters-list") == []
    assert deployed.ports.generations.generation("R#lobby") > 0
    assert (deployed.ports.views.header("lobby") or {})["version"] == 5
    (message,) = deployed.waiting("DeliveryQueue")
    assert message["Body"].encode() == body
    assert message["Attributes"]["MessageGroupId"] == "lobby"
    assert message["Attributes"]["MessageDeduplicationId"] == "lobby:5:1000000000"
    assert message["MessageAttributes"]["topic"]["StringValue"] == "room.x"
    (message,) = deployed.waiting("NotifyQueue")
    assert message["Body"].encode() == body
    # The person's own log heard of the room again, or for the first time.
    assert [e["type"] for e in deployed.run("events", room="u_bob")].count("RoomGained") == 1


def test_erasing_a_person(deployed: Deployed) -> None:
    services = deployed.chat.services
    assert deployed.run("erase", user="u_bob") == ["u_bob is erased"]
    assert deployed.run("events", room="lobby")[-1]["data"]["text"] is None
    assert Closing.last.closed == [("bob", 4401)]
    with pytest.raises(Exception, match="session"):
        deployed.chat.sessions.who(deployed.bob.token)
    assert services.vault.open(deployed.ports.log.read("u_bob").name) is None  # type: ignore[attr-defined]
    assert deployed.run("erase", user="u_bob") == ["u_bob was erased before"]
    for nobody in ("u_nobody", "lobby"):
        with pytest.raises(OperationError, match="no person"):
            deployed.run("erase", user=nobody)


def test_signing_a_person_out(deployed: Deployed) -> None:
    sessions = deployed.chat.sessions
    ticket = sessions.ticket(deployed.bob.token)
    session = sessions.redeem(sessions.ticket(deployed.bob.token))
    said = deployed.run("sign-out", user="u_bob")
    assert said == ["u_bob is signed out: 1 sessions ended, 1 connections closed"]
    assert Closing.last.closed == [("bob", 4401)]
    assert deployed.run("events", room="u_bob")[-1]["type"] == "SessionEnded"
    # What was underway is too late; the functions have caches of their own.
    late = Chat(replace(deployed.chat.services, log=EventLog(*recorders(deployed))))
    for refused in (
        lambda: sessions.who(deployed.bob.token),
        lambda: sessions.redeem(ticket),
        lambda: late.connect("late", session),
    ):
        with pytest.raises(Unauthenticated):
            refused()
    # What they wrote is there, and others stay.
    assert deployed.run("events", room="lobby")[-1]["data"]["text"] == "a secret word"
    assert sessions.who(deployed.ann.token).user == "u_ann"
    assert deployed.run("sign-out", user="u_bob")[0].startswith("u_bob is signed out: 0 sessions")
    for nobody in ("u_nobody", "lobby"):
        with pytest.raises(OperationError, match="no person"):
            deployed.run("sign-out", user=nobody)


def test_signing_out_and_redriving_ask_for_no_key(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> bytes:
        raise AssertionError("the vault is closed")

    monkeypatch.setattr(resources, "stack_master_key", closed)
    batch_letter(deployed, "ArchiveFailures")
    operations = stack.open_stack(NAME, lambda: deployed.time)
    for name, arguments in (("sign-out", {"user": "u_bob"}), ("dead-letters-redrive", {})):
        said = list(operations.run(name, arguments, lambda done, total: None))
        assert ("1 sessions ended" in said[-1]) or ("1 letters done" in said[-1])


def recorders(deployed: Deployed) -> tuple[Any, Any]:
    log = deployed.ports.log
    return log.recorder, log.snapshots


def batch_letter(deployed: Deployed, queue: str) -> None:
    """Gives a queue the letter of the last event that was appended."""
    streams = deployed.ports.client("dynamodbstreams")
    name = deployed.ports.output("EventsTable")
    (stream,) = streams.list_streams(TableName=name)["Streams"]
    arn = stream["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    last = streams.get_records(ShardIterator=iterator)["Records"][-1]["dynamodb"]
    info = {
        "shardId": shard["ShardId"], "streamArn": arn, "batchSize": 1,
        "startSequenceNumber": last["SequenceNumber"],
        "endSequenceNumber": last["SequenceNumber"],
        "approximateArrivalOfFirstRecord": "2026-01-02T03:04:05Z",
        "approximateArrivalOfLastRecord": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    deployed.sqs.send_message(
        QueueUrl=deployed.ports.output(queue),
        MessageBody=orjson.dumps({"DDBStreamBatchInfo": info}).decode(),
    )


def test_what_the_streams_readers_gave_up_is_handed_on(deployed: Deployed) -> None:
    """The parts are looked at in test_stream_failures.py."""
    version = deployed.ann.send(action="post", room="lobby", text="told late")[-1]["version"]
    for name in ("RelayFailures", "ArchiveFailures"):
        batch_letter(deployed, name)
    for _ in range(2):
        deployed.sqs.send_message(
            QueueUrl=deployed.ports.output("SweepFailures"), MessageBody='{"source": "aws.events"}'
        )
    assert [row["queue"] for row in deployed.run("dead-letters-list")] == [
        "ArchiveFailures", "RelayFailures", "SweepFailures",
    ]  # fmt: skip
    assert deployed.run("dead-letters-redrive") == [
        "0 parked events redriven, 0 left",
        "ArchiveFailures: 1 letters done, 1 events told again",
        "RelayFailures: 1 letters done, 1 events told again",
        "SweepFailures: 2 letters deleted: the next sweep does the same work",
    ]
    assert deployed.run("dead-letters-list") == []
    (told,) = deployed.waiting("TopicQueue")
    assert told["Attributes"]["MessageGroupId"] == "lobby"
    assert (orjson.loads(told["Body"])["stream"], orjson.loads(told["Body"])["version"]) == (
        "lobby",
        version,
    )
    assert "secret" not in told["Body"]
    (row,) = archived(deployed)
    assert (row["log"], row["version"]) == ("lobby", version)


def test_a_topic_that_takes_nothing_leaves_its_letter(deployed: Deployed) -> None:
    deployed.ann.send(action="post", room="lobby", text="told late")
    for name in ("RelayFailures", "ArchiveFailures"):
        batch_letter(deployed, name)
    sns = deployed.ports.client("sns")
    sns.delete_topic(TopicArn=deployed.ports.output("TopicArn"))
    assert deployed.run("dead-letters-redrive")[1:] == [
        "ArchiveFailures: 1 letters done, 1 events told again",
        "RelayFailures: 0 letters done, 0 events told again, 1 kept: not all was taken",
    ]
    assert deployed.run("dead-letters-list") == [{"queue": "RelayFailures", "dead_letters": 1}]


def archived(deployed: Deployed) -> list[Any]:
    s3 = deployed.ports.client("s3")
    found = []
    for one in s3.list_objects_v2(Bucket="archive").get("Contents", []):
        body = s3.get_object(Bucket="archive", Key=one["Key"])["Body"].read()
        found += [orjson.loads(line) for line in body.splitlines()]
    return found


def failed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("parley: ")
    assert error.count("\n") == 1
    return error


def test_the_command_line(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["events", "lobby", "--stack", NAME]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert cli.main(["dead-letters", "list", "--stack", NAME]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["rebuild", "--stack", NAME]) == 0
    assert "events of 3 streams folded" in capsys.readouterr().out


def test_complaints_are_one_plain_line(
    dynamo: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "does not exist" in failed(capsys, "views", "--stack", "no-such-stack")
    assert "no output EventsTable" in failed(capsys, "views", "--stack", "bare")
    assert "--resume is for a stack" in failed(capsys, "rebuild", "--resume", "5")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "region" in failed(capsys, "views", "--stack", "bare")
    monkeypatch.delitem(sys.modules, "operations.stack")
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    assert "pip install parley[aws]" in failed(capsys, "views", "--stack", "bare")


def lose(deployed: Deployed, *versions: int) -> None:
    table = deployed.ports.table("EventsTable")
    for version in versions:
        assert table.delete({"log": "lobby", "version": version})


def restored(deployed: Deployed) -> str:
    """Makes a table of what is in the log now, as point-in-time recovery does; returns its name."""
    events = deployed.ports.table("EventsTable")
    dynamodb = deployed.ports.client("dynamodb")
    schema = dynamodb.describe_table(TableName=events.name)["Table"]
    name = "events-restored"
    dynamodb.create_table(
        TableName=name,
        KeySchema=schema["KeySchema"],
        AttributeDefinitions=schema["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
    )
    for item in events.every():
        Table(dynamodb, name).put(item)
    return name


def test_lost_events_are_put_back_and_nothing_else_is_touched(deployed: Deployed) -> None:
    source = restored(deployed)
    deployed.ann.send(action="post", room="lobby", text="newer than the restored table")
    whole = deployed.stored("lobby")
    lose(deployed, 2, 4)
    events = deployed.ports.table("EventsTable")
    kept = {**(events.get({"log": "lobby", "version": 3}) or {}), "topic": "room.changed-since"}
    events.put(kept)
    everything = sum(len(deployed.stored(log)) for log in ("lobby", "u_ann", "u_bob"))
    said = deployed.run("restore", source=source)
    assert said == [
        "lobby: events in the log differ at 3",
        f"2 events put back, {everything - 2} were there, 1 differ, of 3 logs",
    ]
    assert events.get({"log": "lobby", "version": 3}) == kept
    assert [e for e in deployed.stored("lobby") if e.originator_version != 3] == [
        e for e in whole if e.originator_version != 3
    ]
    # Again, and there is nothing to do.
    assert deployed.run("restore", source=source)[-1].startswith("0 events put back")


def test_the_archive_fills_the_log_and_what_is_nowhere_is_named(
    deployed: Deployed, tmp_path: Any
) -> None:
    whole = deployed.stored("lobby")
    rows = [
        {
            "log": "lobby", "version": e.originator_version, "topic": e.topic,
            "state": e.state.decode(),
        }
        for e in whole
        if e.originator_version != 3
    ]  # fmt: skip
    # Rows come twice and in any order.
    (tmp_path / "part-1").write_bytes(b"\n".join(map(orjson.dumps, [*rows[::-1], rows[0]])))
    lose(deployed, *(event.originator_version for event in whole))
    assert deployed.run("restore", source=str(tmp_path)) == [
        "lobby: still missing 3",
        "3 events put back, 0 were there, 0 differ, of 1 logs",
    ]
    assert deployed.stored("lobby") == [e for e in whole if e.originator_version != 3]


def test_a_stack_is_not_restored_from_itself_nor_a_folder_from_a_stack(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    own = deployed.ports.output("EventsTable")
    assert "own table" in failed(capsys, "restore", own, "--stack", NAME)
    assert "is for a stack" in failed(capsys, "restore", "somewhere")
    assert "ResourceNotFoundException" in failed(capsys, "restore", "no-table", "--stack", NAME)
