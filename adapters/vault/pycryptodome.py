"""AES-GCM by `pycryptodomex`: 6 MB instead of the 15 MB of `cryptography`, for Lambda's package
size."""

from Cryptodome.Cipher import AES

from adapters.vault.aes import TAG_BYTES
from domain.ports.vault import Tampered


class PyCryptodomeCipher:
    """Implements the vault's Cipher."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        cipher = AES.new(self._key, AES.MODE_GCM, nonce=nonce, mac_len=TAG_BYTES)
        cipher.update(associated)
        text, tag = cipher.encrypt_and_digest(data)
        return text + tag

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        cipher = AES.new(self._key, AES.MODE_GCM, nonce=nonce, mac_len=TAG_BYTES)
        cipher.update(associated)
        try:
            return cipher.decrypt_and_verify(data[:-TAG_BYTES], data[-TAG_BYTES:])
        except ValueError:
            raise Tampered from None
