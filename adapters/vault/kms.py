"""The master key of a deployed stack, which KMS wraps.

It is made on the first use and stands in the key store, wrapped, under a name that no person
has. Whoever loses it has erased everybody: the key store is kept from deletion.
"""

from typing import Any

from adapters.vault.aes import KEY_BYTES, KeyStore

MASTER = "master"
"""Its place in the key store; ids of people begin with `u_`."""

CONTEXT = {"application": "parley", "purpose": "master-key"}
"""KMS's encryption context: what is wrapped for this opens for nothing else, and a key policy
may ask for it. A STORAGE FORMAT."""


class MasterKeyLost(Exception):
    """The stack had a master key and it was destroyed: nothing that is sealed can be opened."""


def stack_master_key(kms: Any, key_id: str, keys: KeyStore) -> bytes:
    """Returns the master key, unwrapped by one Decrypt; called once a process.

    Parameters
    ----------
    kms: boto3's `kms` client.
    key_id: ARN of the KMS key.
    keys: where it is kept.

    Raises
    ------
    MasterKeyLost: there is but the mark of a destroyed one.
    botocore.exceptions.ClientError: KMS refuses.
    """
    wrapped = keys.wrapped(MASTER)
    if wrapped is None:
        made = kms.generate_data_key(
            KeyId=key_id, NumberOfBytes=KEY_BYTES, EncryptionContext=CONTEXT
        )
        # Of two processes that come first at once one is kept; both read that one.
        keys.add({MASTER: made["CiphertextBlob"]})
        wrapped = keys.wrapped(MASTER)
    if wrapped is None:
        raise MasterKeyLost
    answer = kms.decrypt(KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=CONTEXT)
    return bytes(answer["Plaintext"])
