"""The master key of a deployed stack, wrapped by KMS.

It is created on the first use and stored, wrapped, in the key store under a name that no person
has. Losing it erases everybody, so the key store is protected from deletion.
"""

from typing import Any

from adapters.vault.aes import KEY_BYTES, KeyStore

MASTER = "master"
"""Its name in the key store; ids of people begin with `u_`."""

CONTEXT = {"application": "parley", "purpose": "master-key"}
"""KMS's encryption context: a key wrapped with it can only be unwrapped with it, and a key policy
may require it. A STORAGE FORMAT."""


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
    botocore.exceptions.ClientError: KMS refuses.
    """
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
