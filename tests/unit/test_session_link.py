"""A link that brings a guest to another device: once, for a day, while its session lives."""

import pytest

from adapters.memory.accounts import MemoryAccounts
from domain.chat import Chat
from domain.chat.sessions import LINK_LIFE, hashed
from domain.errors import Forbidden, RateLimited, Unauthenticated
from domain.ports.accounts import Session
from tests.support.chat import Clock, memory_chat, run_consumers


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chat(clock: Clock) -> Chat:
    return memory_chat(clock=clock)


def entered(chat: Chat, name: str = "Ann") -> tuple[str, Session]:
    token, _ = chat.entering.enter(name, None)
    return token, chat.sessions.who(token)


def test_a_link_brings_the_same_person_once(chat: Chat) -> None:
    token, session = entered(chat)
    secret = chat.sessions.link_for(session)
    other, user = chat.entering.by_link(secret)
    assert user == session.user
    assert other != token
    again = chat.sessions.who(other)
    assert (again.user, again.session != session.session) == (session.user, True)
    # Both sessions live, and one may end without the other.
    chat.sessions.leave(token)
    assert chat.sessions.who(other).user == session.user
    with pytest.raises(Unauthenticated):
        chat.entering.by_link(secret)


def test_a_link_ends_with_its_session(chat: Chat) -> None:
    token, session = entered(chat)
    first, second = chat.sessions.link_for(session), chat.sessions.link_for(session)
    other, _ = chat.entering.by_link(first)
    chat.sessions.leave(token)
    with pytest.raises(Unauthenticated):
        chat.entering.by_link(second)
    # One that was made in the other session is good.
    chat.entering.by_link(chat.sessions.link_for(chat.sessions.who(other)))


@pytest.mark.parametrize("end", ["sign out", "erase"])
def test_a_link_ends_with_all_sessions_and_with_the_person(chat: Chat, end: str) -> None:
    _, session = entered(chat)
    secret = chat.sessions.link_for(session)
    if end == "erase":
        chat.erasing.erase(session.user)
    else:
        chat.sessions.sign_out(session.user)
    run_consumers(chat)
    with pytest.raises(Unauthenticated):
        chat.entering.by_link(secret)


def test_a_link_that_is_used_while_its_session_ends_opens_nothing(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, session = entered(chat)
    secret = chat.sessions.link_for(session)
    start = chat.sessions.start

    def meanwhile(user: str, nickname: str | None = None) -> str:
        begun = start(user, nickname)
        chat.sessions.leave(token)
        return begun

    monkeypatch.setattr(chat.sessions, "start", meanwhile)
    with pytest.raises(Unauthenticated):
        chat.entering.by_link(secret)
    assert chat.services.accounts.sessions_of(session.user) == {}


def test_a_link_is_good_for_a_day(chat: Chat, clock: Clock) -> None:
    _, session = entered(chat)
    early, late = chat.sessions.link_for(session), chat.sessions.link_for(session)
    clock.wait(LINK_LIFE - 1)
    chat.entering.by_link(early)
    clock.wait(1)
    with pytest.raises(Unauthenticated):
        chat.entering.by_link(late)


def test_only_a_hash_is_kept_and_tickets_stay(chat: Chat) -> None:
    token, session = entered(chat)
    ticket = chat.sessions.ticket(token)
    secret = chat.sessions.link_for(session)
    accounts = chat.services.accounts
    assert isinstance(accounts, MemoryAccounts)
    assert secret not in str(vars(accounts))
    # Making a link drops no ticket that is still good, and neither is good for the other.
    with pytest.raises(Unauthenticated):
        chat.sessions.redeem(secret)
    with pytest.raises(Unauthenticated):
        chat.sessions.redeem(hashed(secret))
    with pytest.raises(Unauthenticated):
        chat.entering.by_link(ticket)
    assert chat.sessions.redeem(ticket).user == session.user
    chat.entering.by_link(secret)


def test_who_has_an_account_gets_no_link(chat: Chat) -> None:
    token, _ = chat.entering.exchange("sub", "ann@example.org", "Ann")
    with pytest.raises(Forbidden):
        chat.sessions.link_for(chat.sessions.who(token))


def test_guessing_is_bounded_by_address() -> None:
    chat = memory_chat()

    class Spent:
        def allow(self, key: str, cost: int = 1) -> bool:
            return not key.startswith("from:192.0.2.1")

    object.__setattr__(chat.services, "limiter", Spent())
    with pytest.raises(RateLimited):
        chat.entering.by_link("guess", "192.0.2.1")
    with pytest.raises(Unauthenticated):
        chat.entering.by_link("guess", "192.0.2.2")
