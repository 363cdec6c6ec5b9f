"""One import of IRC logs into one room: registers people and turns lines into commands."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.aggregate import Command
from domain.chat import Chat
from domain.chat.erasing import importer
from domain.chat.unsealing import open_words
from domain.errors import Internal, ParleyError, RateLimited, Unauthenticated
from domain.executing import outcomes_of, versions_of
from domain.person.imports import Imports, NoteImport
from domain.person.lifecycle import Register
from domain.person.person import Person
from domain.room.invitations import Join
from domain.room.lifecycle import CreateRoom
from domain.room.membership import Leave, MemberJoined, MemberRenamed, RenameMember
from domain.room.messages import Post
from local.nicks import Nicks
from research.irc import (
    Happening,
    Joined,
    Left,
    Log,
    NotUnderstood,
    Renamed,
    Said,
    complete,
)

BATCH = 200
"""Number of commands appended together; small enough that a running server stays responsive."""


@dataclass
class Report:
    """The result of an import.

    Attributes
    ----------
    erased: lines left out because their writers were erased.
    """

    files: int = 0
    lines: int = 0
    events: int = 0
    known_files: int = 0
    erased: int = 0
    problems: list[NotUnderstood] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def is_fault(refusal: ParleyError) -> bool:
    """Whether an error is transient and independent of the command: the same command may be
    accepted later."""
    return refusal.status >= Internal.status or isinstance(refusal, RateLimited)


class Importer:
    """One import into one room, with the people and names so far."""

    def __init__(
        self, chat: Chat, room: str, report: Report, after_batch: Callable[[], None]
    ) -> None:
        self._services = chat.services
        self._room = room
        self._report = report
        self._after_batch = after_batch
        self._me = importer(self._services.vault)
        self._names: dict[str, str | None] = {}
        self._versions: dict[str, int] = {}
        self._writers: dict[str, str] = {}
        self._registered: set[str] = set()

    def _user(self, nick: str, prefix: str = "irc:") -> str:
        return "u_" + self._services.vault.blind(prefix + nick)[:20]

    # Before the first line

    def prepare(self) -> None:
        """Creates the importer and the room, and reads the state that earlier imports left."""
        self._register({self._me: "IRC import"})
        log = self._services.log
        if not log.head(self._room):
            name = self._services.vault.seal(self._me, f"#{self._room}")
            create = CreateRoom(
                **self._base(self._me, "irc:create", None),
                name=name,
                kind="public",
                member_name=self._person(self._me).name,
            )
            versions_of(self._execute([create]))
        for event in log.events(self._room):
            if event.id.startswith("irc:"):
                self._versions[event.id] = event.originator_version
                self._writers[event.id] = event.by
            if isinstance(event, MemberJoined | MemberRenamed):
                self._names[event.user] = open_words(self._services.vault, event.name)

    def _person(self, user: str) -> Person:
        person = self._services.log.read(user)
        assert isinstance(person, Person)
        return person

    def _base(self, user: str, id: str, at: datetime | None) -> dict[str, Any]:
        now = self._services.now()
        then = at.isoformat(timespec="microseconds") if at else now
        # The id contains the file's hash: the content cannot differ, so it needs no digest.
        return {"by": user, "id": id, "at": then, "recorded_at": now, "digest": "irc"}

    def _execute(self, commands: Sequence[Command]) -> Sequence[Any]:
        (outcomes,) = outcomes_of(self._services.executor, [(self._room, commands)])
        return outcomes

    def _register(self, people: dict[str, str]) -> None:
        """Creates keys and logs for new people."""
        new = {
            user: nick
            for user, nick in people.items()
            if user not in self._registered and not self._person(user).version
        }
        self._registered.update(people)
        if not new:
            return
        self._services.vault.create(list(new))
        batches = [
            (
                user,
                [
                    Register(
                        **self._base(user, f"register:{user}", None),
                        name=self._services.vault.seal(user, nick),
                    )
                ],
            )
            for user, nick in new.items()
            if not self._is_erased(user)
        ]
        for outcomes in outcomes_of(self._services.executor, batches):
            versions_of(outcomes)

    def _is_erased(self, user: str) -> bool:
        try:
            self._services.vault.seal(user, "")
        except Unauthenticated:
            return True
        person = self._services.log.read(user)
        return isinstance(person, Person) and person.erased

    # A file

    def add(self, log: Log, progress: Callable[[int], None]) -> None:
        """Imports one log; does nothing if it is completely imported."""
        if (self._room, log.digest) in self._person(self._me).part(Imports).files:
            self._report.known_files += 1
            return
        self._report.files += 1
        prefix = f"irc:{log.digest[:16]}:"
        done = max(
            (int(id.split(":")[2]) for id in self._versions if id.startswith(prefix)), default=-1
        )
        users = Nicks(self._user)
        for batch in _batches(complete(log)):
            cast = [(happening, users.of(happening)) for happening in batch]
            if batch[-1].line > done:
                self._write(prefix, [pair for pair in cast if pair[0].line > done])
                progress(batch[-1].line)
        self._finish(log)

    def _write(self, prefix: str, cast: Sequence[tuple[Happening, str]]) -> None:
        self._register({user: happening.nick for happening, user in cast})
        gone = {user for user in {user for _, user in cast} if self._is_erased(user)}
        self._report.erased += len({told.line for told, user in cast if user in gone})
        commands = [
            command
            for happening, user in cast
            if user not in gone
            for command in self._commands(prefix, happening, user)
        ]
        if not commands:
            return
        before = self._services.log.head(self._room)
        outcomes = self._execute(commands)
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, ParleyError):
                if is_fault(outcome):
                    raise outcome
                self._report.refused.append(f"{command.id}: {outcome.message}")
            else:
                self._versions[command.id] = outcome
                self._writers[command.id] = command.by
        self._report.events += self._services.log.head(self._room) - before
        self._after_batch()

    def _commands(self, prefix: str, happening: Happening, user: str) -> Iterator[Command]:
        line = f"{prefix}{happening.line}"
        vault = self._services.vault
        if isinstance(happening, Joined):
            yield Join(
                **self._base(user, f"{line}:joined", happening.at),
                name=vault.seal(user, happening.nick),
            )
            # A member of an earlier file, under another nick there.
            if self._names.setdefault(user, happening.nick) != happening.nick:
                yield self._rename(user, f"{line}:name", happening.at, happening.nick)
        elif isinstance(happening, Left):
            yield Leave(**self._base(user, f"{line}:left", happening.at))
        elif isinstance(happening, Renamed):
            yield self._rename(user, f"{line}:renamed", happening.at, happening.new_nick)
        else:
            yield self._post(prefix, happening, user)

    def _rename(self, user: str, id: str, at: datetime, nick: str) -> RenameMember:
        self._names[user] = nick
        return RenameMember(**self._base(user, id, at), name=self._services.vault.seal(user, nick))

    def _post(self, prefix: str, said: Said, user: str) -> Post:
        id = f"{prefix}{said.line}:said"
        self._writers[id] = user
        reply_to, reply_to_command = None, None
        if said.reply_to is not None:
            target = f"{prefix}{said.reply_to}:said"
            reply_to = self._versions.get(target)
            if reply_to is None and target in self._writers:
                reply_to_command = (self._writers[target], target)
        return Post(
            **self._base(user, id, said.at),
            text=self._services.vault.seal(user, said.text),
            kind=said.kind,
            reply_to=reply_to,
            reply_to_command=reply_to_command,
        )

    def _finish(self, log: Log) -> None:
        # The id contains the room too: a file that is recorded for one room is not recorded for
        # another.
        named = hashlib.sha256(f"{self._room} {log.digest}".encode()).hexdigest()
        note = NoteImport(
            **self._base(self._me, f"irc:file:{named[:32]}", None),
            room=self._room,
            file=log.digest,
        )
        (outcomes,) = outcomes_of(self._services.executor, [(self._me, [note])])
        versions_of(outcomes)


def _batches(happenings: Sequence[Happening]) -> Iterator[Sequence[Happening]]:
    """Splits at line ends, so that a line is written completely or not at all."""
    start = 0
    for index in range(1, len(happenings) + 1):
        last = index == len(happenings)
        if last or (
            index - start >= BATCH and happenings[index].line != happenings[index - 1].line
        ):
            yield happenings[start:index]
            start = index
