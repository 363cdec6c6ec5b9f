"""AES-GCM by `cryptography`, on OpenSSL: fast, for processes without a size limit."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.ports.vault import Tampered


class OpenSslCipher:
    """Implements the vault's Cipher."""

    __slots__ = ("_gcm",)

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return self._gcm.encrypt(nonce, data, associated)

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        try:
            return self._gcm.decrypt(nonce, data, associated)
        except InvalidTag:
            raise Tampered from None
