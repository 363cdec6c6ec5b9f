"""The Accounts port.

Over 300 lines: one port, and every adapter is held to all of it.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.dynamodb import accounts as dynamodb
from adapters.dynamodb.table import Item, Table
from adapters.memory.accounts import RESERVED, MemoryAccounts
from adapters.sqlite import accounts as sqlite
from domain.errors import Throttled
from domain.ports.accounts import Accounts, Session
from tests.support.dynamodb import ENGINES, counting, engine_of, scan_guard

NOW = 1_000_000.0
LIVE = Session("u_ann", "s1", NOW + 100)


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def accounts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Accounts]:
    if request.param == "memory":
        yield MemoryAccounts()
        return
    if request.param in ENGINES:
        client, tables = engine_of(request, request.param)
        request.getfixturevalue("no_scan")
        yield dynamodb.DynamoAccounts(Table(client, tables["accounts"]))
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
    accounts.prolong("t1", NOW + 500.5)
    assert accounts.session("t1", NOW + 200) == Session("u_ann", "s1", NOW + 500.5)
    assert accounts.session("t1", NOW + 501) is None


def test_a_prolonged_session_keeps_its_nickname(accounts: Accounts) -> None:
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    accounts.prolong("t1", NOW + 500)
    assert accounts.claim_nickname("ann", "u_eve", NOW + 300) is False
    assert accounts.claim_nickname("ann", "u_eve", NOW + 501) is True


def test_a_persons_sessions_by_token(accounts: Accounts) -> None:
    assert accounts.sessions_of("u_ann") == {}
    other = Session("u_ann", "s2", NOW - 100)
    accounts.put_session("t1", LIVE)
    accounts.put_session("t2", other)
    accounts.put_session("t3", Session("u_bob", "s3", NOW + 100))
    assert accounts.sessions_of("u_ann") == {"t1": LIVE, "t2": other}
    accounts.prolong("t1", NOW + 500.5)
    accounts.end_session("t2")
    assert accounts.sessions_of("u_ann") == {"t1": Session("u_ann", "s1", NOW + 500.5)}


def test_who_is_forgotten_leaves_nothing_but_their_subject(accounts: Accounts) -> None:
    # given somebody with a session, a ticket, nicknames, an address and a subject
    for user, nickname in (("u_ann", "ann"), ("u_ann", "anna"), ("u_bob", "bob")):
        assert accounts.claim_nickname(nickname, user, NOW)
    accounts.put_session("t1", LIVE)
    accounts.put_ticket("k1", LIVE)
    accounts.put_session("t2", Session("u_bob", "s2", NOW + 100))
    accounts.claim_subject("sub", "u_ann")
    for user in ("u_ann", "u_bob"):
        accounts.put_email(user, {"k": user, "c": "sealed"})
    # when they are forgotten, twice
    for _ in range(2):
        accounts.forget("u_ann")
        # then nothing names them
        assert accounts.session("t1", NOW) is None
        assert accounts.take_ticket("k1", NOW) is None
        assert accounts.nickname_holder("ann") is accounts.nickname_holder("anna") is None
        assert accounts.email("u_ann") is None
        # and their subject stays theirs, and others stay as they are
        assert accounts.claim_subject("sub", "u_new") == "u_ann"
        assert accounts.session("t2", NOW) is not None
        assert accounts.nickname_holder("bob") == "u_bob"
        assert accounts.email("u_bob") == {"k": "u_bob", "c": "sealed"}
    assert accounts.claim_nickname("ann", "u_eve", NOW)


def test_who_is_forgotten_keeps_no_nickname_from_its_later_holder(accounts: Accounts) -> None:
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.claim_nickname("ann", "u_eve", NOW + 1_000)
    accounts.forget("u_ann")
    assert accounts.nickname_holder("ann") == "u_eve"


@pytest.mark.parametrize("how", ["one", "all"])
def test_a_session_that_ended_is_not_prolonged(accounts: Accounts, how: str) -> None:
    accounts.prolong("t1", NOW + 500)
    assert accounts.session("t1", NOW) is None
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    if how == "one":
        accounts.end_session("t1")
    else:
        accounts.end_sessions_of("u_ann")
    accounts.prolong("t1", NOW + 500)
    assert accounts.session("t1", NOW) is None
    assert accounts.end_session("t1") is None
    assert accounts.claim_nickname("ann", "u_eve", NOW + 1) is True


def test_a_session_that_ends_while_it_is_prolonged_stays_ended(
    dynamo: Any, tables: dict[str, str]
) -> None:
    class Ending(Table):
        """Ends the session after each read."""

        def get(self, key: Mapping[str, Any], *, consistent: bool = True) -> Item | None:
            found = super().get(key, consistent=consistent)
            dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"])).end_session("t1")
            return found

    accounts = dynamodb.DynamoAccounts(Ending(dynamo, tables["accounts"]))
    accounts.put_session("t1", LIVE)
    accounts.prolong("t1", NOW + 500)
    assert dynamo.scan(TableName=tables["accounts"])["Items"] == []


class Racing(Table):
    """Lets somebody else go ahead between a look at a nickname and its taking."""

    def __init__(self, client: Any, name: str, ahead: Callable[[], object]) -> None:
        super().__init__(client, name)
        self._ahead: list[Callable[[], object]] = [ahead]

    def get(self, key: Mapping[str, Any], *, consistent: bool = True) -> Item | None:
        found = super().get(key, consistent=consistent)
        if self._ahead:
            self._ahead.pop()()
        return found


@pytest.mark.parametrize("held", ["by nobody", "by one who left", "by oneself"])
def test_a_nickname_that_somebody_takes_first_is_theirs(
    dynamo: Any, tables: dict[str, str], held: str
) -> None:
    """Two look at once, find it free, and both take it."""
    other = dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"]))
    if held == "by one who left":
        assert other.claim_nickname("ann", "u_old", NOW - 1_000)
    elif held == "by oneself":
        assert other.claim_nickname("ann", "u_bob", NOW - 1_000)
    ahead = Racing(dynamo, tables["accounts"], lambda: other.claim_nickname("ann", "u_ann", NOW))
    accounts = dynamodb.DynamoAccounts(ahead)
    assert accounts.claim_nickname("ann", "u_bob", NOW) is False
    assert accounts.nickname_holder("ann") == "u_ann"
    accounts.put_session("t1", LIVE)
    assert accounts.claim_nickname("ann", "u_bob", NOW + RESERVED + 1) is False
    assert accounts.end_session("t1") == LIVE
    assert accounts.claim_nickname("ann", "u_bob", NOW + RESERVED + 1) is True


def test_a_nickname_that_others_always_take_first_is_asked_for_again(
    dynamo: Any, tables: dict[str, str]
) -> None:
    """Nobody has it for good meanwhile: that it is taken would be untrue."""
    other = dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"]))
    taken = iter(range(10))

    class Restless(Table):
        def get(self, key: Mapping[str, Any], *, consistent: bool = True) -> Item | None:
            found = super().get(key, consistent=consistent)
            number = next(taken)
            assert other.claim_nickname("ann", f"u_{number}", NOW - 1_000 + 100 * number)
            return found

    restless = Restless(dynamo, tables["accounts"], pause=lambda seconds: None)
    with pytest.raises(Throttled):
        dynamodb.DynamoAccounts(restless).claim_nickname("ann", "u_ann", NOW)
    assert next(taken) == dynamodb.ATTEMPTS


@pytest.mark.parametrize("accounts", ["memory", "sqlite", *ENGINES], indirect=True)
def test_a_session_that_was_prolonged_is_not_swept(accounts: Accounts) -> None:
    short, long = Session("u_ann", "s1", NOW + 100), Session("u_ann", "s2", NOW + 100_000)
    accounts.put_session("t1", short)
    accounts.put_session("t2", short)
    accounts.prolong("t2", long.expires)
    with scanning():
        assert accounts.drop_expired(NOW + 50_000, lambda: True) == 1
    assert accounts.session("t1", NOW) is None
    assert accounts.session("t2", NOW + 90_000) == Session("u_ann", "s1", long.expires)


def test_a_session_that_is_prolonged_during_the_sweep_stays(
    dynamo: Any, tables: dict[str, str]
) -> None:
    """The sweep has read that it is over, and looks once more when it deletes."""
    accounts, later = dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"])), NOW + 200_000
    for number in range(3):
        accounts.put_session(f"t{number}", Session("u_ann", f"s{number}", NOW + 100))

    def prolonging() -> bool:
        accounts.prolong("t1", later)
        return True

    with scanning():
        assert accounts.drop_expired(NOW + 50_000, prolonging) == 2
    assert accounts.session("t1", NOW + 150_000) == Session("u_ann", "s1", later)
    for gone in ("t0", "t2"):
        assert accounts.session(gone, NOW) is None
    # It is found with its person still, and ends as any other.
    accounts.end_sessions_of("u_ann")
    assert accounts.session("t1", NOW) is None


@contextmanager
def scanning() -> Iterator[None]:
    """Allows a Scan, as the sweep may."""
    before, scan_guard.on = scan_guard.on, False
    yield
    scan_guard.on = before


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
    assert RESERVED == sqlite.RESERVED == dynamodb.RESERVED == 60.0
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


@pytest.mark.parametrize("how", ["one", "all"])
def test_tickets_are_void_once_their_session_ended(accounts: Accounts, how: str) -> None:
    accounts.put_session("t1", LIVE)
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 60))
    accounts.put_ticket("k2", Session("u_bob", "s2", NOW + 60))
    if how == "one":
        accounts.put_ticket("k3", Session("u_ann", "s3", NOW + 60))
        accounts.end_session("t1")
        assert accounts.take_ticket("k3", NOW) is not None
    else:
        accounts.end_sessions_of("u_ann")
    assert accounts.take_ticket("k1", NOW) is None
    assert accounts.take_ticket("k2", NOW) is not None


def test_a_nickname_is_not_freed_by_a_former_holder(accounts: Accounts) -> None:
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    assert accounts.claim_nickname("ann", "u_eve", NOW + 200) is True
    accounts.end_session("t1")
    assert accounts.claim_nickname("ann", "u_bob", NOW + 201) is False


def test_a_nicknames_holder_is_who_claimed_it_last(accounts: Accounts) -> None:
    assert accounts.nickname_holder("ann") is None
    accounts.claim_nickname("ann", "u_ann", NOW)
    assert accounts.nickname_holder("ann") == "u_ann"
    accounts.claim_nickname("ann", "u_eve", NOW)
    assert accounts.nickname_holder("ann") == "u_ann"


def test_of_many_who_claim_a_nickname_at_once_one_gets_it(accounts: Accounts) -> None:
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda n: accounts.claim_nickname("ann", f"u_{n}", NOW), range(8)))
    assert sum(given) == 1
    assert accounts.nickname_holder("ann") == f"u_{given.index(True)}"


def test_a_subject_is_the_first_ones_for_good(accounts: Accounts) -> None:
    assert accounts.claim_subject("sub", "u_ann") == "u_ann"
    assert accounts.claim_subject("sub", "u_eve") == "u_ann"
    assert accounts.claim_subject("sub", "u_ann") == "u_ann"
    assert accounts.claim_subject("sub2", "u_eve") == "u_eve"
    accounts.end_sessions_of("u_ann")
    assert accounts.claim_subject("sub", "u_eve") == "u_ann"


def test_of_many_who_claim_a_subject_at_once_all_are_told_the_same(accounts: Accounts) -> None:
    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(lambda n: accounts.claim_subject("sub", f"u_{n}"), range(8)))
    assert len(told) == 1


def test_the_last_address_counts(accounts: Accounts) -> None:
    assert accounts.email("u_ann") is None
    accounts.put_email("u_ann", {"k": "u_ann", "c": "one"})
    accounts.put_email("u_ann", {"k": "u_ann", "c": "two"})
    assert accounts.email("u_ann") == {"k": "u_ann", "c": "two"}
    assert accounts.email("u_bob") is None
    accounts.end_sessions_of("u_ann")
    assert accounts.email("u_ann") is not None


@pytest.mark.parametrize("accounts", ["memory", "sqlite"], indirect=True)
def test_what_is_over_is_dropped(accounts: Accounts) -> None:
    check_dropping(accounts)


def test_what_is_over_is_dropped_of_dynamodb(dynamo: Any, tables: dict[str, str]) -> None:
    """It reads the whole table, as a schedule may."""
    check_dropping(dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"])))
    left = dynamo.scan(TableName=tables["accounts"])["Items"]
    assert {item["sk"]["S"].split("#")[0] for item in left} == {"-", "session", "nickname"}


def check_dropping(accounts: Accounts) -> None:
    accounts.claim_nickname("ann", "u_ann", NOW)
    accounts.put_session("t1", LIVE)
    accounts.put_session("t2", Session("u_ann", "s2", NOW + 100_000))
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 60))
    accounts.put_ticket("k2", Session("u_ann", "s2", NOW + 60))
    assert accounts.drop_expired(NOW + 50, lambda: True) == 0
    assert accounts.drop_expired(NOW + 10_000, lambda: False) == 0
    assert accounts.session("t1", NOW) == LIVE
    assert accounts.drop_expired(NOW + 10_000, lambda: True) == 3
    assert accounts.drop_expired(NOW + 10_000, lambda: True) == 0
    assert accounts.session("t1", NOW) is None
    assert accounts.session("t2", NOW) is not None
    assert accounts.take_ticket("k1", NOW) is None


def test_taking_a_ticket_and_finding_a_session_are_one_call_each(
    dynamo: Any, tables: dict[str, str]
) -> None:
    accounts = dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"]))
    accounts.put_session("t1", LIVE)
    accounts.put_ticket("k1", LIVE)
    with counting(dynamo) as calls:
        accounts.take_ticket("k1", NOW)
        accounts.session("t1", NOW)
    assert calls == ["DeleteItem", "GetItem"]


def test_what_lapses_tells_dynamodb_when(dynamo: Any, tables: dict[str, str]) -> None:
    accounts = dynamodb.DynamoAccounts(Table(dynamo, tables["accounts"]))
    accounts.put_session("t1", Session("u_ann", "s1", NOW + 0.5))
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 0.5))
    items = dynamo.scan(TableName=tables["accounts"])["Items"]
    assert [item["expires"] for item in items] == [{"N": str(int(NOW) + 1)}] * 4


def test_accounts_outlive_the_process(tmp_path: Path) -> None:
    first = sqlite.SqliteAccounts(tmp_path / "accounts.db")
    first.claim_nickname("ann", "u_ann", NOW)
    first.put_session("t1", LIVE)
    first.close()
    second = sqlite.SqliteAccounts(tmp_path / "accounts.db")
    assert second.session("t1", NOW) == LIVE
    assert second.claim_nickname("ann", "u_eve", NOW + 70) is False
    second.close()


def test_a_nickname_is_found_by_who_claimed_it_last(accounts: Accounts) -> None:
    assert accounts.nickname_holder("n1") is None
    assert accounts.claim_nickname("n1", "u_ann", NOW)
    assert accounts.nickname_holder("n1") == "u_ann"
    assert not accounts.claim_nickname("n1", "u_bob", NOW)
    assert accounts.nickname_holder("n1") == "u_ann"
    assert accounts.claim_nickname("n1", "u_bob", NOW + RESERVED + 1)
    assert accounts.nickname_holder("n1") == "u_bob"
    assert accounts.nickname_holder("n2") is None


def test_a_ticket_that_lives_longer_drops_none_that_is_good(accounts: Accounts) -> None:
    accounts.put_ticket("k1", Session("u_ann", "s1", NOW + 60))
    accounts.put_ticket("link", Session("u_ann", "s1", NOW + 86_400), 86_400.0)
    accounts.put_ticket("k2", Session("u_ann", "s1", NOW + 61))
    assert accounts.take_ticket("k1", NOW) is not None
    assert accounts.take_ticket("link", NOW + 86_399) is not None
    assert accounts.take_ticket("link", NOW) is None
