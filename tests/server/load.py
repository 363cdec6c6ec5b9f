"""Writers that note what they were promised, and what must hold after a loss of power."""

import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from tests.server.harness import Frame, Person, Server, Socket, versions


@dataclass
class Sent:
    """One `post`: what it said, and what the client held when it first sent it."""

    id: str
    text: str
    since: int


@dataclass
class Writer:
    """Somebody who posts to a room, at most `window` commands ahead of the acks.

    Attributes
    ----------
    acked: version promised for each command id.
    open: commands that were sent and not answered, by id, oldest first.
    """

    person: Person
    room: str
    window: int
    held: int = 0
    count: int = 0
    acked: dict[str, int] = field(default_factory=dict)
    open: dict[str, Sent] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def write(self, tab: Socket, stop: threading.Event) -> None:
        """Posts until the connection is lost or `stop` is set and all is answered."""
        try:
            while not stop.is_set() or self.open:
                while len(self.open) < self.window and not stop.is_set():
                    self._post(tab)
                self._note(tab.next("ack"))
        except ConnectionClosed:
            pass

    def _post(self, tab: Socket) -> None:
        self.count += 1
        id = f"{self.person.id}-{self.count}"
        sent = self.open[id] = Sent(id, f"message {self.count}", self.held)
        self.texts[id] = sent.text
        tab.send("post", id, room=self.room, text=sent.text, since=sent.since)

    def _note(self, ack: Frame) -> None:
        version = ack["version"]
        known = self.acked.setdefault(ack["id"], version)
        assert known == version, f"{ack['id']} was promised {known}, then {version}"
        self.open.pop(ack["id"], None)
        self.held = max(self.held, version)

    def retry(self, tab: Socket) -> None:
        """Sends what was not answered again, with the same ids and `since`, twice over."""
        waiting = list(self.open.values())
        for _ in range(2):
            for sent in waiting:
                tab.send("post", sent.id, room=self.room, text=sent.text, since=sent.since)
        for _ in range(2 * len(waiting)):
            self._note(tab.next("ack"))
        assert not self.open


class Load:
    """Writers in several rooms of one server."""

    def __init__(self, server: Server, rooms: int, writers: int, window: int) -> None:
        self.server = server
        self.people = [server.enter(f"writer {number}") for number in range(writers)]
        self.rooms = [f"load-{number}" for number in range(rooms)]
        first = self.people[0].connect()
        for room in self.rooms:
            first.ok("create_room", room=room, name=room, kind="public")
        self.writers: list[Writer] = []
        for person in self.people:
            tab = person.connect()
            for room in self.rooms:
                held = tab.ok("join", room=room)
                self.writers.append(Writer(person, room, window, held))
        self.logs: dict[str, list[Frame]] = defaultdict(list)

    def until_killed(self, clock: random.Random, seconds: tuple[float, float]) -> None:
        """Lets all write, and kills the server at a random moment."""
        tabs = [writer.person.connect() for writer in self.writers]
        never = threading.Event()
        threads = [
            threading.Thread(target=writer.write, args=(tab, never))
            for writer, tab in zip(self.writers, tabs, strict=True)
        ]
        for thread in threads:
            thread.start()
        # The moment is the test's subject: nothing is waited for.
        threading.Event().wait(clock.uniform(*seconds))
        self.server.kill()
        for thread in threads:
            thread.join()

    def check_promises(self) -> None:
        """After a restart: what was acknowledged is there, once, with no gap."""
        reader = self.people[0]
        for room in self.rooms:
            known = self.logs[room]
            known += reader.events(room, after=len(known))
            assert versions(known) == list(range(1, len(known) + 1)), room
            by_id: dict[str, list[int]] = defaultdict(list)
            for event in known:
                by_id[event["id"]].append(event["version"])
            for writer in self.writers:
                if writer.room == room:
                    for id, version in writer.acked.items():
                        assert by_id[id] == [version], (room, id)
                        assert known[version - 1]["data"]["text"] == writer.texts[id]
                    for id in writer.open:
                        assert len(by_id[id]) <= 1, (room, id)

    def retry(self) -> None:
        """Has every writer send again what it got no answer to; then all is there once."""
        for writer in self.writers:
            if writer.open:
                tab = writer.person.connect()
                writer.retry(tab)
                tab.close()
        self.check_promises()
        for room in self.rooms:
            posted = [e["id"] for e in self.logs[room] if e["type"] == "MessagePosted"]
            sent = [id for w in self.writers if w.room == room for id in w.texts]
            assert sorted(posted) == sorted(sent)

    def check_views(self) -> None:
        """What the consumers folded along the way equals a fresh fold."""
        before = self.server.parley("views").lines
        self.server.parley("rebuild")
        assert self.server.parley("views").lines == before
        assert self.server.parley("dead-letters", "list").lines == []


def kill_series(server: Server, load: Load, kills: int, seed: int) -> int:
    """Kills the server in the middle of its work, again and again; returns the events kept."""
    clock = random.Random(seed)
    for _ in range(kills):
        load.until_killed(clock, (0.05, 0.6))
        server.start()
        load.check_promises()
        load.retry()
        load.check_views()
        assert not server.faults, server.faults[:5]
    return sum(map(len, load.logs.values()))
