"""The vault: AES-256-GCM under a key per person, each wrapped by a master key.

A sealed text is `{k, c}`: `k` the person whose key it is, `c` base64 of nonce (12 bytes),
ciphertext and tag. The person's id is authenticated with it, so a text cannot be moved to
another person's key. Nonces are random: 2^32 texts per key keep a collision below 2^-32
(NIST SP 800-38D, 8.3). This is a STORAGE FORMAT, independent of the cipher library.
"""

import hashlib
import hmac
import math
import os
import threading
import time
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.errors import Unauthenticated
from domain.ports.vault import Tampered
from domain.protocol.types import Sealed

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
CACHE = 20_000
"""Unwrapped keys kept in memory, at most KEY_BYTES_KEPT each: all have the same size, so their
number limits their bytes."""

KEY_BYTES_KEPT = 2_700
"""Bytes of a key in memory: 1 KB of Python objects, and the cipher's own (measured as the growth of
a process)."""


class Cipher(Protocol):
    """AES-GCM under one key; the tag follows the ciphertext."""

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Raises Tampered if the tag does not fit."""
        ...


CipherOf = Callable[[bytes], Cipher]
"""Creates the cipher of a key of KEY_BYTES: adapters/vault/openssl.py or pycryptodome.py."""


class KeyStore(Protocol):
    """Wrapped keys by person."""

    def wrapped(self, user: str) -> bytes | None:
        """Returns the wrapped key; None if there is none or it was destroyed."""
        ...

    def wrapped_many(self, users: Sequence[str]) -> dict[str, bytes]:
        """Returns the wrapped keys of the people for whom `wrapped` returns one, in as few requests
        as the store allows; `users` must not repeat."""
        ...

    def add(self, keys: Mapping[str, bytes]) -> None:
        """Stores keys of people who never had one; durable on return."""
        ...

    def destroy(self, user: str) -> bool:
        """Overwrites the key and keeps a tombstone; durable on return."""
        ...


@dataclass(frozen=True, slots=True)
class _Key:
    cipher: Cipher
    digest_key: bytes
    until: float


class AesVault:
    """Implements the Vault port over any key store.

    Parameters
    ----------
    keys: the store of wrapped keys.
    master: 32 bytes that wrap them and key the pseudonyms.
    cipher_of: the cipher library.
    lifetime: seconds for which an unwrapped key is kept, None for the life of the process. If
        several processes share the keys, a person whom one process erased is gone from the others
        after this time.
    clock: seconds; not the monotonic clock on Lambda, which may stand still between two calls.
    nonce: returns NONCE_BYTES random bytes, never the same twice.
    """

    def __init__(
        self,
        keys: KeyStore,
        master: bytes,
        cipher_of: CipherOf,
        *,
        lifetime: float | None = None,
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], bytes] | None = None,
    ) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"the master key must have {KEY_BYTES} bytes")
        self._keys = keys
        self._cipher_of = cipher_of
        self._master = cipher_of(master)
        self._pepper = hmac.digest(master, b"parley:blind", "sha256")
        self._lifetime = math.inf if lifetime is None else lifetime
        self._clock = clock
        self._nonce = nonce or random_nonce
        self._cache: OrderedDict[str, _Key] = OrderedDict()
        self._lock = threading.Lock()
        self._forgotten = 0

    def create(self, users: Sequence[str]) -> None:
        self._keys.add({user: self._wrap(user, os.urandom(KEY_BYTES)) for user in users})

    def opens(self, user: str, wrapped: bytes) -> bool:
        """Returns whether a person's key was wrapped with this master key."""
        try:
            _decrypt(self._master, wrapped, user)
        except Tampered:
            return False
        return True

    def _wrap(self, user: str, key: bytes) -> bytes:
        return _encrypt(self._master, self._nonce(), key, user)

    def _key(self, user: str) -> _Key | None:
        key, now = self._cache.get(user), self._clock()
        if key is not None and now < key.until:
            return key

        def read() -> dict[str, bytes]:
            wrapped = self._keys.wrapped(user)
            return {} if wrapped is None else {user: wrapped}

        return self._loaded([user], read, now).get(user)

    def _loaded(
        self, users: Sequence[str], read: Callable[[], Mapping[str, bytes]], now: float
    ) -> dict[str, _Key]:
        """Returns the keys of `users`, reads them with `read`, and keeps them in memory."""
        while True:
            before = self._forgotten
            keys = {user: self._unwrapped(user, wrapped, now) for user, wrapped in read().items()}
            with self._lock:
                # A key that was destroyed after it was read may be one of these: read again.
                if before == self._forgotten:
                    for user in users:
                        self._cache.pop(user, None)
                    self._cache.update(keys)
                    while len(self._cache) > CACHE:
                        self._cache.popitem(last=False)
                    return keys

    def _unwrapped(self, user: str, wrapped: bytes, now: float) -> _Key:
        raw = _decrypt(self._master, wrapped, user)
        digest_key = hmac.digest(raw, b"parley:digest", "sha256")
        return _Key(self._cipher_of(raw), digest_key, now + self._lifetime)

    def _own_key(self, user: str) -> _Key:
        key = self._key(user)
        if key is None:
            raise Unauthenticated("this person was erased")
        return key

    def seal(self, user: str, text: str) -> Sealed:
        sealed = _encrypt(self._own_key(user).cipher, self._nonce(), text.encode(), user)
        return {"k": user, "c": b64encode(sealed).decode()}

    def open(self, sealed: Sealed) -> str | None:
        """Opens a text; None if its key is gone. Raises Tampered if it does not fit its key."""
        return self._opened(self._key(sealed["k"]), sealed)

    def open_many(self, sealed: Sequence[Sealed]) -> list[str | None]:
        """Opens texts as `open` does; keys that are not in memory are read together."""
        now = self._clock()
        wanted = dict.fromkeys(one["k"] for one in sealed)
        held = {user: key for user in wanted if (key := self._cache.get(user)) is not None}
        keys = {user: key for user, key in held.items() if now < key.until}
        missing = [user for user in wanted if user not in keys]
        if missing:
            try:
                keys |= self._loaded(missing, lambda: self._keys.wrapped_many(missing), now)
            except Tampered:
                # One key is damaged: each by itself shows which.
                keys |= self._intact(missing)
        return [self._opened_or_none(keys.get(one["k"]), one) for one in sealed]

    def _intact(self, users: Sequence[str]) -> dict[str, _Key]:
        found: dict[str, _Key] = {}
        for user in users:
            with suppress(Tampered):
                key = self._key(user)
                if key is not None:
                    found[user] = key
        return found

    def _opened_or_none(self, key: _Key | None, sealed: Sealed) -> str | None:
        try:
            return self._opened(key, sealed)
        except Tampered:
            return None

    @staticmethod
    def _opened(key: _Key | None, sealed: Sealed) -> str | None:
        if key is None:
            return None
        return _decrypt(key.cipher, b64decode(sealed["c"]), sealed["k"]).decode()

    def digest(self, user: str, content: bytes) -> str:
        # Keyed BLAKE2b: a quarter of the time of HMAC-SHA-256, in the path of every message.
        key = self._own_key(user).digest_key
        return hashlib.blake2b(content, key=key, digest_size=8).hexdigest()

    def blind(self, text: str) -> str:
        return hmac.digest(self._pepper, text.encode(), "sha256")[:16].hex()

    def destroy(self, user: str) -> bool:
        try:
            return self._keys.destroy(user)
        finally:
            # Also after a failure: the answer may have been lost, not the write.
            self.forget(user)

    def forget(self, user: str) -> None:
        with self._lock:
            self._forgotten += 1
            self._cache.pop(user, None)


def random_nonce() -> bytes:
    """Returns a new nonce."""
    return os.urandom(NONCE_BYTES)


def _encrypt(cipher: Cipher, nonce: bytes, data: bytes, user: str) -> bytes:
    return nonce + cipher.encrypt(nonce, data, user.encode())


def _decrypt(cipher: Cipher, raw: bytes, user: str) -> bytes:
    if len(raw) < NONCE_BYTES + TAG_BYTES:
        raise Tampered
    return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], user.encode())


def master_key(path: Path) -> bytes:
    """Returns the master key of a data folder; creates it on the first use, readable only by its
    owner.

    Raises
    ------
    ValueError: the file is not a key.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise ValueError(f"{path} is not a key of {KEY_BYTES} bytes") from None
        return key
    with os.fdopen(handle, "wb") as file:
        key = os.urandom(KEY_BYTES)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
