"""Erasing a person: what it leaves, at whatever point it is cut off and whatever goes on beside.

Over 300 lines: one use case, cut off at each of its steps, and what is left after it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.events import MemorySnapshots
from adapters.memory.gateway import RecordingGateway
from adapters.memory.keys import MemoryKeys
from adapters.vault.aes import AesVault
from adapters.vault.openssl import OpenSslCipher
from domain.chat import Chat
from domain.errors import NotFound, ParleyError, Unauthenticated
from domain.executing import DirectExecutor, outcomes_of
from domain.log import EventLog
from domain.person.imports import NoteImport
from domain.person.lifecycle import PersonErased, PersonRegistered, Register
from domain.person.marks import MarkRead
from domain.person.memberships import GainRoom, LoseRoom, RoomGained
from domain.person.person import Person
from domain.person.sessions import EndSession, OpenSessions, SessionStarted, StartSession
from domain.ports.accounts import Session
from tests.support.aggregates import ask, given, happened, sealed
from tests.support.chat import MASTER, memory_chat, person, run_consumers

ERASED = [
    happened(PersonRegistered, "u_ann", name=sealed("u_ann")),
    happened(SessionStarted, "u_ann", session="s1"),
    happened(PersonErased, "u_ann"),
]


# Decisions


@pytest.mark.parametrize(
    "command",
    [
        ask(StartSession, "u_ann", session="s2"),
        ask(MarkRead, "u_ann", room="lobby", version=3),
        ask(NoteImport, "u_ann", room="lobby", file="f"),
        ask(Register, "u_ann", name=sealed("u_ann")),
    ],
    ids=lambda command: type(command).__name__,
)
def test_who_is_erased_cannot_act(command: Any) -> None:
    given("u_ann", *ERASED).when(command).then_refused(Unauthenticated)


def test_others_find_nobody() -> None:
    command = ask(NoteImport, "u_bob", room="lobby", file="f")
    given("u_ann", *ERASED).when(command).then_refused(NotFound)


def test_rooms_are_still_told_to_the_log() -> None:
    gain = ask(GainRoom, "u_bob", room="lobby", role="member", room_version=3)
    then = happened(RoomGained, "u_bob", room="lobby", role="member", room_version=3)
    given("u_ann", *ERASED).when(gain).then(then)
    lose = ask(LoseRoom, "u_ann", room="lobby", room_version=4)
    assert isinstance(given("u_ann", *ERASED).when(lose).outcome, int)


def test_sessions_are_over() -> None:
    given("u_ann", *ERASED).when(ask(EndSession, "u_ann", session="s1")).then_nothing()


def test_a_snapshot_says_so_and_older_ones_did_not() -> None:
    aggregate = given("u_ann", *ERASED).aggregate
    assert isinstance(aggregate, Person)
    state = aggregate.snapshot_state()

    def restored(state: dict[str, Any]) -> Person:
        taken = Person.snapshot_class(originator_id="u_ann", originator_version=3, state=state)
        return taken.mutate(None)

    assert restored(state).erased
    aggregate.part(OpenSessions).begun = {"s2": "later", "s1": "first"}
    state = aggregate.snapshot_state()
    begun = restored(state).part(OpenSessions).begun
    assert list(begun.items()) == [("s2", "later"), ("s1", "first")]
    old = {name: kept for name, kept in state.items() if name not in ("erased", "began")}
    assert not restored(old).erased
    assert restored(old).part(OpenSessions).begun == {"s1": "", "s2": ""}


# The use case


@pytest.fixture
def chat() -> Chat:
    return memory_chat()


def erased_events(chat: Chat, user: str) -> list[PersonErased]:
    return [e for e in chat.services.log.events(user) if isinstance(e, PersonErased)]


def closed(chat: Chat) -> set[tuple[str, int]]:
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    return set(gateway.closed)


def nothing_is_left(chat: Chat, user: str, token: str) -> None:
    """Nothing opens anything of a person, and nothing of theirs can be read."""
    services = chat.services
    with pytest.raises(Unauthenticated):
        chat.sessions.who(token)
    with pytest.raises(Unauthenticated):
        services.vault.seal(user, "words")
    assert chat.entering.name(user) is None
    assert services.accounts.email(user) is None
    assert services.accounts.nickname_holder(services.vault.blind("nickname:ann")) is None
    assert len(erased_events(chat, user)) == 1
    read = services.log.at_head(user)
    assert isinstance(read, Person)
    assert (read.erased, len(read.part(OpenSessions).begun)) == (True, 0)


def test_erasing_somebody(chat: Chat) -> None:
    # given somebody with an account, a ticket, one that was redeemed, and an open connection
    token, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    ticket, redeemed = (chat.sessions.ticket(token) for _ in range(2))
    session = chat.sessions.redeem(redeemed)
    chat.connect("tab", chat.sessions.who(token))
    bob = person(chat, "bob")
    # when they are erased
    assert chat.erasing.erase(ann) is True
    # then nothing is left of them
    nothing_is_left(chat, ann, token)
    with pytest.raises(Unauthenticated):
        chat.sessions.redeem(ticket)
    with pytest.raises(Unauthenticated):
        chat.connect("late", session)
    assert closed(chat) == {("tab", 4401)}
    # and others stay
    assert chat.sessions.who(bob.token).user == bob.user
    # and they come back as somebody else
    assert chat.entering.exchange("sub", "ann@example.org", "Ann")[1] != ann
    assert chat.erasing.erase(ann) is False
    assert len(erased_events(chat, ann)) == 1


@pytest.mark.parametrize("nobody", ["u_nobody", "lobby", ""])
def test_nobody_is_not_erased(chat: Chat, nobody: str) -> None:
    with pytest.raises(NotFound, match="no person"):
        chat.erasing.erase(nobody)


def test_who_was_erased_before_it_was_announced_is_announced(chat: Chat) -> None:
    """As data of an earlier release has it: a destroyed key and no event."""
    token, ann = chat.entering.enter("Ann", None)
    chat.services.vault.destroy(ann)
    assert chat.erasing.erase(ann) is True
    nothing_is_left(chat, ann, token)


class Cut(Exception):
    """The process ends."""


class Breaking:
    """A port that ends the process before or after the n-th call of one of its methods."""

    def __init__(self, port: Any, method: str, nth: int, after: bool) -> None:
        self._port, self._method, self._left, self._after = port, method, nth, after

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self._port, name)
        if name != self._method:
            return whole

        def call(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Cut
            answer = whole(*arguments)
            if self._left == 0:
                raise Cut
            return answer

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("port", "method", "nth"),
    [
        ("accounts", "forget", 1),
        ("vault", "destroy", 1),
        ("executor", "execute", 1),
        ("accounts", "forget", 2),
        ("gateway", "close", 1),
    ],
)
def test_what_a_crash_leaves_another_run_completes(
    chat: Chat, port: str, method: str, nth: int, after: bool
) -> None:
    token, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    chat.connect("tab", chat.sessions.who(token))
    breaking = Breaking(getattr(chat.services, port), method, nth, after)
    ports: dict[str, Any] = {port: breaking}
    with pytest.raises(Cut):
        Chat(replace(chat.services, **ports)).erasing.erase(ann)
    chat.erasing.erase(ann)
    nothing_is_left(chat, ann, token)
    assert ("tab", 4401) in closed(chat)


class Meanwhile:
    """A port that runs something once, after the n-th call of one of its methods."""

    def __init__(self, port: Any, method: str, nth: int, run: Callable[[], None]) -> None:
        self._port, self._method, self._left, self._run = port, method, nth, run

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self._port, name)
        if name != self._method:
            return whole

        def call(*arguments: Any) -> Any:
            answer = whole(*arguments)
            self._left -= 1
            if self._left == 0:
                self._run()
            return answer

        return call


POINTS = [
    ("connections", "of_user", 1),
    ("accounts", "forget", 1),
    ("vault", "destroy", 1),
    ("executor", "execute", 1),
    ("accounts", "forget", 2),
    ("connections", "of_user", 2),
]


def beside(chat: Chat, port: str, method: str, nth: int, run: Callable[[], None]) -> Chat:
    """Returns use cases of which the erasing has something happen at one of its points."""
    ports: dict[str, Any] = {port: Meanwhile(getattr(chat.services, port), method, nth, run)}
    return Chat(replace(chat.services, **ports))


def elsewhere(chat: Chat) -> Chat:
    """Returns use cases of another process, with keys and logs that it remembers itself."""
    log = EventLog(chat.services.log.recorder, MemorySnapshots())
    vault = chat.services.vault
    assert isinstance(vault, AesVault)
    executor = DirectExecutor(log, chat.services.views, pause=lambda seconds: None)
    keeping = AesVault(vault._keys, MASTER, OpenSslCipher)
    return Chat(replace(chat.services, log=log, vault=keeping, executor=executor))


@pytest.mark.parametrize(("port", "method", "nth"), POINTS)
def test_who_signs_in_meanwhile_is_out_or_somebody_new(
    chat: Chat, port: str, method: str, nth: int
) -> None:
    token, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    other, came = elsewhere(chat), []
    other.entering.name(ann)  # its key is in that process's cache now
    other.services.log.load(ann)
    run = lambda: came.append(other.entering.exchange("sub", "ann@example.org", "Ann"))  # noqa: E731
    beside(chat, port, method, nth, run).erasing.erase(ann)
    ((late, who),) = came
    if who == ann:
        nothing_is_left(chat, ann, late)
    else:
        assert chat.sessions.who(late).user == who
        chat.services.accounts.forget(who)
    nothing_is_left(chat, ann, token)


@pytest.mark.parametrize(("port", "method", "nth"), POINTS)
def test_a_sign_in_that_is_under_way_leaves_nothing(
    chat: Chat, port: str, method: str, nth: int
) -> None:
    """Its session is in the log before the erasure begins, and kept at one of its points."""
    token, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    other = elsewhere(chat)
    other.entering.name(ann)
    outer: list[Callable[[], None]] = []

    class Slow(MemoryAccounts):
        def put_session(self, token: str, session: Session) -> None:
            # Everything of the erasure up to its point happens before this is kept.
            for run in outer:
                run()
            outer.clear()
            super().put_session(token, session)

    slow = Slow()
    vars(slow).update(vars(chat.services.accounts))

    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    def erase() -> None:
        with pytest.raises(Stop):
            beside(chat, port, method, nth, stop).erasing.erase(ann)

    outer.append(erase)
    signing = Chat(replace(other.services, accounts=slow))
    late, who = signing.entering.exchange("sub", "ann@example.org", "Ann")
    # The erasure goes on where it was.
    chat.erasing.erase(ann)
    if who != ann:
        assert chat.sessions.who(late).user == who
        chat.services.accounts.forget(who)
    else:
        nothing_is_left(chat, ann, late)
    nothing_is_left(chat, ann, token)


@pytest.mark.parametrize(("port", "method", "nth"), POINTS)
def test_a_connection_that_is_opened_meanwhile_is_closed_or_refused(
    chat: Chat, port: str, method: str, nth: int
) -> None:
    token, ann = chat.entering.enter("Ann", None)
    session, other, refused = chat.sessions.who(token), elsewhere(chat), []

    def connect() -> None:
        try:
            other.connect("late", session)
        except ParleyError as error:
            refused.append(type(error))

    beside(chat, port, method, nth, connect).erasing.erase(ann)
    assert refused == [Unauthenticated] or ("late", 4401) in closed(chat)


def test_a_connection_of_somebody_erased_is_refused_every_command(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob")
    bob.send(action="create_room", room="lobby", name="Lobby", kind="public")
    ann.send(action="join", room="lobby")
    chat.erasing.erase(ann.user)
    for frame in (
        {"action": "post", "room": "lobby", "text": "I am still here"},
        {"action": "react", "room": "lobby", "version": 1, "emoji": "👍"},
        {"action": "leave", "room": "lobby"},
        {"action": "read", "room": "lobby", "version": 1},
    ):
        (answer,) = ann.send(**frame)
        assert (answer["type"], answer["code"]) == ("error", "unauthenticated")
    # Nobody adds them anywhere.
    bob.send(action="create_room", room="other", name="Other", kind="private")
    (answer,) = bob.send(action="add_member", room="other", user=ann.user, role="member")
    assert answer["code"] == "not_found"


def test_somebody_erased_joins_nothing_where_their_key_is_still_in_memory() -> None:
    """Another process has not heard of it yet."""
    keys = MemoryKeys()
    chat = memory_chat(keys=keys)
    ann, bob = person(chat, "ann"), person(chat, "bob")
    bob.send(action="create_room", room="lobby", name="Lobby", kind="public")
    elsewhere = AesVault(keys, MASTER, OpenSslCipher)
    elsewhere.digest(ann.user, b"")
    chat.erasing.erase(ann.user)
    late = replace(ann, chat=Chat(replace(chat.services, vault=elsewhere)))
    (answer,) = late.send(action="join", room="lobby")
    assert (answer["type"], answer["code"]) == ("error", "not_found")
    assert chat.services.log.head("lobby") == 2


# Who hears of it


def test_delivery_drops_the_key_at_once_and_closes_what_is_open() -> None:
    chat = memory_chat()
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    bob.sync(lobby=None)
    ann.send(action="post", room="lobby", text="said before")
    run_consumers(chat)
    bob.frames()
    # given a process that delivers and has the key in memory
    other = elsewhere(chat)
    other.services.vault.open(chat.services.vault.seal(ann.user, "warm"))
    # when they are erased in another one, and a connection was missed there
    chat.erasing.erase(ann.user)
    chat.services.connections.open(replace(ann.connection, id="missed"))
    head = chat.services.log.events(ann.user)[-1]
    assert isinstance(head, PersonErased)
    other.consuming["deliver"].consumer.apply(ann.user, [head])
    # then nothing that it opens from now on has their words
    with pytest.raises(Unauthenticated):
        other.services.vault.seal(ann.user, "words")
    assert ("missed", 4401) in closed(chat)
    assert ann.frames()[-1]["events"][-1]["type"] == "PersonErased"


def test_open_pages_of_others_hear_that_the_name_is_gone() -> None:
    chat = memory_chat()
    ann, bob, eve = (person(chat, name) for name in ("ann", "bob", "eve"))
    for room in ("lobby", "left"):
        ann.send(action="create_room", room=room, name=room, kind="public")
    bob.send(action="create_room", room="other", name="Other", kind="public")
    ann.send(action="leave", room="left")
    run_consumers(chat)
    bob.sync(lobby=None, left=None, other=None)
    eve.sync(other=None)
    for someone in (bob, eve):
        someone.frames()
    chat.erasing.erase(ann.user)
    run_consumers(chat, ["deliver"])
    empty = [frame for frame in bob.frames() if frame["type"] == "events" and not frame["events"]]
    assert [(frame["room"], frame["people"]) for frame in empty] == [
        ("lobby", {"u_ann": None}),
        ("left", {"u_ann": None}),
    ]
    assert eve.frames() == []


def test_a_command_on_the_log_is_answered_alike_by_any_executor(chat: Chat) -> None:
    ann = person(chat, "ann")
    chat.erasing.erase(ann.user)
    late = ask(StartSession, ann.user, session="s9")
    ((outcome,),) = outcomes_of(elsewhere(chat).services.executor, [(ann.user, [late])])
    assert isinstance(outcome, Unauthenticated)


def test_views_drop_what_they_hold_and_a_rebuild_ends_alike(chat: Chat) -> None:
    ann, bob = person(chat, "ann"), person(chat, "bob")
    ann.send(action="create_room", room="lobby", name="Lobby", kind="public")
    bob.send(action="join", room="lobby")
    posted = bob.send(action="post", room="lobby", text="hello")[-1]["version"]
    ann.send(action="read", room="lobby", version=posted)
    run_consumers(chat)
    views = chat.services.views
    assert views.marks(ann.user) == {"lobby": posted}
    chat.erasing.erase(ann.user)
    run_consumers(chat)
    assert views.marks(ann.user) == {}
    assert views.names("lobby", [ann.user])[ann.user] is None
    assert views.names("lobby", [bob.user])[bob.user]["k"] == bob.user
    before = list(views.dump())
    views.clear()
    chat.services.progress.forget("project_views")
    run_consumers(chat, ["project_views"])
    assert list(views.dump()) == before
