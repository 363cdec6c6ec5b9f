"""A server in a process of its own, and people who talk to it over the wire.

Over 300 lines: the server, its people and their sockets know each other, and most tests drive all
three.
"""

import http.client
import io
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from domain.protocol.limits import MAX_FRAME
from domain.protocol.server import server_frame
from local.cli import main

ROOT = Path(__file__).parent.parent.parent
PARLEY = str(ROOT / ".venv" / "bin" / "parley")
READY = re.compile(r"Parley is ready at (http://[^:]+:(\d+))")
WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""Has a server end with the test process, however that ends."""

PATIENCE = 20.0
"""Seconds to wait for what is sure to come; only a failing test waits so long."""

Frame = dict[str, Any]


def environment(**settings: str) -> dict[str, str]:
    """Returns this process's environment without what would steer `parley`."""
    steering = {"PORT", "HOST", "DATA_DIR", "RATE", "ALLOWED_HOSTS"}
    return {key: value for key, value in os.environ.items() if key not in steering} | settings


@dataclass(frozen=True)
class Run:
    """What a command line printed."""

    code: int
    lines: list[str]
    error: str

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


def parley(folder: Path, command: str, *arguments: str | Path, check: bool = True) -> Run:
    """Runs a command on a data folder; with `check`, it must succeed.

    It runs in this process, which saves most of a second; `spawned` runs what is installed.
    """
    words = [command, "--data-dir", str(folder), *map(str, arguments)]
    output, error = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(error):
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    return _ran(words, code, output.getvalue(), error.getvalue(), check)


def spawned(*words: str | Path, check: bool = True) -> Run:
    """Runs the installed `parley`."""
    done = subprocess.run(
        [PARLEY, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment(),
        check=False,
    )
    return _ran(words, done.returncode, done.stdout, done.stderr, check)


def _ran(words: Sequence[object], code: int, output: str, error: str, check: bool) -> Run:
    # Not `splitlines`: that cuts at U+2028 too, which JSON may hold.
    run = Run(code, output.split("\n")[:-1], error)
    assert not check or run.code == 0, (words, run)
    return run


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal, which has no other field than those of the protocol."""
        error = self.json["error"]
        assert set(self.json) == {"error"}, self.json
        assert set(error) == {"code", "message"}, self.json
        return str(error["code"])


def until(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Asks again and again for what nothing announces; returns the first true answer."""
    end = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)
    return found


class Server:
    """`parley serve` on a folder, on a free port that a restart keeps.

    Parameters
    ----------
    rate: commands a minute per person; 0 for no limit.
    wrap: words before the command, a tracer's say.
    """

    def __init__(
        self, folder: Path, *, rate: float = 0, wrap: Sequence[str] = (), host: str = "127.0.0.1"
    ) -> None:
        self.folder = folder
        self.port = 0
        self.url = ""
        self.output: list[str] = []
        self._rate = rate
        self._wrap = wrap
        self._host = host
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._sockets: list[Socket] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process(self) -> "subprocess.Popen[str]":
        assert self._process is not None, "not running"
        return self._process

    @property
    def pid(self) -> int:
        """The server's own process, below the tracer where there is one."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return int(children.read_text().split()[0]) if self._wrap else pid

    def start(self) -> Self:
        """Starts it and waits until it says that it is ready."""
        words = ["serve", "--host", self._host, "--port", str(self.port)]
        words += ["--rate", str(self._rate), "--data-dir", str(self.folder)]
        self._process = subprocess.Popen(
            [*WITH_US, *self._wrap, PARLEY, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        ready = threading.Event()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, ready), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        came = ready.wait(PATIENCE)
        if not came or not self.url:
            self.kill()
            raise AssertionError(f"the server does not start: {self.output[-20:]}")
        return self

    def _read(self, stream: Any, ready: threading.Event) -> None:
        with stream:
            for line in stream:
                self.output.append(line.rstrip("\n"))
                if found := READY.search(line):
                    self.url, self.port = f"http://{self._host}:{found[2]}", int(found[2])
                    ready.set()
        ready.set()

    def stop(self) -> int:
        """Stops it in good order; returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, as a loss of power would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        process = self.process
        if process.poll() is None:
            os.kill(self.pid, how)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for reader in self._readers:
            reader.join()
        sockets, self._sockets = self._sockets, []
        for opened in sockets:
            opened.close()
        self._process = None
        return code

    def restart(self) -> Self:
        self.stop()
        return self.start()

    @property
    def faults(self) -> list[str]:
        """What it printed that tells of a fault of its own."""
        marks = ("Traceback", '"level":"ERROR"', "unexpected error", "Exception", "Error:")
        return [line for line in self.output if any(mark in line for mark in marks)]

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Asks over HTTP; a body that is not bytes goes as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self._host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def enter(self, nickname: str) -> "Person":
        answer = self.http("POST", "/api/session", {"nickname": nickname})
        assert answer.status == 201, answer
        user = answer.json["user"]
        return Person(self, answer.json["token"], user["id"], user["name"])

    def parley(self, command: str, *arguments: str | Path, check: bool = True) -> Run:
        return parley(self.folder, command, *arguments, check=check)

    def track(self, socket: "Socket") -> None:
        """Has `stop` and `kill` close the socket too."""
        self._sockets.append(socket)


class Person:
    """Somebody with a live session."""

    def __init__(self, server: Server, token: str, id: str, name: str) -> None:
        self.server = server
        self.token = token
        self.id = id
        self.name = name
        self.sockets: list[Socket] = []

    def http(self, method: str, path: str, body: Any = None) -> Answer:
        return self.server.http(method, path, body, self.token)

    def get(self, path: str) -> Any:
        answer = self.http("GET", path)
        assert answer.status == 200, answer
        return answer.json

    def events(self, room: str, after: int = 0) -> list[Frame]:
        """Returns all of a room's log above a version, page by page."""
        found: list[Frame] = []
        while page := self.get(f"/api/rooms/{room}/events?after={after}&limit=1000")["events"]:
            found += page
            after = page[-1]["version"]
        return found

    def rooms(self, limit: int = 100) -> dict[str, dict[str, Any]]:
        """Returns the person's rooms by id, page by page."""
        return self._listed(f"/api/rooms?limit={limit}")

    def directory(self, q: str = "", limit: int = 100) -> dict[str, dict[str, Any]]:
        """Returns the rooms that they may join by id, page by page."""
        return self._listed(f"/api/directory?q={quote(q)}&limit={limit}")

    def _listed(self, path: str) -> dict[str, dict[str, Any]]:
        page = self.get(path)
        found = list(page["rooms"])
        while page["cursor"] is not None:
            page = self.get(f"{path}&cursor={page['cursor']}")
            found += page["rooms"]
        listed = {room["room"]: room for room in found}
        assert list(listed) == sorted(listed), "by id"
        assert len(listed) == len(found), "each once"
        return listed

    def ticket(self) -> str:
        """Returns a WebSocket address that is good once."""
        answer = self.http("POST", "/api/tickets")
        assert answer.status == 201, answer
        return str(answer.json["url"])

    def connect(self, *rooms: str) -> "Socket":
        """Opens a tab that heard `synced` of each room."""
        socket = Socket(connect(self.ticket(), **OPTIONS))
        self.sockets.append(socket)
        self.server.track(socket)
        if rooms:
            for room, answer in socket.sync(dict.fromkeys(rooms)).items():
                assert "error" not in answer, (room, answer)
        return socket


OPTIONS: dict[str, Any] = {
    "legacy": True,
    "max_size": None,
    "max_queue": None,
    "compression": None,
    "ping_interval": None,
    "open_timeout": PATIENCE,
    "close_timeout": 2,
    "proxy": None,
}


class Socket:
    """One tab. Every frame that comes in must be of the wire's models and fit 32 KB."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._kept: deque[Frame] = deque()

    def send(self, action: str, id: str | None = None, **fields: Any) -> str:
        """Sends a frame; returns its id, which is made up where none is given."""
        id = id or f"c-{secrets.token_hex(6)}"
        frame = {"action": action, "id": id, **fields}
        self.connection.send(json.dumps(frame, ensure_ascii=False))
        return id

    def receive(self, timeout: float = PATIENCE) -> Frame:
        """Returns the next frame off the wire."""
        raw = self.connection.recv(timeout)
        assert isinstance(raw, str)
        assert len(raw.encode()) <= MAX_FRAME, f"{len(raw.encode())} bytes: {raw[:200]}"
        server_frame.validate_json(raw)
        frame: Frame = json.loads(raw)
        return frame

    def next(self, type: str | None = None, **fields: Any) -> Frame:
        """Returns the next frame of a type and with these fields; others stay for later."""

        def fits(frame: Frame) -> bool:
            return type in (None, frame["type"]) and all(
                frame.get(name) == value for name, value in fields.items()
            )

        for frame in self._kept:
            if fits(frame):
                self._kept.remove(frame)
                return frame
        while not fits(frame := self.receive()):
            self._kept.append(frame)
        return frame

    def answer(self, id: str) -> Frame:
        """Returns the `ack` or `error` of a command."""
        for frame in self._kept:
            if frame["type"] in ("ack", "error") and frame.get("id") == id:
                self._kept.remove(frame)
                return frame
        while True:
            frame = self.receive()
            if frame["type"] in ("ack", "error") and frame.get("id") == id:
                return frame
            self._kept.append(frame)

    def command(self, action: str, id: str | None = None, **fields: Any) -> Frame:
        """Sends a command and returns its `ack` or `error`."""
        return self.answer(self.send(action, id, **fields))

    def ok(self, action: str, id: str | None = None, **fields: Any) -> int:
        """Sends a command that must be accepted; returns the version of its `ack`."""
        answer = self.command(action, id, **fields)
        assert answer["type"] == "ack", (action, fields, answer)
        assert answer["room"] == fields["room"]
        return int(answer["version"])

    def refused(self, action: str, id: str | None = None, **fields: Any) -> str:
        """Sends a command that must be refused; returns the code."""
        answer = self.command(action, id, **fields)
        assert answer["type"] == "error", (action, fields, answer)
        return str(answer["code"])

    def event(self, room: str, version: int) -> Frame:
        """Returns one pushed event of a room; other frames stay for later."""
        for frame in self._kept:
            if found := _event_of(frame, room, version):
                return found
        while True:
            frame = self.receive()
            self._kept.append(frame)
            if found := _event_of(frame, room, version):
                return found

    def synced(self, rooms: Mapping[str, int | None], user: int | None = None) -> list[Frame]:
        """Sends `sync`; returns all `synced` frames of its answer."""
        fields: dict[str, Any] = {} if user is None else {"user": user}
        id = self.send("sync", rooms=rooms, **fields)
        answers = [self.next("synced", id=id)]
        while answers[-1].get("more"):
            answers.append(self.next("synced", id=id))
        return answers

    def sync(self, rooms: Mapping[str, int | None]) -> dict[str, Frame]:
        """Sends `sync` of rooms; returns the answers, which must fit one frame."""
        (answer,) = self.synced(rooms)
        found: dict[str, Frame] = answer["rooms"]
        return found

    def so_far(self) -> list[Frame]:
        """Returns, and forgets, all that came before the answer to a `ping` sent now."""
        self.send("ping")
        while (frame := self.receive())["type"] != "pong":
            self._kept.append(frame)
        frames = list(self._kept)
        self._kept.clear()
        return frames

    def kept(self, type: str, room: str) -> list[Frame]:
        """Returns the frames of a type and room that were read and not asked for yet."""
        return [f for f in self._kept if f["type"] == type and f.get("room") == room]

    def close_code(self) -> int:
        """Waits for the server to close; returns its code, 1006 where it just went away."""
        try:
            while True:
                self._kept.append(self.receive())
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def close(self) -> None:
        self.connection.close()


def _event_of(frame: Frame, room: str, version: int) -> Frame | None:
    if frame["type"] != "events" or frame["room"] != room:
        return None
    for event in frame["events"]:
        if event["version"] == version:
            found: Frame = event
            return found
    return None


class Party:
    """People and rooms of one test on a server that others use too."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._mark = secrets.token_hex(4)
        self._people: list[Person] = []

    def enter(self, nickname: str) -> Person:
        person = self.server.enter(f"{nickname} {self._mark}{len(self._people)}")
        self._people.append(person)
        return person

    def room_id(self) -> str:
        """Returns an id that private rooms may have too."""
        suffix = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(12))
        return f"room-{suffix}"

    def room(self, owner: "Socket", kind: str = "public") -> str:
        """Has somebody create a room; returns its id."""
        room = self.room_id()
        assert owner.ok("create_room", room=room, name=f"Room {room}", kind=kind) == 2
        return room

    def tabs(self, *names: str, kind: str = "public") -> tuple[str, list[Person], list[Socket]]:
        """Makes a room with members, the first its owner, each with a tab that is synced."""
        people = [self.enter(name) for name in names]
        tabs = [person.connect() for person in people]
        room = self.room(tabs[0], kind)
        for person, tab in zip(people[1:], tabs[1:], strict=True):
            self.admit(tabs[0], person, tab, room)
        for tab in tabs:
            tab.sync({room: None})
        for tab in tabs:
            tab.so_far()
        return room, people, tabs

    def admit(
        self, owner: "Socket", person: Person, tab: "Socket", room: str, role: str = "member"
    ) -> None:
        """Has somebody add a person to a room; of a private one the person accepts first."""
        owner.ok("add_member", room=room, user=person.id, role=role)
        tab.ok("join", room=room)

    def close(self) -> None:
        for person in self._people:
            for socket in person.sockets:
                socket.close()


def versions(events: Sequence[Frame]) -> list[int]:
    return [event["version"] for event in events]


def texts(events: Sequence[Frame]) -> list[str | None]:
    return [event["data"]["text"] for event in events if event["type"] == "MessagePosted"]


def pushed(frames: Sequence[Frame], room: str) -> Iterator[Frame]:
    """Yields a room's pushed events out of frames."""
    for frame in frames:
        if frame["type"] == "events" and frame["room"] == room:
            yield from frame["events"]
