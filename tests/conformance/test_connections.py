"""The Connections port. Memory alone: on one machine no connection outlives it."""

import pytest

from adapters.memory.connections import MemoryConnections
from domain.ports import Connection, Connections

ANN, ANN2, BOB = (Connection("a1", "u_ann", "s1"), Connection("a2", "u_ann", "s2"),
                  Connection("b1", "u_bob", "s3"))  # fmt: skip


@pytest.fixture
def connections() -> Connections:
    made = MemoryConnections()
    for connection in (ANN, ANN2, BOB):
        made.open(connection)
    return made


def test_connections_are_found_by_person_and_session(connections: Connections) -> None:
    assert connections.of_user("u_ann") == ["a1", "a2"]
    assert connections.of_user("u_eve") == []
    assert connections.of_session("s2") == ["a2"]
    assert connections.of_session("s9") == []


def test_subscribing_tells_a_persons_first(connections: Connections) -> None:
    assert connections.subscribe("a1", "lobby") is True
    assert connections.subscribe("a1", "lobby") is False
    assert connections.subscribe("a2", "lobby") is False
    assert connections.subscribe("b1", "lobby") is True
    assert connections.subscribe("a1", "other") is True
    assert sorted(connections.in_room("lobby")) == ["a1", "a2", "b1"]
    assert list(connections.in_room("other")) == ["a1"]
    assert list(connections.in_room("nowhere")) == []


def test_an_unknown_connection_subscribes_to_nothing(connections: Connections) -> None:
    assert connections.subscribe("x9", "lobby") is False
    assert list(connections.in_room("lobby")) == []


def test_closing_forgets_all_about_a_connection(connections: Connections) -> None:
    for room in ("other", "lobby"):
        connections.subscribe("a1", room)
    connections.subscribe("a2", "lobby")
    assert connections.close("a1") == (ANN, ["lobby", "other"])
    assert connections.close("a1") is None
    assert connections.close("x9") is None
    assert list(connections.in_room("lobby")) == ["a2"]
    assert list(connections.in_room("other")) == []
    assert connections.of_user("u_ann") == ["a2"]
    assert connections.of_session("s1") == []
    assert connections.close("a2") == (ANN2, ["lobby"])
    assert connections.of_user("u_ann") == []


def test_unsubscribing_a_person_takes_all_their_connections(connections: Connections) -> None:
    for connection_id in ("a1", "a2", "b1"):
        connections.subscribe(connection_id, "lobby")
        connections.subscribe(connection_id, "other")
    connections.unsubscribe("u_ann", "lobby")
    connections.unsubscribe("u_ann", "lobby")
    connections.unsubscribe("u_eve", "lobby")
    assert list(connections.in_room("lobby")) == ["b1"]
    assert sorted(connections.in_room("other")) == ["a1", "a2", "b1"]
    assert connections.subscribe("a2", "lobby") is True
    assert connections.close("a1") == (ANN, ["other"])


def test_who_is_in_a_room(connections: Connections) -> None:
    connections.subscribe("a1", "lobby")
    connections.subscribe("a2", "lobby")
    assert connections.in_room_of("u_ann", "lobby") is True
    assert connections.in_room_of("u_bob", "lobby") is False
    connections.close("a1")
    assert connections.in_room_of("u_ann", "lobby") is True
    connections.close("a2")
    assert connections.in_room_of("u_ann", "lobby") is False


def test_online_names_each_person_once_up_to_the_limit(connections: Connections) -> None:
    for connection_id in ("a1", "a2", "b1"):
        connections.subscribe(connection_id, "lobby")
    assert sorted(connections.online("lobby", 100)) == ["u_ann", "u_bob"]
    assert len(connections.online("lobby", 1)) == 1
    assert connections.online("nowhere", 100) == []


def test_answers_are_copies(connections: Connections) -> None:
    connections.subscribe("a1", "lobby")
    before = connections.in_room("lobby")
    connections.subscribe("b1", "lobby")
    assert list(before) == ["a1"]
