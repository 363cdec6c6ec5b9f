"""The Accounts port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.memory.accounts import RESERVED, MemoryAccounts
from adapters.sqlite import accounts as sqlite
from domain.ports import Accounts, Session

NOW = 1_000_000.0
LIVE = Session("u_ann", "s1", NOW + 100)


@pytest.fixture(params=["memory", "sqlite"])
def accounts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Accounts]:
    if request.param == "memory":
        yield MemoryAccounts()
        return
    made = sqlite.SqliteAccounts(tmp_path / "accounts.db")
    yield made
    made.close()


def test_a_session_lives_until_it_expires(accounts: Accounts) -> None:
    assert accounts.session("t1", NOW) is None
    accounts.put_session("t1", LIVE)
    assert accounts.session("t1", NOW) == LIVE
    assert accounts.session("t1", NOW + 99.9) == LIVE
    assert accounts.session("t1", NOW + 100) is None
    assert accounts.session("t2", NOW) is None


def test_a_session_is_prolonged(accounts: Accounts) -> None:
    accounts.put_session("t1", LIVE)
    longer = Session("u_ann", "s1", NOW + 500)
    accounts.put_session("t1", longer)
    assert accounts.session("t1", NOW + 200) == longer


def test_a_session_ends_once_and_alone(accounts: Accounts) -> None:
    accounts.put_session("t1", LIVE)
    accounts.put_session("t2", Session("u_ann", "s2", NOW + 100))
    assert accounts.end_session("t1") == LIVE
    assert accounts.end_session("t1") is None
    assert accounts.session("t1", NOW) is None
    assert accounts.session("t2", NOW) is not None


def test_all_sessions_of_a_person_end(accounts: Accounts) -> None:
    accounts.put_session("t1", LIVE)
    accounts.put_session("t2", Session("u_ann", "s2", NOW + 100))
    accounts.put_session("t3", Session("u_bob", "s3", NOW + 100))
    accounts.end_sessions_of("u_ann")
    assert [accounts.session(token, NOW) is None for token in ("t1", "t2", "t3")] == [
        True, True, False,
    ]  # fmt: skip


def test_a_nickname_is_its_holders_while_they_have_a_live_session(accounts: Accounts) -> None:
    assert accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    later = NOW + RESERVED + 1
    assert accounts.claim_nickname("ann", "u_eve", later) is False
    assert accounts.claim_nickname("bob", "u_eve", later) is True
    assert accounts.claim_nickname("ann", "u_ann", later) is True
    assert accounts.claim_nickname("ann", "u_eve", NOW + 500) is True


def test_a_claimed_nickname_is_kept_for_a_minute_until_its_first_session(
    accounts: Accounts,
) -> None:
    assert RESERVED == sqlite.RESERVED == 60.0
    assert accounts.claim_nickname("ann", "u_ann", NOW)
    assert accounts.claim_nickname("ann", "u_eve", NOW + 59.9) is False
    assert accounts.claim_nickname("ann", "u_eve", NOW + 60.0) is True
    assert accounts.claim_nickname("ann", "u_ann", NOW + 61.0) is False


@pytest.mark.parametrize("how", ["one", "all"])
def test_a_nickname_is_free_once_its_holder_is_gone(accounts: Accounts, how: str) -> None:
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    if how == "one":
        accounts.end_session("t1")
    else:
        accounts.end_sessions_of("u_ann")
    assert accounts.claim_nickname("ann", "u_eve", NOW + 1) is True


def test_a_nickname_stays_taken_while_another_session_of_its_holder_lives(
    accounts: Accounts,
) -> None:
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    accounts.put_session("t2", Session("u_ann", "s2", NOW + 100))
    accounts.end_session("t1")
    assert accounts.claim_nickname("ann", "u_eve", NOW + 1) is False


def test_a_ticket_is_good_once(accounts: Accounts) -> None:
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 60))
    assert accounts.take_ticket("k2", NOW) is None
    assert accounts.take_ticket("k1", NOW) == Session("u_ann", "s1", NOW + 60)
    assert accounts.take_ticket("k1", NOW) is None


def test_a_ticket_expires_and_is_used_up_by_the_try(accounts: Accounts) -> None:
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 60))
    assert accounts.take_ticket("k1", NOW + 60) is None
    assert accounts.take_ticket("k1", NOW) is None


def test_a_new_ticket_leaves_live_ones_alone(accounts: Accounts) -> None:
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 60))
    accounts.put_ticket("k2", Session("u_bob", "s2", NOW + 90))
    accounts.put_ticket("k3", Session("u_bob", "s2", NOW + 119))
    assert accounts.take_ticket("k1", NOW + 59) is not None
    assert accounts.take_ticket("k2", NOW + 59) is not None


def test_accounts_outlive_the_process(tmp_path: Path) -> None:
    first = sqlite.SqliteAccounts(tmp_path / "accounts.db")
    first.claim_nickname("ann", "u_ann", NOW)
    first.put_session("t1", LIVE)
    first.close()
    second = sqlite.SqliteAccounts(tmp_path / "accounts.db")
    assert second.session("t1", NOW) == LIVE
    assert second.claim_nickname("ann", "u_eve", NOW + 70) is False
    second.close()
