"""Nicknames, sessions and tickets over time."""

from dataclasses import replace

import pytest

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.chat.entering import DAY, SESSION_LIFE, TICKET_LIFE, hashed, new_user_id
from domain.errors import NicknameTaken, RateLimited, Unauthenticated
from domain.log import is_person
from domain.ports import Session
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
    assert chat.entering.who(token).user == user


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
    chat.entering.leave(token)
    again, other = chat.entering.enter("Ann", None)
    assert other != user
    clock.wait(SESSION_LIFE + 1)
    assert chat.entering.enter("Ann", again)[1] not in (user, other)


def test_a_session_lives_30_days_after_its_last_use(chat: Chat, clock: Clock) -> None:
    token, _ = chat.entering.enter("Ann", None)
    for _ in range(5):
        clock.wait(29 * DAY)
        chat.entering.who(token)
    clock.wait(31 * DAY)
    with pytest.raises(Unauthenticated):
        chat.entering.who(token)


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
    assert late.entering.who(token).user == user
    with pytest.raises(Unauthenticated):
        late.entering.who(token)


@pytest.mark.parametrize("token", [None, "", "made-up"])
def test_no_token_is_nobody(chat: Chat, token: str | None) -> None:
    for call in (chat.entering.who, chat.entering.leave, chat.entering.ticket):
        with pytest.raises(Unauthenticated):
            call(token)


def test_a_session_ends_once(chat: Chat) -> None:
    token, _ = chat.entering.enter("Ann", None)
    chat.entering.leave(token)
    with pytest.raises(Unauthenticated):
        chat.entering.leave(token)


def test_a_ticket_is_good_once_for_a_minute(chat: Chat, clock: Clock) -> None:
    token, user = chat.entering.enter("Ann", None)
    ticket = chat.entering.ticket(token)
    assert chat.entering.redeem(ticket).user == user
    late = chat.entering.ticket(token)
    clock.wait(TICKET_LIFE)
    for used in (ticket, late, "made-up", ""):
        with pytest.raises(Unauthenticated):
            chat.entering.redeem(used)


def test_tokens_and_tickets_are_kept_hashed_and_names_sealed(chat: Chat) -> None:
    token, _ = chat.entering.enter("Planted", None)
    ticket = chat.entering.ticket(token)
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


def test_ids_are_of_the_protocols_form() -> None:
    made = {new_user_id() for _ in range(100)}
    assert len(made) == 100
    assert all(len(user) == 15 and user[2:].isalnum() and is_person(user) for user in made)
