"""The secret that CloudFront adds to each request, read from Secrets Manager while functions run.

It is not in the environment: the environment changes only with a deployment, and a published
version of a function keeps the environment that it was published with. Powertools' Parameters read
and cache the secret; they import boto3 (docs/adr/0018), so only functions that read a secret import
this module.
"""

import hmac
import logging
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

logger = logging.getLogger("parley.origin")

LIFE = 60
"""Seconds for which a process uses a secret that it read."""

AGAIN = 5
"""Seconds after which a failed read is retried."""

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"

NONE = ""
"""Represents a stage without a secret: Secrets Manager stores no empty secrets, and Parameters do
not cache None."""


class OriginUnknown(OSError):
    """The secret could not be read, so no request can be checked."""


class SecretOrigin:
    """Implements the Origin port. It also accepts the previous secret: CloudFront continues to add
    that one until its configuration has the new one.

    Parameters
    ----------
    client: botocore's `secretsmanager` client.
    arn: the secret's.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._stages = [_Stage(client, arn, stage) for stage in (CURRENT, PREVIOUS)]

    def admits(self, shown: str) -> bool:
        """Returns whether a request has the secret.

        Raises
        ------
        OriginUnknown: it could not be read now and was never read before.
        """
        # The previous secret is only read if the request does not have the current one.
        return any(_same(shown, stage.secret()) for stage in self._stages)


class _Stage(SecretsProvider):
    """Reads the version of a secret at one stage. Parameters cache by the secret's name, so each
    stage has its own provider."""

    def __init__(self, client: Any, arn: str, stage: str) -> None:
        super().__init__(boto3_client=client)
        self._arn = arn
        self._stage = stage

    def secret(self) -> str:
        """Returns the stage's secret, NONE if it has none. Raises OriginUnknown."""
        try:
            return str(self.get(self._arn, max_age=LIFE))
        except GetParameterError as error:
            return self._last_known(_code(error))

    def _get(self, name: str, **sdk_options: Any) -> str | bytes:
        try:
            return super()._get(name, VersionStage=self._stage, **sdk_options)
        except ClientError as error:
            if self._stage == PREVIOUS and _aws_code(error) == "ResourceNotFoundException":
                return NONE
            raise

    def _last_known(self, code: str) -> str:
        """Returns the secret that was read before, for AGAIN more seconds."""
        key = self._build_cache_key(self._arn)
        if key not in self.store:
            raise OriginUnknown(code)
        logger.warning("the origin's secret was not read again", extra={"code": code})
        known = str(self.store[key].value)
        self.add_to_cache(key, known, AGAIN)
        return known


def _same(shown: str, secret: str) -> bool:
    return secret != NONE and hmac.compare_digest(shown.encode(errors="replace"), secret.encode())


def _code(error: GetParameterError) -> str:
    """Returns the code of the failure that Parameters wrapped, because its text may name the
    secret."""
    cause = error.__context__
    return _aws_code(cause) if isinstance(cause, ClientError) else type(cause).__name__


def _aws_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
