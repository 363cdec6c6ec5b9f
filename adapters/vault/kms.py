"""The master key of a deployed stack, wrapped by KMS.

It is created on the first use and stored, wrapped, in the key store under a name that no person
has. Losing it erases everybody, so the key store is protected from deletion.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.vault.aes import KEY_BYTES, KeyStore

MASTER = "master"
"""Its name in the key store; ids of people begin with `u_`."""

CONTEXT = {"application": "parley", "purpose": "master-key"}
"""KMS's encryption context: a key wrapped with it can only be unwrapped with it, and a key policy
may require it. A STORAGE FORMAT."""


LOST = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "NotFoundException"})
"""Answers of KMS that no retry and no change of a permission mends."""


class Refused(OSError):
    """KMS refuses for now: it throttles, cannot be reached, or lacks a permission."""


class MasterKeyLost(Exception):
    """The stack's master key was destroyed: nothing that is sealed can be opened."""


def stack_master_key(kms: Any, key_id: str, keys: KeyStore) -> bytes:
    """Returns the master key, unwrapped by one Decrypt; called once per process.

    Parameters
    ----------
    kms: boto3's `kms` client.
    key_id: ARN of the KMS key.
    keys: the store that keeps it.

    Raises
    ------
    MasterKeyLost: the key was destroyed; only its tombstone remains.
    Refused: KMS refuses for now.
    botocore.exceptions.ClientError: KMS cannot unwrap the key for good.
    """
    try:
        return _master_key(kms, key_id, keys)
    except ClientError as error:
        told = error.response["Error"]
        if told["Code"] in LOST:
            raise
        line = f"{error.operation_name}: {told['Code']}: {told.get('Message', '')}"
        raise Refused(line) from error
    except BotoCoreError as error:
        raise Refused(type(error).__name__) from error


def _master_key(kms: Any, key_id: str, keys: KeyStore) -> bytes:
    wrapped = keys.wrapped(MASTER)
    if wrapped is None:
        made = kms.generate_data_key(
            KeyId=key_id, NumberOfBytes=KEY_BYTES, EncryptionContext=CONTEXT
        )
        # If two processes create it at once, one key is kept, and both read that one.
        keys.add({MASTER: made["CiphertextBlob"]})
        wrapped = keys.wrapped(MASTER)
    if wrapped is None:
        raise MasterKeyLost
    answer = kms.decrypt(KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=CONTEXT)
    return bytes(answer["Plaintext"])
