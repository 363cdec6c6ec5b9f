"""The KeyStore port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.dynamodb.keys import DynamoKeys
from adapters.dynamodb.table import Table
from adapters.memory.keys import MemoryKeys
from adapters.sqlite.keys import SqliteKeys
from adapters.vault.aes import AesVault, KeyStore
from adapters.vault.openssl import OpenSslCipher
from tests.support.dynamodb import ENGINES, counting, engine_of


@pytest.fixture(params=["memory", "sqlite", *ENGINES])
def keys(request: pytest.FixtureRequest, tmp_path: Path, no_scan: None) -> Iterator[KeyStore]:
    if request.param == "memory":
        yield MemoryKeys()
        return
    if request.param in ENGINES:
        client, tables = engine_of(request, request.param)
        yield DynamoKeys(Table(client, tables["keys"]))
        return
    made = SqliteKeys(tmp_path / "keys.db")
    yield made
    made.close()


def test_keys_are_kept(keys: KeyStore) -> None:
    assert keys.wrapped("u_ann") is None
    keys.add({"u_ann": b"\x00one", "u_bob": b"two"})
    assert (keys.wrapped("u_ann"), keys.wrapped("u_bob")) == (b"\x00one", b"two")
    keys.add({})


def test_many_keys_at_once(keys: KeyStore) -> None:
    many = {f"u_{number:03d}": b"%d" % number for number in range(120)}
    keys.add(many)
    keys.destroy("u_007")
    del many["u_007"]
    assert keys.wrapped_many(["u_nobody", "u_007", *many]) == many
    assert keys.wrapped_many([]) == {}


def test_a_key_is_never_replaced(keys: KeyStore) -> None:
    keys.add({"u_ann": b"one"})
    keys.add({"u_ann": b"other", "u_bob": b"two"})
    assert (keys.wrapped("u_ann"), keys.wrapped("u_bob")) == (b"one", b"two")


def test_a_destroyed_key_stays_destroyed(keys: KeyStore) -> None:
    keys.add({"u_ann": b"one", "u_bob": b"two"})
    assert keys.destroy("u_ann") is True
    assert keys.destroy("u_ann") is False
    assert keys.wrapped("u_ann") is None
    keys.add({"u_ann": b"another"})
    assert keys.wrapped("u_ann") is None
    assert keys.wrapped("u_bob") == b"two"


def test_who_is_destroyed_before_they_had_a_key_gets_none(keys: KeyStore) -> None:
    assert keys.destroy("u_ann") is False
    keys.add({"u_ann": b"one"})
    assert keys.wrapped("u_ann") is None


def test_a_vault_works_over_it(keys: KeyStore) -> None:
    vault = AesVault(keys, bytes(32), OpenSslCipher)
    vault.create(["u_ann"])
    sealed = vault.seal("u_ann", "hello")
    assert AesVault(keys, bytes(32), OpenSslCipher).open(sealed) == "hello"
    assert vault.destroy("u_ann") is True
    assert AesVault(keys, bytes(32), OpenSslCipher).open(sealed) is None


def test_a_destroyed_key_is_in_no_file(tmp_path: Path) -> None:
    """Not even in the write-ahead log, which would keep the page until a checkpoint."""
    keys = SqliteKeys(tmp_path / "keys.db")
    planted = b"planted-key-planted-key-planted-"
    keys.add({"u_ann": planted, "u_bob": b"two"})
    assert any(planted in path.read_bytes() for path in tmp_path.iterdir())
    keys.destroy("u_ann")
    assert not any(planted in path.read_bytes() for path in tmp_path.iterdir())
    keys.close()
    again = SqliteKeys(tmp_path / "keys.db")
    assert (again.wrapped("u_ann"), again.wrapped("u_bob")) == (None, b"two")
    again.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_destroyed_key_is_in_no_item(request: pytest.FixtureRequest, engine: str) -> None:
    client, tables = engine_of(request, engine)
    keys = DynamoKeys(Table(client, tables["keys"]))
    keys.add({"u_ann": b"one"})
    keys.destroy("u_ann")
    keys.destroy("u_bob")
    for user in ("u_ann", "u_bob"):
        answer = client.get_item(TableName=tables["keys"], Key={"user": {"S": user}})
        assert answer["Item"] == {"user": {"S": user}, "destroyed": {"BOOL": True}}


def test_each_call_is_one_of_dynamodbs(dynamo: object, tables: dict[str, str]) -> None:
    keys = DynamoKeys(Table(dynamo, tables["keys"]))
    with counting(dynamo) as called:
        keys.add({"u_ann": b"one"})
        keys.wrapped("u_ann")
        keys.destroy("u_ann")
    assert called == ["PutItem", "GetItem", "UpdateItem"]
