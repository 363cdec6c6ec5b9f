"""Many people ask at once, and each is answered about themselves."""

from concurrent.futures import ThreadPoolExecutor

from tests.server.harness import Person, Server


def test_nobody_is_taken_for_somebody_else(server: Server) -> None:
    people = [server.enter(f"at once {n}") for n in range(8)]

    def ask(person: Person) -> set[str]:
        return {person.get("/api/session")["id"] for _ in range(40)}

    with ThreadPoolExecutor(len(people)) as threads:
        answers = list(threads.map(ask, people))
    assert answers == [{person.id} for person in people]


def test_tickets_asked_for_at_once_are_their_own(server: Server) -> None:
    people = [server.enter(f"ticket {n}") for n in range(8)]
    with ThreadPoolExecutor(len(people)) as threads:
        sockets = list(threads.map(lambda person: person.connect(), people))
    for person, socket in zip(people, sockets, strict=True):
        room = f"own-{person.id[2:]}"
        socket.ok("create_room", room=room, name="Own", kind="private")
        assert person.get(f"/api/rooms/{room}/members")["members"][0]["user"] == person.id
