"""What a message costs on AWS while the process is warm: one write, no read (rule 4)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from adapters.dynamodb.allowances import SharedAllowances
from adapters.dynamodb.events import DynamoEvents
from adapters.dynamodb.keys import DynamoKeys
from adapters.dynamodb.snapshots import DynamoSnapshots
from adapters.dynamodb.table import Table
from adapters.memory.limiter import TokenBuckets
from adapters.vault.aes import AesVault
from adapters.vault.pycryptodome import PyCryptodomeCipher
from domain.chat import Chat, Services
from domain.executing import DirectExecutor
from domain.log import EventLog
from tests.support.chat import MASTER, Someone, memory_chat, person
from tests.support.dynamodb import ENGINES, counting, engine_of


class Warm:
    """A room of two on DynamoDB, which Ann has posted to."""

    def __init__(self, client: Any, tables: dict[str, str]) -> None:
        def table(name: str) -> Table:
            return Table(client, tables[name])

        self.client = client
        self.announced: list[StoredEvent] = []
        self.log = EventLog(DynamoEvents(table("events")), DynamoSnapshots(table("snapshots")))
        vault = AesVault(DynamoKeys(table("keys")), MASTER, PyCryptodomeCipher, lifetime=300)
        limiter = SharedAllowances(TokenBuckets(300), table("accounts"))
        services = replace(memory_chat().services, vault=vault, limiter=limiter)
        self.chat = self.process(services, self.log)
        self.ann, self.bob = person(self.chat, "ann"), person(self.chat, "bob")
        self.ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
        self.bob.send(action="join", room="lobby")
        self.post(self.ann)
        self.post(self.bob)

    def announce(self, events: Sequence[StoredEvent]) -> Callable[[], None]:
        self.announced += events
        return lambda: None

    def process(self, services: Services, log: EventLog) -> Chat:
        """Returns the use cases of a process with a cache of its own."""
        executor = DirectExecutor(log, services.views, announce=self.announce)
        return Chat(replace(services, log=log, executor=executor))

    def post(self, someone: Someone, **more: Any) -> list[dict[str, Any]]:
        return someone.send(action="post", room="lobby", text="hello", **more)


@pytest.fixture(params=ENGINES)
def warm(request: pytest.FixtureRequest, no_scan: None) -> Warm:
    return Warm(*engine_of(request, request.param))


def test_a_message_is_one_write_and_no_read(warm: Warm) -> None:
    warm.announced.clear()
    with counting(warm.client) as called:
        frames = [warm.post(warm.ann), warm.post(warm.bob)]
    assert called == ["PutItem", "PutItem"]
    assert [(frame["type"], frame["version"]) for (frame,) in frames] == [("ack", 6), ("ack", 7)]
    assert [event.originator_version for event in warm.announced] == [6, 7]


def test_joining_is_one_write_once_the_name_is_known(warm: Warm) -> None:
    cy = person(warm.chat, "cy")
    cy.send(action="leave", room="lobby")  # takes a chunk of the allowance
    with counting(warm.client) as called:
        cy.send(action="join", room="lobby")
    assert called == ["PutItem"]


def test_a_read_mark_costs_a_look_at_what_came_since_and_one_write(warm: Warm) -> None:
    warm.ann.send(action="read", room="lobby", version=2)
    with counting(warm.client) as called:
        (ack,) = warm.ann.send(action="read", room="lobby", version=4)
    assert ack["type"] == "ack"
    assert called == ["Query", "PutItem"]


def test_a_sync_of_a_room_that_is_held_looks_at_the_log_and_not_at_its_past(warm: Warm) -> None:
    warm.ann.sync(lobby=5)
    with counting(warm.client) as called:
        (synced,) = warm.ann.sync(lobby=5)
    assert synced["rooms"]["lobby"]["complete"] is True
    assert called == ["Query"] * 4


def test_a_repeated_message_costs_a_look_at_the_head_and_no_write(warm: Warm) -> None:
    (first,) = warm.post(warm.ann, id="same", since=5)
    with counting(warm.client) as called:
        (again,) = warm.post(warm.ann, id="same", since=5)
    assert again["version"] == first["version"]
    assert called == ["Query", "Query"]  # the newest snapshot, and the events after it


def test_a_cold_process_reads_the_newest_snapshot_and_what_follows(warm: Warm) -> None:
    warm.log.evict("lobby")
    with counting(warm.client) as called:
        warm.post(warm.ann)
    assert called == ["Query", "Query", "PutItem"]


def test_what_another_process_wrote_costs_one_lost_write_and_a_fold(warm: Warm) -> None:
    elsewhere = warm.process(warm.chat.services, EventLog(warm.log.recorder, warm.log.snapshots))
    warm.post(replace(warm.bob, chat=elsewhere))
    with counting(warm.client) as called:
        (ack,) = warm.post(warm.ann)
    assert called == ["PutItem", "Query", "Query", "PutItem"]
    assert ack["version"] == 7
