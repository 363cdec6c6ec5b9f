"""Sealing: what may be opened, by which key, and what a destroyed key leaves.

Over 300 lines: the vault, its key cache and its ciphers are tried together, with both libraries.
"""

import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.keys import MemoryKeys
from adapters.vault import aes
from adapters.vault.aes import KEY_BYTES, AesVault, Cipher, CipherOf, master_key
from adapters.vault.openssl import OpenSslCipher
from adapters.vault.pycryptodome import PyCryptodomeCipher
from domain.errors import Unauthenticated
from domain.ports.vault import Tampered

MASTER = bytes(range(32))

CIPHERS: list[CipherOf] = [OpenSslCipher, PyCryptodomeCipher]


@pytest.fixture(params=CIPHERS)
def vault(request: pytest.FixtureRequest) -> AesVault:
    made = AesVault(MemoryKeys(), MASTER, request.param)
    made.create(["u_ann", "u_bob"])
    return made


VAULT = AesVault(MemoryKeys(), MASTER, OpenSslCipher)
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
        with pytest.raises(Tampered, match="tampered"):
            vault.open({"k": "u_ann", "c": b64encode(changed).decode()})


def test_a_damaged_text_or_key_hides_no_other() -> None:
    keys = MemoryKeys()
    fresh = AesVault(keys, MASTER, OpenSslCipher)
    fresh.create(["u_ann", "u_bob"])
    good, bad, bobs = fresh.seal("u_ann", "a"), fresh.seal("u_ann", "b"), fresh.seal("u_bob", "c")
    moved = {**bad, "k": "u_bob"}
    assert fresh.open_many([good, moved, bobs]) == ["a", None, "c"]
    wrapped = keys.wrapped("u_ann")
    assert wrapped is not None
    keys.add({"u_eve": wrapped})
    other = AesVault(keys, MASTER, OpenSslCipher)
    assert other.open_many([good, {**good, "k": "u_eve"}, bobs]) == ["a", None, "c"]


@pytest.mark.parametrize("cut", ["", "AAAA", "!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_cut_text_is_refused(vault: AesVault, cut: str) -> None:
    with pytest.raises(Tampered):
        vault.open({"k": "u_ann", "c": cut})


def test_a_text_cannot_be_moved_to_another_person(vault: AesVault) -> None:
    sealed = vault.seal("u_ann", "hello")
    with pytest.raises(Tampered, match="tampered"):
        vault.open({**sealed, "k": "u_bob"})


def test_a_wrapped_key_cannot_be_moved_to_another_person() -> None:
    keys = MemoryKeys()
    AesVault(keys, MASTER, OpenSslCipher).create(["u_ann"])
    wrapped = keys.wrapped("u_ann")
    assert wrapped is not None
    keys.add({"u_eve": wrapped})
    with pytest.raises(Tampered):
        AesVault(keys, MASTER, OpenSslCipher).seal("u_eve", "hello")


def test_another_master_key_opens_nothing() -> None:
    keys = MemoryKeys()
    vault = AesVault(keys, MASTER, OpenSslCipher)
    vault.create(["u_ann"])
    sealed = vault.seal("u_ann", "hello")
    with pytest.raises(Tampered):
        AesVault(keys, bytes(32), OpenSslCipher).open(sealed)


def test_keys_outlive_the_process() -> None:
    keys = MemoryKeys()
    first = AesVault(keys, MASTER, OpenSslCipher)
    first.create(["u_ann"])
    sealed, digest = first.seal("u_ann", "hello"), first.digest("u_ann", b"content")
    second = AesVault(keys, MASTER, OpenSslCipher)
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
    same, other = (AesVault(MemoryKeys(), master, OpenSslCipher) for master in (MASTER, bytes(32)))
    assert vault.blind("nickname:ann") == same.blind("nickname:ann")
    assert vault.blind("nickname:ann") != vault.blind("nickname:bob")
    assert vault.blind("nickname:ann") != other.blind("nickname:ann")
    # Pinned: stored nicknames are found by it (a storage format).
    assert vault.blind("nickname:ann") == "151e9777df3c6793a304106013286c03"


@pytest.mark.parametrize("master", [b"", bytes(16), bytes(33)])
def test_the_master_key_has_32_bytes(master: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AesVault(MemoryKeys(), master, OpenSslCipher)


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


# Destroying a key while it is used


class Interleaved(MemoryKeys):
    """Runs `meanwhile` between the read of a wrapped key and its return."""

    meanwhile: Callable[[], None] | None = None

    def wrapped(self, user: str) -> bytes | None:
        found = super().wrapped(user)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return found


def test_a_key_that_is_destroyed_while_it_is_loaded_does_not_stay() -> None:
    keys = Interleaved()
    vault = AesVault(keys, MASTER, OpenSslCipher)
    vault.create(["u_ann", "u_bob"])
    ann, bob = vault.seal("u_ann", "hello"), vault.seal("u_bob", "hello")
    for user in ("u_ann", "u_bob"):
        vault.forget(user)
    keys.meanwhile = lambda: vault.destroy("u_ann")  # type: ignore[assignment]
    assert vault.open(ann) is None
    with pytest.raises(Unauthenticated):
        vault.seal("u_ann", "again")
    # Somebody else's key that is loaded meanwhile is loaded all the same.
    keys.meanwhile = lambda: vault.forget("u_ann")
    assert vault.open(bob) == "hello"


def test_a_key_that_is_destroyed_beside_threads_that_use_it_does_not_stay() -> None:
    keys = MemoryKeys()
    vault = AesVault(keys, MASTER, OpenSslCipher, lifetime=0.0)  # loaded at each use
    people = [f"u_{number}" for number in range(30)]
    vault.create(people)
    sealed = {user: vault.seal(user, "hello") for user in people}
    stop, opened = threading.Event(), 0

    def use() -> None:
        nonlocal opened
        while not stop.is_set():
            for user in people:
                opened += vault.open(sealed[user]) is not None

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for user in people:
            assert vault.destroy(user)
            assert vault.open(sealed[user]) is None
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(before)
    assert opened
    assert not vault._cache


def test_a_destroyed_key_goes_from_the_cache_though_the_answer_was_lost() -> None:
    class Losing(MemoryKeys):
        def destroy(self, user: str) -> bool:
            super().destroy(user)
            raise OSError("no answer")

    vault = AesVault(Losing(), MASTER, OpenSslCipher)
    vault.create(["u_ann"])
    sealed = vault.seal("u_ann", "hello")
    with pytest.raises(OSError, match="no answer"):
        vault.destroy("u_ann")
    assert vault.open(sealed) is None


# Either library


@pytest.mark.parametrize(
    ("sealing", "opening"), [(CIPHERS[0], CIPHERS[1]), (CIPHERS[1], CIPHERS[0])]
)
@given(text=st.text())
def test_each_opens_what_the_other_sealed(sealing: CipherOf, opening: CipherOf, text: str) -> None:
    keys = MemoryKeys()
    first, second = AesVault(keys, MASTER, sealing), AesVault(keys, MASTER, opening)
    first.create(["u_ann"])
    assert second.open(first.seal("u_ann", text)) == text
    assert second.digest("u_ann", text.encode()) == first.digest("u_ann", text.encode())


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.binary(max_size=40))
def test_both_cipher_alike(key: bytes, data: bytes, associated: bytes) -> None:
    nonce = bytes(12)
    one, two = (make(key).encrypt(nonce, data, associated) for make in CIPHERS)
    assert one == two
    assert [make(key).decrypt(nonce, one, associated) for make in CIPHERS] == [data, data]


# The form of NIST's GCM test vectors (test case 16 of McGrew and Viega's specification).
KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b"
)


@pytest.mark.parametrize("make", CIPHERS)
def test_the_published_vector(make: CipherOf) -> None:
    cipher: Cipher = make(KEY)
    assert cipher.encrypt(NONCE, PLAIN, ASSOCIATED) == SEALED
    assert cipher.decrypt(NONCE, SEALED, ASSOCIATED) == PLAIN
    with pytest.raises(Tampered):
        cipher.decrypt(NONCE, SEALED, ASSOCIATED[:-1])


def test_the_vault_itself_loads_no_library() -> None:
    """What goes to Lambda has no room for `cryptography`."""
    code = "import sys, adapters.vault.aes, adapters.vault.kms; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"cryptography", "Cryptodome", "Crypto"} & set(loaded.stdout.split())


# The cache


class CountingKeys(MemoryKeys):
    reads = 0

    def wrapped(self, user: str) -> bytes | None:
        self.reads += 1
        return super().wrapped(user)


def test_a_key_is_unwrapped_once_a_lifetime() -> None:
    now, keys = [1_000.0], CountingKeys()
    vault = AesVault(keys, MASTER, OpenSslCipher, lifetime=300, clock=lambda: now[0])
    vault.create(["u_ann"])
    sealed = vault.seal("u_ann", "hello")
    vault.seal("u_ann", "again")
    vault.digest("u_ann", b"content")
    assert keys.reads == 1
    now[0] += 299
    assert vault.open(sealed) == "hello"
    assert keys.reads == 1
    now[0] += 1
    assert vault.open(sealed) == "hello"
    assert keys.reads == 2
    now[0] += 299
    vault.open(sealed)
    assert keys.reads == 2


def test_the_keys_that_were_read_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aes, "CACHE", 2)
    keys = CountingKeys()
    vault = AesVault(keys, MASTER, OpenSslCipher)
    vault.create(["u_a", "u_b", "u_c"])
    for user in ("u_a", "u_b", "u_c"):
        vault.seal(user, "hello")
    assert keys.reads == 3
    for user in ("u_b", "u_c", "u_b"):
        vault.seal(user, "hello")
    assert keys.reads == 3, "these are in memory"
    vault.seal("u_a", "hello")
    assert keys.reads == 4, "this one had to make room"


def test_who_was_erased_elsewhere_is_gone_after_the_lifetime() -> None:
    now, keys = [1_000.0], MemoryKeys()
    here = AesVault(keys, MASTER, OpenSslCipher, lifetime=300, clock=lambda: now[0])
    here.create(["u_ann"])
    sealed = here.seal("u_ann", "hello")
    assert AesVault(keys, MASTER, OpenSslCipher).destroy("u_ann") is True
    assert here.open(sealed) == "hello"
    now[0] += 300
    assert here.open(sealed) is None
    with pytest.raises(Unauthenticated):
        here.seal("u_ann", "again")
    with pytest.raises(Unauthenticated):
        here.digest("u_ann", b"again")


def test_without_a_lifetime_a_key_is_unwrapped_once() -> None:
    now, keys = [1_000.0], CountingKeys()
    vault = AesVault(keys, MASTER, OpenSslCipher, clock=lambda: now[0])
    vault.create(["u_ann"])
    vault.seal("u_ann", "hello")
    now[0] += 1e9
    vault.seal("u_ann", "hello")
    assert keys.reads == 1


class OneRead(MemoryKeys):
    """Counts how often keys are read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[list[str]] = []

    def wrapped(self, user: str) -> bytes | None:
        self.reads.append([user])
        return super().wrapped(user)

    def wrapped_many(self, users: Sequence[str]) -> dict[str, bytes]:
        self.reads.append(sorted(users))
        return {user: wrapped for user in users if (wrapped := MemoryKeys.wrapped(self, user))}


def test_many_texts_are_opened_with_one_read_of_their_keys() -> None:
    keys = OneRead()
    writer = AesVault(keys, MASTER, OpenSslCipher)
    users = [f"u_{number}" for number in range(50)]
    writer.create(users)
    sealed = [writer.seal(user, user) for user in users]
    keys.destroy("u_7")
    reader = AesVault(keys, MASTER, OpenSslCipher)
    assert reader.open(sealed[3]) == "u_3"
    keys.reads.clear()
    expected = [None if user == "u_7" else user for user in users]
    assert reader.open_many([*sealed, sealed[0]]) == [*expected, "u_0"]
    assert keys.reads == [sorted({*users} - {"u_3"})]
    # What was read stays; who was erased is looked for again.
    assert reader.open_many(sealed) == expected
    assert keys.reads[1:] == [["u_7"]]
    assert reader.open_many([]) == []
    reader.forget("u_9")
    assert reader.open_many(sealed[9:10]) == ["u_9"]
    assert keys.reads[2:] == [["u_9"]]


def test_a_key_destroyed_while_many_are_read_does_not_stay() -> None:
    class Racing(MemoryKeys):
        race = True

        def wrapped_many(self, users: Sequence[str]) -> dict[str, bytes]:
            found = super().wrapped_many(users)
            if self.race:
                self.race = False
                reader.destroy("u_bob")
            return found

    keys = Racing()
    reader = AesVault(keys, MASTER, OpenSslCipher)
    reader.create(["u_ann", "u_bob"])
    writer = AesVault(keys, MASTER, OpenSslCipher)
    sealed = [writer.seal(user, user) for user in ("u_ann", "u_bob")]
    assert reader.open_many(sealed) == ["u_ann", None]
    assert reader.open(sealed[1]) is None
