"""Nicknames, sessions and tickets over time.

Over 300 lines: sessions, tickets and sign-outs end each other, so they are tried on one chat and
clock.
"""

from dataclasses import replace

import pytest

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.events import MemorySnapshots
from adapters.memory.gateway import RecordingGateway
from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.chat.entering import new_user_id
from domain.chat.sessions import DAY, LAPSED, ROUNDS, SESSION_LIFE, TICKET_LIFE, TOGETHER, hashed
from domain.errors import NicknameTaken, NotFound, RateLimited, RoomBusy, Unauthenticated
from domain.executing import DirectExecutor
from domain.log import EventLog, is_person
from domain.person.person import Person
from domain.person.sessions import (
    ENDED_TOGETHER,
    MAX_SESSIONS,
    OpenSessions,
    SessionEnded,
    SessionStarted,
)
from domain.ports.accounts import Session
from domain.ports.connections import Connection
from tests.support.chat import Clock, memory_chat, run_consumers


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chat(clock: Clock) -> Chat:
    return memory_chat(clock=clock)


def test_somebody_new(chat: Chat) -> None:
    token, user = chat.entering.enter("Ann", None)
    assert is_person(user)
    assert chat.entering.name(user) == "Ann"
    assert chat.sessions.who(token).user == user


def test_the_holder_of_a_live_token_comes_back(chat: Chat) -> None:
    token, user = chat.entering.enter("Ann", None)
    assert chat.entering.enter("ann", token) == (token, user)
    assert chat.entering.enter("Ann", token) == (token, user)
    assert chat.entering.enter("Bob", token)[1] != user


@pytest.mark.parametrize("alike", ["Ann", "ann", "ANN", "\uff21nn"])
def test_a_nickname_that_looks_alike_is_taken(chat: Chat, alike: str) -> None:
    chat.entering.enter("Ann", None)
    with pytest.raises(NicknameTaken):
        chat.entering.enter(alike, None)
    with pytest.raises(NicknameTaken):
        chat.entering.enter(alike, "made-up")


def test_a_nickname_is_free_once_its_holder_is_gone(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("Ann", None)
    chat.sessions.leave(token)
    again, other = chat.entering.enter("Ann", None)
    assert other != user
    clock.wait(SESSION_LIFE + 1)
    assert chat.entering.enter("Ann", again)[1] not in (user, other)


def test_a_session_lives_30_days_after_its_last_use(chat: Chat, clock: Clock) -> None:
    token, _ = chat.entering.enter("Ann", None)
    for _ in range(5):
        clock.wait(29 * DAY)
        chat.sessions.who(token)
    clock.wait(31 * DAY)
    with pytest.raises(Unauthenticated):
        chat.sessions.who(token)


def test_a_session_that_ends_while_it_is_used_stays_ended(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("Ann", None)
    clock.wait(2 * DAY)

    class Leaving(MemoryAccounts):
        """Ends the session between a use's read and its prolonging."""

        def session(self, token: str, now: float) -> Session | None:
            found = super().session(token, now)
            self.end_session(token)
            return found

    accounts = Leaving()
    accounts.put_session(hashed(token), Session(user, "s", clock.seconds() + DAY))
    late = Chat(replace(chat.services, accounts=accounts))
    assert late.sessions.who(token).user == user
    with pytest.raises(Unauthenticated):
        late.sessions.who(token)


@pytest.mark.parametrize("token", [None, "", "made-up"])
def test_no_token_is_nobody(chat: Chat, token: str | None) -> None:
    for call in (chat.sessions.who, chat.sessions.leave, chat.sessions.ticket):
        with pytest.raises(Unauthenticated):
            call(token)


def test_a_session_ends_once(chat: Chat) -> None:
    token, _ = chat.entering.enter("Ann", None)
    chat.sessions.leave(token)
    with pytest.raises(Unauthenticated):
        chat.sessions.leave(token)


def test_a_session_that_lapsed_is_not_logged_out_of(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("Ann", None)
    head = chat.services.log.head(user)
    clock.wait(SESSION_LIFE + 1)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            chat.sessions.leave(token)
    for call in (chat.sessions.who, chat.sessions.ticket):
        with pytest.raises(Unauthenticated):
            call(token)
    assert chat.services.log.head(user) == head, "it was no logout"


def test_logging_out_until_the_last_moment(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("Ann", None)
    clock.wait(SESSION_LIFE - 1)
    chat.sessions.leave(token)
    assert type(chat.services.log.events(user)[-1]) is SessionEnded


def test_a_ticket_is_good_once_for_a_minute(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("Ann", None)
    ticket = chat.sessions.ticket(token)
    assert chat.sessions.redeem(ticket).user == user
    late = chat.sessions.ticket(token)
    clock.wait(TICKET_LIFE)
    for used in (ticket, late, "made-up", ""):
        with pytest.raises(Unauthenticated):
            chat.sessions.redeem(used)


def test_tokens_and_tickets_are_kept_hashed_and_names_sealed(chat: Chat) -> None:
    token, _ = chat.entering.enter("Planted", None)
    ticket = chat.sessions.ticket(token)
    run_consumers(chat)
    kept = repr(vars(chat.services.accounts)) + repr(list(chat.services.views.dump()))
    kept += repr(list(chat.services.log.recorder.__dict__.values()))
    for secret in (token, ticket, "Planted", "planted"):
        assert secret not in kept
    assert hashed(token) in kept


def test_entries_are_limited_by_address() -> None:
    chat = memory_chat(limiter=TokenBuckets(60, burst=2, clock=lambda: 0.0))
    chat.entering.enter("Ann", None, "192.0.2.1")
    chat.entering.enter("Bob", None, "192.0.2.1")
    with pytest.raises(RateLimited):
        chat.entering.enter("Cy", None, "192.0.2.1")
    assert chat.entering.enter("Cy", None, "192.0.2.2")


def ended(chat: Chat, user: str) -> int:
    return sum(isinstance(event, SessionEnded) for event in chat.services.log.events(user))


def test_signing_out_ends_every_session_and_ticket(chat: Chat) -> None:
    # given somebody with two sessions, a ticket of each and an open connection
    token, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    other, again = chat.entering.exchange("sub", "ann@example.org", "Ann")
    assert again == ann
    tickets = [chat.sessions.ticket(one) for one in (token, other)]
    chat.connect("tab", chat.sessions.who(token))
    bob, user = chat.entering.enter("Bob", None)
    chat.connect("bobs", chat.sessions.who(bob))
    # when they are signed out
    assert chat.sessions.sign_out(ann) == (2, 1)
    # then nothing of theirs opens anything, and the log says why
    for one in (token, other):
        with pytest.raises(Unauthenticated):
            chat.sessions.who(one)
    for one in tickets:
        with pytest.raises(Unauthenticated):
            chat.sessions.redeem(one)
    assert ended(chat, ann) == 2
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    assert set(gateway.closed) == {("tab", 4401)}
    # and others stay
    assert chat.sessions.who(bob).user == user
    # and they come back as who they were
    assert chat.entering.exchange("sub", "ann@example.org", "Ann")[1] == ann


def test_signing_out_again_ends_nothing_and_completes_what_was_left(chat: Chat) -> None:
    token, ann = chat.entering.enter("Ann", None)
    session = chat.sessions.who(token)
    chat.connect("tab", session)
    assert chat.sessions.sign_out(ann) == (1, 1)
    # Its closing was not told yet: it is closed again.
    assert chat.sessions.sign_out(ann) == (0, 1)
    chat.disconnect("tab")
    assert chat.sessions.sign_out(ann) == (0, 0)
    assert ended(chat, ann) == 1
    # A token that outlived its session's end in the log, as a crash of `enter` may leave it.
    chat.services.accounts.put_session(hashed("late"), session)
    assert chat.sessions.sign_out(ann) == (0, 0)
    with pytest.raises(Unauthenticated):
        chat.sessions.who("late")


def test_a_guests_nickname_is_free_after_a_sign_out(chat: Chat) -> None:
    _, ann = chat.entering.enter("Ann", None)
    chat.sessions.sign_out(ann)
    assert chat.entering.enter("Ann", None)[1] != ann


def test_a_ticket_that_was_redeemed_before_the_sign_out_opens_nothing_after(chat: Chat) -> None:
    token, ann = chat.entering.enter("Ann", None)
    session = chat.sessions.redeem(chat.sessions.ticket(token))
    chat.sessions.sign_out(ann)
    with pytest.raises(Unauthenticated):
        chat.connect("late", session)


def test_a_session_that_begins_during_a_sign_out_ends_too(chat: Chat) -> None:
    token, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    late: list[str] = []

    class Slow(MemoryAccounts):
        """Somebody signs in by another process right after the sessions were ended."""

        def end_sessions_of(self, user: str) -> None:
            super().end_sessions_of(user)
            if not late:
                late.append(chat.entering.exchange("sub", "ann@example.org", "Ann")[0])

    accounts = chat.services.accounts
    assert isinstance(accounts, MemoryAccounts)
    slow = Slow()
    vars(slow).update(vars(accounts))
    # A log of its own over the same events, as another process has: what it cached may be behind.
    log = EventLog(chat.services.log.recorder, MemorySnapshots())
    executor = DirectExecutor(log, chat.services.views, pause=lambda seconds: None)
    operator = Chat(replace(chat.services, accounts=slow, log=log, executor=executor))
    log.load(ann)
    assert operator.sessions.sign_out(ann) == (2, 0)
    for one in (token, *late):
        with pytest.raises(Unauthenticated):
            operator.sessions.who(one)


def test_a_sign_out_reads_what_another_process_wrote_of_the_person(chat: Chat) -> None:
    first, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    log = EventLog(chat.services.log.recorder, MemorySnapshots())
    executor = DirectExecutor(log, chat.services.views, pause=lambda seconds: None)
    operator = Chat(replace(chat.services, log=log, executor=executor))
    log.load(ann)
    # One session ends elsewhere, two begin, and something else is written too.
    chat.preferences.set_notices(ann, True)
    chat.sessions.leave(first)
    for _ in range(2):
        chat.entering.exchange("sub", "ann@example.org", "Ann")
    assert operator.sessions.sign_out(ann) == (2, 0)
    assert open_sessions(chat, ann) == []


def test_an_erasure_elsewhere_leaves_nothing_to_sign_out_of(chat: Chat) -> None:
    _, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")
    log = EventLog(chat.services.log.recorder, MemorySnapshots())
    executor = DirectExecutor(log, chat.services.views, pause=lambda seconds: None)
    operator = Chat(replace(chat.services, log=log, executor=executor))
    log.load(ann)
    chat.erasing.erase(ann)
    assert operator.sessions.sign_out(ann) == (0, 0)


def test_signing_out_has_an_end_though_somebody_signs_in_for_ever(chat: Chat) -> None:
    _, ann = chat.entering.exchange("sub", "ann@example.org", "Ann")

    class Stubborn(MemoryAccounts):
        def end_sessions_of(self, user: str) -> None:
            super().end_sessions_of(user)
            chat.entering.exchange("sub", "ann@example.org", "Ann")

    stubborn = Stubborn()
    vars(stubborn).update(vars(chat.services.accounts))
    operator = Chat(replace(chat.services, accounts=stubborn))
    assert operator.sessions.sign_out(ann)[0] == ROUNDS + 1


def begin_as_before(chat: Chat, user: str, count: int) -> list[str]:
    """Writes sessions into the log as an earlier release did, which had no bound; returns their
    ids. Accounts do not know them."""
    log, now = chat.services.log, chat.services.now()
    head = log.head(user)
    started = [
        SessionStarted(
            originator_id=user,
            originator_version=head + number,
            at=now,
            recorded_at=now,
            by=user,
            id=f"session {number}",
            digest="",
            session=f"s{number}",
        )
        for number in range(1, count + 1)
    ]
    log.recorder.insert_events(log.stored(started))
    log.evict(user)
    return [event.session for event in started]


def open_sessions(chat: Chat, user: str) -> list[str]:
    found = chat.services.log.at_head(user)
    assert isinstance(found, Person)
    return list(found.part(OpenSessions).begun)


def sign_in(chat: Chat) -> tuple[str, str]:
    return chat.entering.exchange("sub", "ann@example.org", "Ann")


def test_a_person_has_at_most_100_sessions_and_the_oldest_ends(chat: Chat) -> None:
    first, ann = sign_in(chat)
    ticket = chat.sessions.ticket(first)
    tokens = [sign_in(chat)[0] for _ in range(MAX_SESSIONS - 1)]
    assert chat.sessions.who(first).user == ann
    # when one more begins
    tokens.append(sign_in(chat)[0])
    # then the longest open one has ended, in the log and in accounts
    assert open_sessions(chat, ann) == [hashed(token)[:32] for token in tokens]
    assert ended(chat, ann) == 1
    with pytest.raises(Unauthenticated):
        chat.sessions.who(first)
    with pytest.raises(Unauthenticated):
        chat.sessions.redeem(ticket)
    for token in tokens:
        assert chat.sessions.who(token).user == ann


def test_sessions_beyond_the_bound_end_start_by_start(chat: Chat) -> None:
    """A log of an earlier release; those that accounts have live on until they are the oldest."""
    _, ann = sign_in(chat)
    begun = begin_as_before(chat, ann, MAX_SESSIONS + ENDED_TOGETHER)
    accounts = chat.services.accounts
    for session in begun:
        accounts.put_session(session, Session(ann, session, chat.services.seconds() + DAY))
    for left in (MAX_SESSIONS + 2, MAX_SESSIONS, MAX_SESSIONS):
        sign_in(chat)
        assert len(open_sessions(chat, ann)) == left
        assert len(accounts.sessions_of(ann)) == left


def test_expired_sessions_end_in_the_log_when_the_next_one_starts(chat: Chat, clock: Clock) -> None:
    _, ann = sign_in(chat)
    clock.wait(DAY * 20)
    prolonged, _ = sign_in(chat)
    clock.wait(DAY * 20)
    chat.sessions.who(prolonged)
    clock.wait(DAY * 20)
    chat.services.accounts.drop_expired(clock.seconds(), lambda: True)
    fresh, _ = sign_in(chat)
    assert open_sessions(chat, ann) == [hashed(token)[:32] for token in (prolonged, fresh)]
    assert ended(chat, ann) == 1
    for token in (prolonged, fresh):
        assert chat.sessions.lives(chat.sessions.who(token))


def test_a_session_that_only_just_expired_is_not_taken_for_lapsed(chat: Chat, clock: Clock) -> None:
    """Another process may be prolonging it, by a clock that differs a little."""
    first, ann = sign_in(chat)
    clock.wait(SESSION_LIFE + LAPSED / 2)
    sign_in(chat)
    assert hashed(first)[:32] in open_sessions(chat, ann)
    clock.wait(LAPSED)
    sign_in(chat)
    assert hashed(first)[:32] not in open_sessions(chat, ann)


def test_a_connection_that_is_opened_during_a_sign_out_is_closed(chat: Chat) -> None:
    _, ann = sign_in(chat)

    class Slow(MemoryAccounts):
        def end_sessions_of(self, user: str) -> None:
            super().end_sessions_of(user)
            chat.services.connections.open(Connection("late", user, "s"))

    slow = Slow()
    vars(slow).update(vars(chat.services.accounts))
    operator = Chat(replace(chat.services, accounts=slow))
    assert operator.sessions.sign_out(ann) == (1, 1)
    gateway = chat.services.gateway
    assert isinstance(gateway, RecordingGateway)
    assert gateway.closed == [("late", 4401)]


def test_a_session_that_is_just_beginning_elsewhere_is_not_taken_for_lapsed(chat: Chat) -> None:
    _, ann = sign_in(chat)
    begun = begin_as_before(chat, ann, 1)
    sign_in(chat)
    assert begun[0] in open_sessions(chat, ann)


def test_a_sign_in_that_was_signed_out_midway_opens_nothing(chat: Chat) -> None:
    sign_in(chat)

    class Slow(MemoryAccounts):
        def put_session(self, token: str, session: Session) -> None:
            chat.sessions.sign_out(session.user)
            super().put_session(token, session)

    slow = Slow()
    vars(slow).update(vars(chat.services.accounts))
    with pytest.raises(Unauthenticated):
        sign_in(Chat(replace(chat.services, accounts=slow)))
    assert slow._sessions == {}


def test_many_sessions_end_in_as_many_events(chat: Chat) -> None:
    """More than a backend appends at once."""
    _, ann = chat.entering.enter("Ann", None)
    begin_as_before(chat, ann, TOGETHER + 5)
    assert chat.sessions.sign_out(ann) == (TOGETHER + 6, 0)
    assert ended(chat, ann) == TOGETHER + 6


@pytest.mark.parametrize("nobody", ["u_nobody", "lobby", ""])
def test_nobody_is_not_signed_out(chat: Chat, nobody: str) -> None:
    with pytest.raises(NotFound, match="no person"):
        chat.sessions.sign_out(nobody)


def test_ids_are_of_the_protocols_form() -> None:
    made = {new_user_id() for _ in range(100)}
    assert len(made) == 100
    assert all(len(user) == 15 and user[2:].isalnum() and is_person(user) for user in made)


def test_logging_out_that_failed_is_completed_by_another_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = memory_chat()
    services = chat.services
    token, _ = chat.entering.enter("ann", None)
    session = services.accounts.session(hashed(token), services.seconds())
    assert session is not None
    chat.connect("c1", session)
    with monkeypatch.context() as patch:
        busy = lambda log_id, commands, reply: reply([RoomBusy() for _ in commands])  # noqa: E731
        patch.setattr(services.executor, "execute", busy)
        with pytest.raises(RoomBusy):
            chat.sessions.leave(token)
    chat.sessions.leave(token)
    run_consumers(chat)
    assert not chat.sessions.lives(session)
    assert services.accounts.session(hashed(token), services.seconds()) is None
    assert services.gateway.closed == [("c1", 4401)]  # type: ignore[attr-defined]
    with pytest.raises(Unauthenticated):
        chat.sessions.leave(token)
