"""Mail goes to who wants it, and its link ends it without signing in."""

import pytest

from adapters.memory.limiter import TokenBuckets
from domain.chat import Chat
from domain.chat.preferences import address_of, token_of
from domain.errors import NotFound, RateLimited
from tests.support.chat import memory_chat, person


def with_address(chat: Chat) -> str:
    user = person(chat, "ann").user
    chat.services.accounts.put_email(user, chat.services.vault.seal(user, "ann@example.org"))
    return user


def address(chat: Chat, user: str) -> str | None:
    return address_of(chat.services.log, chat.services.accounts, chat.services.vault, user)


def test_nobody_gets_mail_who_did_not_ask_for_it() -> None:
    chat = memory_chat()
    ann = with_address(chat)
    assert chat.preferences.notices(ann) == {"mail": False, "address": True}
    assert address(chat, ann) is None
    assert chat.preferences.set_notices(ann, True) == {"mail": True, "address": True}
    assert address(chat, ann) == "ann@example.org"
    chat.preferences.set_notices(ann, False)
    assert address(chat, ann) is None
    chat.preferences.set_notices(ann, True)
    chat.services.vault.destroy(ann)
    assert address(chat, ann) is None
    bob = person(chat, "bob").user
    assert chat.preferences.set_notices(bob, True) == {"mail": True, "address": False}
    assert address(chat, bob) is None
    assert address(chat, "u_nobody") is None


def test_a_link_ends_the_mail_of_its_person_alone() -> None:
    chat = memory_chat()
    ann, bob = with_address(chat), person(chat, "bob").user
    for user in (ann, bob):
        chat.preferences.set_notices(user, True)
    token = token_of(chat.services.vault, ann)
    assert chat.preferences.subscriber(token) == ann
    assert chat.preferences.notices(ann)["mail"] is True
    for _ in range(2):
        chat.preferences.unsubscribe(token)
    assert chat.preferences.notices(ann)["mail"] is False
    assert chat.preferences.notices(bob)["mail"] is True
    digest = token.partition(".")[2]
    for wrong in ("", ann, f"{ann}.", f"{bob}.{digest}", f"{token}x", "lobby.x", "\u00fc.x"):
        with pytest.raises(NotFound):
            chat.preferences.unsubscribe(wrong)
    # The digest of another purpose opens nothing here.
    with pytest.raises(NotFound):
        chat.preferences.unsubscribe(f"{bob}.{chat.services.vault.blind(f'nickname:{bob}')}")


def test_each_address_has_an_allowance_of_links() -> None:
    chat = memory_chat(limiter=TokenBuckets(1, burst=1))
    token = token_of(chat.services.vault, with_address(chat))
    assert chat.preferences.subscriber(token, "192.0.2.1")
    with pytest.raises(RateLimited):
        chat.preferences.subscriber(token, "192.0.2.1")
