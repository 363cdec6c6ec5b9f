"""Rooms with something in them, made over the wire."""

from pathlib import Path
from typing import Any

from tests.server.harness import Person, Server, Socket

SAYING = (
    "the garden is wet and nobody has seen the cat since the rain began but there is soup on the "
    "stove and bread in the oven so come in sit down and tell us about the road"
)
WORDS = SAYING.split()


def history(server: Server, folder: Path, room: str, count: int) -> None:
    """Imports a room of so many messages by twenty people, some of them replies."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "2004-11-15_03.log.txt"
    lines = []
    for number in range(count):
        start, length = number * 7 % len(WORDS), 1 + number * number % 23
        text = " ".join((WORDS * 2)[start : start + length])
        minute = number * 900 // count
        lines.append(
            f"[{3 + minute // 60:02}:{minute % 60:02}] <person{number // 3 % 20}> {number}: {text}"
        )
    log.write_text("\n".join(lines) + "\n")
    links = [f"{number - 1 - number % 29} {number} -" for number in range(40, count, 17)]
    log.with_name("2004-11-15_03.replies.txt").write_text("\n".join(links) + "\n")
    server.parley("import", "irc", log, "--room", room)


class Talk:
    """A conversation being written: each person has a tab of their own."""

    def __init__(self, room: str, *people: Person) -> None:
        self.room = room
        self._tabs: dict[str, Socket] = {person.id: person.connect() for person in people}

    def create(self, person: Person, name: str, kind: str = "public") -> None:
        self._tabs[person.id].ok("create_room", room=self.room, name=name, kind=kind)

    def join(self, *people: Person) -> None:
        for person in people:
            self._tabs[person.id].ok("join", room=self.room)

    def listen(self, *people: Person) -> None:
        """Has them follow the room, so that others see them there."""
        for person in people:
            self._tabs[person.id].sync({self.room: None})

    def do(self, person: Person, action: str, **fields: Any) -> int:
        return self._tabs[person.id].ok(action, room=self.room, **fields)

    def post(self, person: Person, text: str, **fields: Any) -> int:
        return self.do(person, "post", text=text, **fields)


def all_kinds(server: Server, ann: Person, room: str) -> Talk:
    """Makes Ann's room with messages of all kinds."""
    bob, gone = server.enter("Bob"), server.enter("Somebody who will be gone")
    talk = Talk(room, ann, bob, gone)
    talk.create(ann, "Garden club")
    talk.join(bob, gone)
    first = talk.post(ann, "Good morning! Has anybody seen the spade?")
    talk.post(ann, "And the rake.")
    talk.post(bob, "See https://example.org/spades?of=all#kinds for `spade --all`:")
    talk.post(bob, "```\nfor spade in shed:\n    print(spade)\n```")
    reply = talk.post(bob, "It is behind the shed.", reply_to=first)
    talk.post(bob, "waves from the shed", kind="action")
    talk.post(ann, "\N{SUNFLOWER}\N{SUNFLOWER}")
    talk.post(ann, "A longer one. " * 30)
    talk.post(ann, "line one\nline two\n\nline four")
    edited = talk.post(bob, "I wil bring it")
    talk.do(bob, "edit", version=edited, text="I will bring it")
    deleted = talk.post(bob, "wrong room")
    talk.do(bob, "delete", version=deleted)
    erased = talk.post(gone, "forget me")
    talk.post(ann, "Farewell!", reply_to=erased)
    for person in (ann, bob):
        talk.do(person, "react", version=reply, emoji="\N{THUMBS UP SIGN}")
    talk.do(bob, "react", version=reply, emoji="\N{PARTY POPPER}")
    talk.do(gone, "leave")
    server.parley("erase", gone.id)
    return talk
