"""Notices of mentions and direct messages: to whom, once, and nothing of what was said."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from eventsourcing.utils import TopicError

from adapters.memory.once import MemoryOnce
from adapters.messaging.notices import MailNotices, TopicNotices, room_url
from domain.chat import Chat
from domain.errors import Throttled
from domain.log import envelope
from domain.ports.outbound import Notice
from tests.functional.handlers.scene import configured
from tests.support.chat import Someone, admit, memory_chat, person, run_consumers
from tests.support.dynamodb import fake_credentials

TEXT = "@bob @cy planted-words"


class Notices:
    """Keeps notices; fails as it is told, call by call."""

    def __init__(self, channel: str = "topic", *script: Exception | None) -> None:
        self.channel = channel
        self.script = list(script)
        self.sent: list[Notice] = []

    def notify(self, notice: Notice) -> None:
        problem = self.script.pop(0) if self.script else None
        if problem:
            raise problem
        self.sent.append(notice)


class World:
    """Ann, Bob and Cy in the lobby, Ann and Bob alone in the den."""

    def __init__(self, *notifiers: Notices) -> None:
        plain = memory_chat()
        self.chat: Chat = configured(plain, once=MemoryOnce(), notifiers=notifiers)
        self.ann, self.bob, self.cy = (person(plain, name) for name in ("ann", "bob", "cy"))
        services = plain.services
        for name in ("ann", "bob", "cy"):
            pseudonym = services.vault.blind(f"nickname:{name}")
            services.accounts.claim_nickname(pseudonym, f"u_{name}", services.seconds())
        self.ann.send(action="create_room", room="lobby", name="The lobby", kind="public")
        for someone in (self.bob, self.cy):
            someone.send(action="join", room="lobby")
        self.ann.send(action="create_room", room="den-222222222222", name="The den", kind="private")
        admit(self.ann, self.bob, "den-222222222222")
        run_consumers(plain, ["project_views"])

    def post(self, who: Someone, room: str, text: str) -> bytes:
        (answer,) = who.send(action="post", room=room, text=text)
        return self.body(room, answer["version"])

    def body(self, room: str, version: int) -> bytes:
        recorder = self.chat.services.log.recorder
        (stored,) = recorder.select_events(room, gt=version - 1, limit=1)
        return envelope(stored)


def test_those_whom_a_message_names_are_told_once() -> None:
    notices = Notices()
    world = World(notices)
    body = world.post(world.ann, "lobby", TEXT)
    for _ in range(3):
        world.chat.notify(body)
    assert notices.sent == [
        Notice(user, "mention", "lobby", 5, "The lobby") for user in ("u_bob", "u_cy")
    ]


def test_who_looks_at_the_room_is_not_told() -> None:
    notices = Notices()
    world = World(notices)
    world.bob.sync(lobby=None)
    world.chat.notify(world.post(world.ann, "lobby", TEXT))
    assert [notice.user for notice in notices.sent] == ["u_cy"]


def test_a_direct_message_is_told_to_the_other_one() -> None:
    notices = Notices()
    world = World(notices)
    world.chat.notify(world.post(world.bob, "den-222222222222", "hello"))
    assert notices.sent == [Notice("u_ann", "direct", "den-222222222222", 5, "The den")]


def test_a_mention_among_three_in_a_private_room_is_no_direct_message() -> None:
    notices = Notices()
    world = World(notices)
    admit(world.ann, world.cy, "den-222222222222")
    run_consumers(world.chat, ["project_views"])
    world.chat.notify(world.post(world.ann, "den-222222222222", "@bob hello"))
    assert notices.sent == [Notice("u_bob", "mention", "den-222222222222", 7, "The den")]


def test_what_names_nobody_tells_nobody() -> None:
    notices = Notices()
    world = World(notices)
    world.chat.notify(world.post(world.ann, "lobby", "hello"))
    world.chat.notify(world.body("lobby", 1))
    assert notices.sent == []


def test_an_edit_and_folding_anew_tell_nobody() -> None:
    notices = Notices()
    world = World(notices)
    world.chat.notify(world.post(world.ann, "lobby", "hello"))
    (answer,) = world.ann.send(action="edit", room="lobby", version=5, text=TEXT)
    world.chat.notify(world.body("lobby", answer["version"]))
    for consumer in world.chat.consuming.values():
        consumer.redrive("lobby")
    assert notices.sent == []


def test_before_the_views_know_the_room_it_has_no_name() -> None:
    notices = Notices()
    world = World(notices)
    body = world.post(world.ann, "lobby", "@bob")
    world.chat.services.views.clear()
    world.chat.notify(body)
    assert notices.sent == [Notice("u_bob", "mention", "lobby", 5, None)]


def test_what_was_surely_not_sent_is_sent_when_the_event_comes_again() -> None:
    topic, mail = Notices("topic"), Notices("mail", Throttled())
    world = World(topic, mail)
    body = world.post(world.ann, "lobby", TEXT)
    with pytest.raises(Throttled):
        world.chat.notify(body)
    # The failure held up nobody else, and the other way is not gone twice.
    assert [notice.user for notice in mail.sent] == ["u_cy"]
    world.chat.notify(body)
    assert [notice.user for notice in mail.sent] == ["u_cy", "u_bob"]
    assert [notice.user for notice in topic.sent] == ["u_bob", "u_cy"]


def test_what_may_have_been_sent_is_not_sent_again() -> None:
    mail = Notices("mail", ReadTimeoutError(endpoint_url="x"))
    world = World(mail)
    body = world.post(world.ann, "lobby", "@bob")
    with pytest.raises(ReadTimeoutError):
        world.chat.notify(body)
    world.chat.notify(body)
    assert mail.sent == []


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"stream":"lobby","version":1,"topic":"no",'
                                  '"state":{}}'])  # fmt: skip
def test_what_cannot_be_read_raises(body: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, TopicError)):
        World(Notices()).chat.notify(body)


# The adapters

DIRECT = Notice("u_bob", "direct", "den-222222222222", 5, "The den")
MENTION = Notice("u_bob", "mention", "lobby", 5, None)


def test_a_rooms_address() -> None:
    assert room_url("https://chat.example/", "lobby") == "https://chat.example/#/lobby"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3
    from moto import mock_aws

    fake_credentials(monkeypatch)
    with mock_aws():
        yield boto3


def test_the_topic_gets_no_words(aws: Any) -> None:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="notifications")["TopicArn"]
    url = sqs.create_queue(QueueName="programs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"],
                  Attributes={"RawMessageDelivery": "true"})  # fmt: skip
    TopicNotices(sns, topic, "https://chat.example").notify(DIRECT)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {
        "user": "u_bob", "kind": "direct", "room": "den-222222222222", "version": 5,
        "url": "https://chat.example/#/den-222222222222",
    }  # fmt: skip


class FakeMail:
    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **arguments: Any) -> None:
        if self.problem:
            raise self.problem
        self.sent.append(arguments)


def mail(client: FakeMail, address: str | None = "bob@example.org") -> MailNotices:
    return MailNotices(
        client,
        "parley@example.org",
        "https://chat.example",
        lambda user: address,
        lambda user: f"{user}.digest",
    )


def test_a_mail_names_the_room_and_links_to_it() -> None:
    client = FakeMail()
    mail(client).notify(DIRECT)
    mail(client).notify(MENTION)
    first, second = client.sent
    assert first["Destination"] == {"ToAddresses": ["bob@example.org"]}
    assert first["FromEmailAddress"] == "parley@example.org"
    shown = first["Content"]["Simple"]
    assert shown["Subject"]["Data"] == "You have a message in The den"
    assert "https://chat.example/#/den-222222222222" in shown["Body"]["Text"]["Data"]
    end = "https://chat.example/api/unsubscribe?token=u_bob.digest"
    assert end in shown["Body"]["Text"]["Data"]
    assert {header["Name"]: header["Value"] for header in shown["Headers"]} == {
        "List-Unsubscribe": f"<{end}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert second["Content"]["Simple"]["Subject"]["Data"] == "You were mentioned"


def test_who_has_no_address_gets_no_mail() -> None:
    client = FakeMail()
    mail(client, None).notify(DIRECT)
    assert client.sent == []


def refused(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendEmail")


@pytest.mark.parametrize("problem", [
    refused("TooManyRequestsException", 429), refused("LimitExceededException", 400),
    refused("Throttling", 400), refused("ServiceUnavailable", 503),
    EndpointConnectionError(endpoint_url="x"),
])  # fmt: skip
def test_what_ses_surely_did_not_take_is_throttled(problem: Exception) -> None:
    with pytest.raises(Throttled):
        mail(FakeMail(problem)).notify(DIRECT)


@pytest.mark.parametrize("problem", [
    refused("MessageRejected", 400), refused("InternalFailure", 500),
    ReadTimeoutError(endpoint_url="x"),
])  # fmt: skip
def test_what_ses_may_have_taken_or_never_will_is_raised_as_it_is(problem: Exception) -> None:
    with pytest.raises(type(problem)):
        mail(FakeMail(problem)).notify(DIRECT)
