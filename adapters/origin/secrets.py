"""The secret that CloudFront adds to each request, read from Secrets Manager while functions run.

It is not in the environment: what stands there changes only with a deployment, and a function that
is published keeps what it was published with. Powertools' parameters would do, but import boto3,
61 to 82 ms of processor, where a client of botocore takes 6.
"""

import hmac
import logging
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger("parley.origin")

LIFE = 60.0
"""Seconds that a process goes on with what it read."""

AGAIN = 5.0
"""Seconds after which a read that failed is tried again."""

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class OriginUnknown(OSError):
    """The secret could not be read: nobody can be told from anybody."""


class SecretOrigin:
    """Implements the Origin port. The secret before the current one is taken too: CloudFront goes
    on adding it until its configuration has the new one.

    Parameters
    ----------
    client: botocore's `secretsmanager` client.
    arn: the secret's.
    clock: returns seconds.
    """

    def __init__(self, client: Any, arn: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._arn = arn
        self._clock = clock
        self._read: dict[str, tuple[float, str | None]] = {}

    def admits(self, shown: str) -> bool:
        """Whether a request showed the secret.

        Raises
        ------
        OriginUnknown: it could not be read, and was not before.
        """
        # The one before is looked for only where the current one was not shown.
        return any(self._matches(shown, stage) for stage in (CURRENT, PREVIOUS))

    def _matches(self, shown: str, stage: str) -> bool:
        secret = self._secret(stage)
        return secret is not None and _same(shown, secret)

    def _secret(self, stage: str) -> str | None:
        """Returns a version of the secret; None where there is none of that stage."""
        lapses, known = self._read.get(stage, (-1.0, None))
        now = self._clock()
        if stage in self._read and now < lapses:
            return known
        try:
            answer = self._client.get_secret_value(SecretId=self._arn, VersionStage=stage)
            found: str | None = answer["SecretString"]
        except (ClientError, BotoCoreError) as error:
            code = _code(error)
            if stage == PREVIOUS and code == "ResourceNotFoundException":
                found = None
            elif stage in self._read:
                logger.warning("the origin's secret was not read anew", extra={"code": code})
                self._read[stage] = now + AGAIN, known
                return known
            else:
                raise OriginUnknown(code) from error
        self._read[stage] = now + LIFE, found
        return found


def _same(shown: str, secret: str) -> bool:
    return hmac.compare_digest(shown.encode(errors="replace"), secret.encode())


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__
