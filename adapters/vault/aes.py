"""The vault: AES-256-GCM under a key per person, each wrapped by a master key.

A sealed text is `{k, c}`: `k` the person whose key it is, `c` base64 of nonce (12 bytes),
ciphertext and tag. The person's id is authenticated with it, so a text cannot be moved to
another person's key. Nonces are random: 2^32 texts per key keep a collision below 2^-32
(NIST SP 800-38D, 8.3).
"""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.aggregate import Sealed
from domain.errors import Unauthenticated

KEY_BYTES = 32
NONCE_BYTES = 12
CACHE = 20_000
"""Unwrapped keys kept in memory, some 300 bytes each."""


class KeyStore(Protocol):
    """Wrapped keys by person."""

    def wrapped(self, user: str) -> bytes | None:
        """Returns the wrapped key; None where there is none or it was destroyed."""
        ...

    def add(self, keys: Mapping[str, bytes]) -> None:
        """Keeps keys of people who never had one; durable on return."""
        ...

    def destroy(self, user: str) -> bool:
        """Overwrites the key and keeps a mark that there was one; durable on return."""
        ...


@dataclass(frozen=True, slots=True)
class _Key:
    cipher: AESGCM
    digest_key: bytes


class AesVault:
    """Implements the Vault port over any key store.

    Parameters
    ----------
    keys: where wrapped keys are.
    master: 32 bytes that wrap them and key the pseudonyms.
    """

    def __init__(self, keys: KeyStore, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"the master key must have {KEY_BYTES} bytes")
        self._keys = keys
        self._master = AESGCM(master)
        self._pepper = hmac.digest(master, b"parley:blind", "sha256")
        self._cache: OrderedDict[str, _Key] = OrderedDict()

    def create(self, users: Sequence[str]) -> None:
        self._keys.add({user: self._wrap(user, os.urandom(KEY_BYTES)) for user in users})

    def _wrap(self, user: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, key, user.encode())

    def _key(self, user: str) -> _Key | None:
        key = self._cache.get(user)
        if key is None:
            wrapped = self._keys.wrapped(user)
            if wrapped is None:
                return None
            raw = self._master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], user.encode())
            key = _Key(AESGCM(raw), hmac.digest(raw, b"parley:digest", "sha256"))
            self._cache[user] = key
            if len(self._cache) > CACHE:
                self._cache.popitem(last=False)
        return key

    def _own_key(self, user: str) -> _Key:
        key = self._key(user)
        if key is None:
            raise Unauthenticated("this person was erased")
        return key

    def seal(self, user: str, text: str) -> Sealed:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._own_key(user).cipher.encrypt(nonce, text.encode(), user.encode())
        return {"k": user, "c": b64encode(nonce + sealed).decode()}

    def open(self, sealed: Sealed) -> str | None:
        user = sealed["k"]
        key = self._key(user)
        if key is None:
            return None
        raw = b64decode(sealed["c"])
        try:
            text = key.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], user.encode())
        except InvalidTag:
            raise ValueError("a sealed text was tampered with") from None
        return text.decode()

    def digest(self, user: str, content: bytes) -> str:
        # Keyed BLAKE2b: a quarter of the time of HMAC-SHA-256, on every message's path.
        key = self._own_key(user).digest_key
        return hashlib.blake2b(content, key=key, digest_size=8).hexdigest()

    def blind(self, text: str) -> str:
        return hmac.digest(self._pepper, text.encode(), "sha256")[:16].hex()

    def destroy(self, user: str) -> bool:
        destroyed = self._keys.destroy(user)
        self._cache.pop(user, None)
        return destroyed


def master_key(path: Path) -> bytes:
    """Returns the master key of a data folder, made on the first use, readable by its owner.

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
