"""AWS Signature Version 4 for posts that differ in path and body alone.

botocore's SigV4Auth signs any request, in some 80 µs, a tenth of a post's processor time; this one
keeps what many posts share, the derived key of the day and the body's digest, and takes 12.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

SERVICE = "execute-api"
CONTENT = "application/json"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


class Signer:
    """Signs requests to one host.

    Parameters
    ----------
    credentials: botocore's; refreshed by it whenever they are about to lapse.
    """

    def __init__(self, credentials: Any, region: str, host: str) -> None:
        self._credentials = credentials
        self._region = region
        self._host = host
        self._derived: tuple[str, str, bytes] = ("", "", b"")

    def headers(self, method: str, path: str, digest: str, now: datetime) -> dict[str, str]:
        """Returns a request's headers, `Authorization` included.

        Parameters
        ----------
        path: as it is sent, quoted once.
        digest: the body's SHA-256, in hexadecimal.
        """
        known = self._credentials.get_frozen_credentials()
        moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/{self._region}/{SERVICE}/aws4_request"
        signed = {"content-type": CONTENT, "host": self._host, "x-amz-date": moment}
        if known.token:
            signed["x-amz-security-token"] = known.token
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        canonical = f"{method}\n{quote(path, safe='/~')}\n\n{lines}\n{names}\n{digest}"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        signature = _hmac(
            self._key(known.secret_key, scope), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
        ).hex()
        del signed["host"]  # the client sends it
        return {
            **signed,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={known.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}",
        }

    def _key(self, secret: str, scope: str) -> bytes:
        # Read and written as one: several threads sign.
        secret_then, scope_then, key = self._derived
        if (secret, scope) != (secret_then, scope_then):
            key = f"AWS4{secret}".encode()
            for part in scope.split("/"):
                key = _hmac(key, part)
            self._derived = secret, scope, key
        return key


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
