"""The deployed stack: people talk through API Gateway, Lambda, DynamoDB, Streams, SNS and SQS."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser.tabs import House, agree
from tests.server.harness import OPTIONS, Frame, Party, Socket, pushed, until
from tests.stack.harness import StackServer

SEED = 20261120


@pytest.fixture
def party(server: StackServer) -> Iterator[Party]:
    party = Party(server)
    yield party
    party.close()


@pytest.fixture
def house(chromium: Browser, server: StackServer) -> Iterator[House]:
    house = House(chromium, server)
    yield house
    assert house.close() == []


def test_a_quiet_post_is_told_by_its_push_alone(party: Party) -> None:
    room, (ann, _), (tab, _) = party.tabs("ann", "bob")
    id = tab.send("post", room=room, text="quietly", since=3, quiet=True)
    event = tab.event(room, 4)
    assert (event["id"], event["by"]) == (id, ann.id)
    assert not [frame for frame in tab.so_far() if frame["type"] in ("ack", "error")]
    assert tab.ok("post", id, room=room, text="quietly", since=3) == 4


@pytest.mark.browser
def test_two_browsers_talk(house: House) -> None:
    ann, bob, room = house.pair()
    ann.send("good morning")
    bob.send("and to you", "how is the garden?")
    for tab in (ann, bob):
        tab.settled(3)
    bob.act("good morning", "reply")
    bob.send("it is late already")
    # Else it comes while Ann points at another message, and moves that away from the pointer.
    for tab in (ann, bob):
        tab.settled(4)
    ann.act("how is the garden?", "react")
    ann.page.locator('[data-testid="emoji"]').first.click()
    reaction = bob.message("how is the garden?").get_by_test_id("reaction")
    expect(reaction).to_contain_text("1")
    ann.page.reload()
    agree(
        room, ["good morning", "and to you", "how is the garden?", "it is late already"], ann, bob
    )


CLIENTS, ROOMS, MESSAGES = 20, 10, 2_000


class Client(threading.Thread):
    """Writes its share, one message after the other, in rooms that it is in."""

    def __init__(self, socket: Socket, rooms: list[str], count: int, number: int) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.socket = socket
        self.sent: dict[str, list[str]] = {room: [] for room in rooms}
        self.problem: BaseException | None = None
        self._count, self._number = count, number
        self._random = random.Random(SEED + number)

    def run(self) -> None:
        try:
            rooms = list(self.sent)
            for message in range(self._count):
                room = rooms[message % len(rooms)]
                text = f"{self._number}:{message}"
                while self.socket.command("post", room=room, text=text)["type"] == "error":
                    # Busy: the same words under another id, as a person would try again.
                    self._random.random()
                self.sent[room].append(text)
        except BaseException as problem:
            self.problem = problem


def test_two_thousand_messages_arrive_in_order_once_and_complete(party: Party) -> None:
    people = [party.enter(f"Client {number}") for number in range(CLIENTS)]
    sockets = [person.connect() for person in people]
    rooms = [party.room_id() for _ in range(ROOMS)]
    owners = dict(zip(rooms, sockets, strict=False))
    for room, owner in owners.items():
        owner.ok("create_room", room=room, name=room, kind="public")
    # Each client is in five rooms, so each room has ten of them.
    of_client = [[rooms[(n + k) % ROOMS] for k in range(5)] for n in range(CLIENTS)]
    for socket, mine in zip(sockets, of_client, strict=True):
        for room in mine:
            socket.ok("join", room=room)
    begins = [_begin(s, mine) for s, mine in zip(sockets, of_client, strict=True)]
    clients = [
        Client(socket, mine, MESSAGES // CLIENTS, number)
        for number, (socket, mine) in enumerate(zip(sockets, of_client, strict=True))
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(400)
    assert [c.problem for c in clients if c.problem or c.is_alive()] == []

    logs = {room: people[of_room[0]].events(room) for room, of_room in _members(of_client).items()}
    for room, log in logs.items():
        assert [event["version"] for event in log] == list(range(1, len(log) + 1))
        posted = Counter(e["data"]["text"] for e in log if e["type"] == "MessagePosted")
        sent = Counter(text for client in clients for text in client.sent.get(room, ()))
        assert posted == sent
    for socket, mine, begin in zip(sockets, of_client, begins, strict=True):
        for room in mine:
            _heard_all(socket, room, begin[room], logs[room])


def _begin(socket: Socket, rooms: list[str]) -> dict[str, int]:
    answers: dict[str, Frame] = {}
    for frame in socket.synced(dict.fromkeys(rooms)):
        answers |= frame["rooms"]
    return {room: answers[room]["head"] for room in rooms}


def _members(of_client: list[list[str]]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for number, mine in enumerate(of_client):
        for room in mine:
            members.setdefault(room, []).append(number)
    return members


def _heard_all(socket: Socket, room: str, begin: int, log: list[Frame]) -> None:
    """The pushes of a room, one after the other, are the log: in order, once, complete."""
    wanted = [event["version"] for event in log if event["version"] > begin]
    last = wanted[-1]
    socket.event(room, last)
    heard = [
        event["version"]
        for frame in socket.kept("events", room)
        for event in frame["events"]
        if event["version"] > begin
    ]
    assert heard == wanted


def test_a_stale_connection_is_dropped_and_the_others_get_theirs(
    party: Party, server: StackServer
) -> None:
    room, (_, bob), (tab, other) = party.tabs("Ann", "Bob")
    # What came before is delivered: none of it meets the connection.
    first = tab.ok("post", room=room, text="first")
    for heard in (tab, other):
        heard.event(room, first)
    ghost = server.plant_connection(bob.id, room)
    assert ghost in server.connections.in_room(room)
    open_ones = {*server.connections.in_room(room)} - {ghost}
    version = tab.ok("post", room=room, text="still here")
    for heard in (tab, other):
        assert heard.event(room, version)["data"]["text"] == "still here"
    until(lambda: ghost not in server.connections.in_room(room), 30)
    assert {*server.connections.in_room(room)} == open_ones
    assert server.connections.of_user(bob.id) == [
        one for one in server.connections.of_user(bob.id) if one in open_ones
    ]


def test_a_connection_is_refused_without_with_a_used_and_with_an_expired_ticket(
    party: Party, server: StackServer
) -> None:
    ann = party.enter("Ann")
    url = ann.ticket()
    with connect(url, **OPTIONS):
        pass
    for refused in (url, url.partition("?")[0], f"{url[:-4]}aaaa"):
        with pytest.raises(InvalidStatus) as refusal:
            connect(refused, **OPTIONS)
        assert refusal.value.response.status_code in (401, 403)
    late = ann.ticket()
    server.expire_tickets()
    with pytest.raises(InvalidStatus) as refusal:
        connect(late, **OPTIONS)
    assert refusal.value.response.status_code in (401, 403)


QUIET = 5.0
"""Seconds in which either publisher would long have told of an event."""


def test_each_publisher_delivers_alone_and_both_together_deliver_once(
    party: Party, server: StackServer
) -> None:
    room, _, (tab, other) = party.tabs("Ann", "Bob")
    heard: list[int] = []

    def post(text: str) -> int:
        return tab.ok("post", room=room, text=text)

    def listen(until: int | None = None) -> list[int]:
        if until is not None:
            other.event(room, until)
        heard.extend(event["version"] for event in pushed(other.so_far(), room))
        return heard

    listen()
    heard.clear()
    both = [post(f"both {n}") for n in range(5)]
    listen(until=both[-1])
    with server.without_relay():
        fast = post("by the fast publish alone")
        listen(until=fast)
        with server.setting("SocketMessageFunction", FAST_PUBLISH="false"):
            slow = post("by the relay alone")
            time.sleep(QUIET)
            # Neither publisher: nobody is told, so nobody else delivers.
            assert listen() == [*both, fast]
    listen(until=slow)
    last = post("both again")
    listen(until=last)
    # The relay tells of all of it again.
    time.sleep(QUIET)
    assert listen() == [*both, fast, slow, last]


def test_a_session_that_ends_closes_its_sockets(party: Party) -> None:
    ann = party.enter("Ann")
    tab = ann.connect()
    assert ann.http("DELETE", "/api/session").status == 204
    assert tab.close_code() in (1000, 1001, 1005, 1006, 4401)
    assert ann.http("GET", "/api/rooms").status in (401, 403)


def test_http_asks_for_a_token(server: StackServer) -> None:
    assert server.http("GET", "/healthz").status == 200
    assert server.http("GET", "/api/openapi.json").status == 200
    for path in ("/api/rooms", "/api/session", "/api/rooms/lobby/messages"):
        assert server.http("GET", path).status in (401, 403)
        assert server.http("GET", path, token="x" * 43).status in (401, 403)
