"""The promises of docs/protocol.md over the wire: entering, tickets, ping."""

import re
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from domain.protocol import answers as wire
from tests.server.harness import OPTIONS, Party, Socket


def test_entering_gives_a_token_and_a_person(party: Party) -> None:
    ann = party.enter("ann")
    assert re.fullmatch(r"u_[a-z2-7]{13}", ann.id)
    assert ann.get("/api/session") == {"id": ann.id, "name": ann.name}


def test_a_nickname_in_use_is_taken(party: Party) -> None:
    ann = party.enter("ann")
    for nickname in (ann.name, ann.name.upper(), f"  {ann.name} "):
        again = party.server.http("POST", "/api/session", {"nickname": nickname})
        assert (again.status, again.code) == (409, "nickname_taken"), nickname


def test_the_holder_of_the_token_comes_back(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    again = ann.http("POST", "/api/session", {"nickname": ann.name})
    assert again.status == 201
    wire.Entered.model_validate_json(again.body)
    assert again.json["user"] == {"id": ann.id, "name": ann.name}
    assert party.server.http("GET", "/api/session", token=again.json["token"]).status == 200
    # Somebody else's token does not open it.
    assert bob.http("POST", "/api/session", {"nickname": ann.name}).code == "nickname_taken"


def test_logging_out_closes_sockets_and_frees_the_nickname(party: Party) -> None:
    ann, bob = party.enter("ann"), party.enter("bob")
    tabs, other = [ann.connect(), ann.connect()], bob.connect()
    unused = ann.ticket()
    gone = ann.http("DELETE", "/api/session")
    assert (gone.status, gone.body) == (204, b"")
    assert [tab.close_code() for tab in tabs] == [4401, 4401]
    assert ann.http("GET", "/api/session").code == "unauthenticated"
    assert ann.http("POST", "/api/tickets").status == 401
    assert ann.http("DELETE", "/api/session").status == 401
    again = party.server.enter(ann.name)
    assert again.id != ann.id
    assert other.so_far() == []
    with pytest.raises(InvalidStatus):
        connect(unused, **OPTIONS)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"nickname": ""},
        {"nickname": "   "},
        {"nickname": "x" * 33},
        {"nickname": "two\nlines"},
        {"nickname": "tab\there"},
        {"nickname": "bell\x07"},
        {"nickname": "\ufffe"},
        {"nickname": 7},
        {"nickname": None},
        {"nickname": ["ann"]},
        {"nickname": "ann", "admin": True},
        [],
        "ann",
        None,
    ],
)
def test_bad_nicknames(party: Party, body: Any) -> None:
    answer = party.server.http("POST", "/api/session", body)
    assert (answer.status, answer.code) == (422, "invalid")


def test_a_ticket_opens_one_socket(party: Party) -> None:
    url = party.enter("ann").ticket()
    assert url.startswith(f"ws://127.0.0.1:{party.server.port}/ws?ticket=")
    with connect(url, **OPTIONS) as socket:
        Socket(socket).so_far()
    with pytest.raises(InvalidStatus) as refused:
        connect(url, **OPTIONS)
    assert refused.value.response.status_code == 401


def test_ping(party: Party) -> None:
    tab = party.enter("ann").connect()
    tab.connection.send('{"action":"ping"}')
    assert tab.receive() == {"type": "pong"}
    tab.send("ping", id="p1")
    assert tab.receive() == {"type": "pong"}


def test_a_pong_names_what_the_client_lacks(party: Party) -> None:
    room, _, (_, tab) = party.tabs("ann", "bob")
    version = tab.ok("post", room=room, text="hello")
    private = party.room_id()
    tab.ok("create_room", room=private, name="Den", kind="private")
    stranger = party.enter("cleo").connect()
    asked = {room: version - 1, private: 0, "nowhere": 0}
    stranger.send("ping", rooms=asked)
    assert stranger.receive() == {"type": "pong", "heads": {room: version}}
    stranger.send("ping", rooms={room: version})
    assert stranger.receive() == {"type": "pong", "heads": {}}
    stranger.send("ping", user=0)
    assert stranger.receive()["user"] >= 2
