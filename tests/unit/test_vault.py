"""Sealing: what may be opened, by which key, and what a destroyed key leaves."""

from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.keys import MemoryKeys
from adapters.vault.aes import KEY_BYTES, AesVault, master_key
from domain.errors import Unauthenticated

MASTER = bytes(range(32))


@pytest.fixture
def vault() -> AesVault:
    made = AesVault(MemoryKeys(), MASTER)
    made.create(["u_ann", "u_bob"])
    return made


VAULT = AesVault(MemoryKeys(), MASTER)
VAULT.create(["u_ann"])


@given(st.text())
def test_what_is_sealed_opens_again(text: str) -> None:
    assert VAULT.open(VAULT.seal("u_ann", text)) == text


def test_sealed_words_show_nothing_and_differ_each_time(vault: AesVault) -> None:
    one, two = vault.seal("u_ann", "planted"), vault.seal("u_ann", "planted")
    assert set(one) == {"k", "c"}
    assert one["k"] == "u_ann"
    assert one["c"] != two["c"]
    assert b"planted" not in b64decode(one["c"])


def test_any_changed_byte_is_noticed(vault: AesVault) -> None:
    sealed = vault.seal("u_ann", "hello")
    raw = b64decode(sealed["c"])
    for index in range(len(raw)):
        changed = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        with pytest.raises(ValueError, match="tampered"):
            vault.open({"k": "u_ann", "c": b64encode(changed).decode()})


@pytest.mark.parametrize("cut", ["", "AAAA", "!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_cut_text_is_refused(vault: AesVault, cut: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 the library tells of a short nonce itself
        vault.open({"k": "u_ann", "c": cut})


def test_a_text_cannot_be_moved_to_another_person(vault: AesVault) -> None:
    sealed = vault.seal("u_ann", "hello")
    with pytest.raises(ValueError, match="tampered"):
        vault.open({**sealed, "k": "u_bob"})


def test_a_wrapped_key_cannot_be_moved_to_another_person() -> None:
    keys = MemoryKeys()
    AesVault(keys, MASTER).create(["u_ann"])
    wrapped = keys.wrapped("u_ann")
    assert wrapped is not None
    keys.add({"u_eve": wrapped})
    with pytest.raises(InvalidTag):
        AesVault(keys, MASTER).seal("u_eve", "hello")


def test_another_master_key_opens_nothing() -> None:
    keys = MemoryKeys()
    vault = AesVault(keys, MASTER)
    vault.create(["u_ann"])
    sealed = vault.seal("u_ann", "hello")
    with pytest.raises(InvalidTag):
        AesVault(keys, bytes(32)).open(sealed)


def test_keys_outlive_the_process() -> None:
    keys = MemoryKeys()
    first = AesVault(keys, MASTER)
    first.create(["u_ann"])
    sealed, digest = first.seal("u_ann", "hello"), first.digest("u_ann", b"content")
    second = AesVault(keys, MASTER)
    second.create(["u_ann"])  # a key that exists stays
    assert second.open(sealed) == "hello"
    assert second.digest("u_ann", b"content") == digest


def test_a_destroyed_key_erases_and_does_not_come_back(vault: AesVault) -> None:
    ann, bob = vault.seal("u_ann", "hello"), vault.seal("u_bob", "hello")
    assert vault.destroy("u_ann") is True
    assert vault.open(ann) is None
    assert vault.open(bob) == "hello"
    vault.create(["u_ann"])
    assert vault.open(ann) is None
    with pytest.raises(Unauthenticated):
        vault.seal("u_ann", "again")
    with pytest.raises(Unauthenticated):
        vault.digest("u_ann", b"again")
    assert vault.destroy("u_ann") is False


def test_nobody_has_a_key_before_it_was_made(vault: AesVault) -> None:
    assert vault.destroy("u_nobody") is False
    with pytest.raises(Unauthenticated):
        vault.seal("u_other", "hello")


def test_digests_are_stable_keyed_and_differ_by_content_and_person(vault: AesVault) -> None:
    one = vault.digest("u_ann", b"content")
    assert one == vault.digest("u_ann", b"content")
    assert one != vault.digest("u_ann", b"other")
    assert one != vault.digest("u_bob", b"content")
    assert len(one) == 16
    assert bytes.fromhex(one)


def test_pseudonyms_are_stable_and_need_the_master_key(vault: AesVault) -> None:
    assert vault.blind("nickname:ann") == AesVault(MemoryKeys(), MASTER).blind("nickname:ann")
    assert vault.blind("nickname:ann") != vault.blind("nickname:bob")
    assert vault.blind("nickname:ann") != AesVault(MemoryKeys(), bytes(32)).blind("nickname:ann")
    # Pinned: stored nicknames are found by it (a storage format).
    assert vault.blind("nickname:ann") == "151e9777df3c6793a304106013286c03"


@pytest.mark.parametrize("master", [b"", bytes(16), bytes(33)])
def test_the_master_key_has_32_bytes(master: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AesVault(MemoryKeys(), master)


def test_the_master_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    key = master_key(path)
    assert len(key) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert master_key(path) == key == path.read_bytes()


def test_a_file_that_is_no_key_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(b"half a key")
    with pytest.raises(ValueError, match="not a key of 32 bytes"):
        master_key(path)
    assert path.read_bytes() == b"half a key"
