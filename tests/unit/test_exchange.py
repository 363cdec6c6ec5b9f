"""Signing in through a service that vouches for a subject and an e-mail address."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.chat.entering import numbered
from domain.chat.sessions import SESSION_LIFE
from domain.errors import Forbidden, NicknameTaken, RateLimited, Unauthenticated
from domain.person.person import Person
from domain.ports.accounts import Session
from domain.protocol.limits import MAX_NICKNAME
from functions.claims import NAMELESS, verified_identity
from tests.support.chat import Clock, memory_chat, run_consumers

SUB, EMAIL = "3f1c0d5a-0000-4000-8000-000000000001", "ann@example.org"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chat(clock: Clock) -> Chat:
    return memory_chat(clock=clock)


def email_of(chat: Chat, user: str) -> str | None:
    sealed = chat.services.accounts.email(user)
    return None if sealed is None else chat.services.vault.open(sealed)


class Crash(Exception):
    """The process ends here."""


def crashing(*_: Any, **__: Any) -> Any:
    raise Crash


def test_somebody_new_gets_the_nickname_and_their_address_is_kept(chat: Chat) -> None:
    token, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    assert chat.entering.name(user) == "Ann"
    assert chat.sessions.who(token).user == user
    assert email_of(chat, user) == EMAIL


def test_a_subject_comes_back_as_the_same_person(chat: Chat) -> None:
    # given somebody who signed in
    token, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    # when they do again, with another address and another wish
    other, again = chat.entering.exchange(SUB, "new@example.org", "Anna")
    # then it is they, in a session more
    assert again == user
    assert other != token
    assert chat.entering.name(user) == "Ann"
    assert email_of(chat, user) == "new@example.org"
    assert chat.sessions.who(token) != chat.sessions.who(other)
    registered = [e for e in chat.services.log.events(user) if e.TOPIC == "person.registered"]
    assert len(registered) == 1


def test_subjects_are_different_people_even_with_one_address(chat: Chat) -> None:
    assert (
        chat.entering.exchange(SUB, EMAIL, "Ann")[1]
        != (chat.entering.exchange("another", EMAIL, "Bob")[1])
    )


def test_a_taken_nickname_gets_a_number(chat: Chat) -> None:
    # given a guest of that name
    chat.entering.enter("Ann", None)
    # when two people sign in by it, then each has a name of their own
    names = [
        chat.entering.name(chat.entering.exchange(sub, EMAIL, "ann")[1]) for sub in ("one", "two")
    ]
    assert names == ["ann 2", "ann 3"]
    with pytest.raises(NicknameTaken):
        chat.entering.enter("Ann 2", None)


def test_numbered_nicknames_fit() -> None:
    for nickname in ("Ann", "A" * MAX_NICKNAME, "Ann " + "b" * 40):
        made = list(numbered(nickname[:MAX_NICKNAME]))
        assert made[0] == nickname[:MAX_NICKNAME]
        assert all(0 < len(name) <= MAX_NICKNAME and name == name.strip() for name in made)


def test_a_nickname_that_is_taken_with_every_number_is_refused(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryAccounts, "claim_nickname", lambda *_: False)
    with pytest.raises(NicknameTaken):
        chat.entering.exchange(SUB, EMAIL, "Ann")


def test_a_nickname_is_theirs_again_when_they_come_back(chat: Chat, clock: Clock) -> None:
    chat.entering.exchange(SUB, EMAIL, "Ann")
    clock.wait(SESSION_LIFE + 1)
    chat.entering.exchange(SUB, EMAIL, "Ann")
    with pytest.raises(NicknameTaken):
        chat.entering.enter("Ann", None)


def test_who_comes_back_keeps_their_name_though_somebody_took_it(chat: Chat, clock: Clock) -> None:
    _, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    clock.wait(SESSION_LIFE + 1)
    _, guest = chat.entering.enter("Ann", None)
    assert chat.entering.exchange(SUB, EMAIL, "Ann")[1] == user != guest
    assert chat.entering.name(user) == "Ann"


@pytest.mark.parametrize(
    ("port", "step"),
    [
        ("vault", "create"),
        ("accounts", "claim_nickname"),
        ("vault", "seal"),
        ("executor", "execute"),
        ("accounts", "put_session"),
        ("accounts", "put_email"),
    ],
)
def test_a_retry_completes_what_a_crash_left(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, port: str, step: str
) -> None:
    # given a sign-in that came to this step and no further
    with monkeypatch.context() as broken:
        broken.setattr(type(getattr(chat.services, port)), step, crashing)
        with pytest.raises(Crash):
            chat.entering.exchange(SUB, EMAIL, "Ann")
    before = chat.services.accounts.claim_subject(
        chat.services.vault.blind(f"subject:{SUB}"), "u_nobody"
    )
    # when it is tried again
    token, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    # then all is there, once, for the person that the first try named
    assert user == before
    assert chat.sessions.who(token).user == user
    assert chat.entering.name(user) == "Ann"
    assert email_of(chat, user) == EMAIL
    topics = [event.TOPIC for event in chat.services.log.events(user)]
    assert topics.count("person.registered") == 1


def test_a_name_that_somebody_else_had_meanwhile_is_kept_for_who_came_back(
    chat: Chat, clock: Clock
) -> None:
    first, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    chat.sessions.leave(first)
    clock.wait(120)
    guest, other = chat.entering.enter("Ann", None)
    chat.sessions.leave(guest)
    clock.wait(120)
    assert chat.entering.exchange(SUB, EMAIL, "Ann")[1] == user != other
    clock.wait(120)
    with pytest.raises(NicknameTaken):
        chat.entering.enter("Ann", None)


def test_two_sign_ins_at_once_are_one_person(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    # given one that stops before it registers, while another goes all the way
    create = type(chat.services.vault).create
    ended: list[tuple[str, str]] = []

    def meanwhile(vault: Any, users: Any) -> None:
        monkeypatch.setattr(type(chat.services.vault), "create", create)
        ended.append(chat.entering.exchange(SUB, EMAIL, "Ann"))
        create(vault, users)

    monkeypatch.setattr(type(chat.services.vault), "create", meanwhile)
    # when it goes on
    token, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    # then both have a session of the same person, whose words can be read
    assert ended[0][1] == user
    assert {chat.sessions.who(one).user for one in (token, ended[0][0])} == {user}
    assert chat.entering.name(user) == "Ann"
    assert email_of(chat, user) == EMAIL


def test_whoever_was_erased_is_somebody_new(chat: Chat) -> None:
    # given somebody who was erased
    token, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    chat.services.vault.destroy(user)
    chat.services.accounts.end_sessions_of(user)
    # when they sign in again, and again
    (_, other), (_, again) = (chat.entering.exchange(SUB, EMAIL, "Ann") for _ in range(2))
    # then they are another person, and nothing was added to the erased one
    assert other == again != user
    assert chat.entering.name(user) is None
    assert email_of(chat, user) is None
    assert chat.entering.name(other) == "Ann"
    person = chat.services.log.read(user)
    assert isinstance(person, Person)
    assert person.version == 2
    with pytest.raises(Unauthenticated):
        chat.sessions.who(token)


def test_who_is_signed_out_during_a_sign_in_is_not_signed_in_by_a_further_try(
    chat: Chat,
) -> None:
    _, user = chat.entering.exchange(SUB, EMAIL, "Ann")
    put, times = chat.services.accounts.put_session, iter(range(1))

    def overtaken(token: str, session: Session) -> None:
        put(token, session)
        if next(times, None) is not None:
            chat.sessions.sign_out(user)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chat.services.accounts, "put_session", overtaken)
        with pytest.raises(Unauthenticated):
            chat.entering.exchange(SUB, EMAIL, "Ann")
    # They are out, and what is kept of them is kept: they were not erased.
    assert chat.services.accounts.sessions_of(user) == {}
    assert email_of(chat, user) == EMAIL
    assert chat.entering.exchange(SUB, EMAIL, "Ann")[1] == user


def test_nothing_of_a_sign_in_is_kept_in_plain(chat: Chat) -> None:
    token, _ = chat.entering.exchange(SUB, EMAIL, "Planted")
    run_consumers(chat)
    kept = repr(vars(chat.services.accounts)) + repr(list(chat.services.views.dump()))
    kept += repr(list(chat.services.log.recorder.__dict__.values()))
    for secret in (token, SUB, EMAIL, "Planted", "planted"):
        assert secret not in kept


def test_where_guests_are_not_let_in_a_nickname_is_not_enough(chat: Chat) -> None:
    closed = Chat(replace(chat.services, guests=False))
    token, _ = chat.entering.enter("Ann", None)
    for known in (None, token):
        with pytest.raises(Forbidden):
            closed.entering.enter("Ann", known)
    assert closed.entering.exchange(SUB, EMAIL, "Bob")


def test_sign_ins_are_limited_by_address() -> None:
    chat = memory_chat(limiter=TokenBuckets(60, burst=1, clock=lambda: 0.0))
    chat.entering.exchange(SUB, EMAIL, "Ann", "192.0.2.1")
    with pytest.raises(RateLimited):
        chat.entering.exchange(SUB, EMAIL, "Ann", "192.0.2.1")
    assert chat.entering.exchange(SUB, EMAIL, "Ann", "192.0.2.2")


CLAIMS = {"token_use": "id", "sub": SUB, "email": EMAIL, "email_verified": "true", "name": "Ann"}


def test_claims_of_an_id_token_are_read() -> None:
    read = verified_identity(CLAIMS)
    assert (read.sub, read.email, read.name) == (SUB, EMAIL, "Ann")
    assert verified_identity({**CLAIMS, "email_verified": True}) == read


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_use": "access"}, {"token_use": None}, {"sub": ""}, {"sub": "a b"}, {"sub": 7},
        {"email": ""}, {"email": "ann"}, {"email": "a" * 250 + "@x.org"}, {"email": ["a@b"]},
    ],
)  # fmt: skip
def test_other_claims_are_nobodys(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verified_identity({**CLAIMS, **wrong})
    with pytest.raises(Unauthenticated):
        verified_identity({})


@pytest.mark.parametrize("verified", ["false", "", None, False, "yes"])
def test_an_address_must_be_confirmed(verified: Any) -> None:
    with pytest.raises(Forbidden):
        verified_identity({**CLAIMS, "email_verified": verified})


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "annie"}, "annie"),
        ({"preferred_username": "annie", "nickname": "An"}, "An"),
        ({"name": "  Ann \n  Arbor\x00 "}, "Ann Arbor"),
        ({"name": "", "cognito:username": "ann77"}, "ann77"),
        ({"name": None, "cognito:username": SUB}, NAMELESS),
        ({"name": EMAIL, "preferred_username": EMAIL}, NAMELESS),
        ({"name": "A" * 40}, "A" * MAX_NICKNAME),
        ({"name": "A" * 31 + " B"}, "A" * 31),
    ],
)
def test_a_name_is_found_that_fits_and_is_no_address(claims: dict[str, Any], name: str) -> None:
    assert verified_identity({**CLAIMS, **claims}).name == name
