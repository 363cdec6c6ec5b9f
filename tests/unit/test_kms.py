"""The master key of a deployed stack."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from adapters.memory.keys import MemoryKeys
from adapters.vault.aes import KEY_BYTES, AesVault
from adapters.vault.kms import CONTEXT, MASTER, MasterKeyLost, Refused, stack_master_key
from adapters.vault.pycryptodome import PyCryptodomeCipher
from domain.consumer import TRANSIENT
from tests.support.dynamodb import fake_credentials


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    fake_credentials(monkeypatch)
    with mock_aws():
        yield boto3.client("kms", region_name="us-east-1")


@pytest.fixture
def key_id(kms: Any) -> str:
    made: str = kms.create_key()["KeyMetadata"]["Arn"]
    return made


@pytest.fixture
def called(kms: Any) -> list[str]:
    names: list[str] = []
    kms.meta.events.register("before-call.kms", lambda model, **_: names.append(model.name))
    return names


def test_it_is_made_once_and_unwrapped_once_a_process(
    kms: Any, key_id: str, called: list[str]
) -> None:
    keys = MemoryKeys()
    first = stack_master_key(kms, key_id, keys)
    assert len(first) == KEY_BYTES
    assert called == ["GenerateDataKey", "Decrypt"]
    called.clear()
    assert stack_master_key(kms, key_id, keys) == first
    assert called == ["Decrypt"]


def test_only_the_wrapped_key_is_kept_and_it_needs_the_context(kms: Any, key_id: str) -> None:
    keys = MemoryKeys()
    master = stack_master_key(kms, key_id, keys)
    wrapped = keys.wrapped(MASTER)
    assert wrapped is not None
    assert master not in wrapped
    assert kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT)["Plaintext"] == master
    with pytest.raises(ClientError):
        kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"purpose": "another"})


class Late(MemoryKeys):
    """Another process keeps its key between this one's first look and its write."""

    def __init__(self, other: bytes) -> None:
        super().__init__()
        self.other = other
        self.looked = False

    def wrapped(self, user: str) -> bytes | None:
        found = super().wrapped(user)
        if not self.looked:
            self.looked = True
            self.add({user: self.other})
        return found


def test_who_comes_second_takes_the_first_ones(kms: Any, key_id: str, called: list[str]) -> None:
    theirs = MemoryKeys()
    first = stack_master_key(kms, key_id, theirs)
    wrapped = theirs.wrapped(MASTER)
    assert wrapped is not None
    called.clear()
    assert stack_master_key(kms, key_id, Late(wrapped)) == first
    assert called == ["GenerateDataKey", "Decrypt"]


def test_a_destroyed_one_is_not_replaced(kms: Any, key_id: str) -> None:
    keys = MemoryKeys()
    stack_master_key(kms, key_id, keys)
    keys.destroy(MASTER)
    with pytest.raises(MasterKeyLost):
        stack_master_key(kms, key_id, keys)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", Refused), ("ThrottlingException", Refused),
        ("KMSInvalidStateException", Refused), ("InvalidCiphertextException", ClientError),
    ],
)  # fmt: skip
def test_a_refusal_that_may_end_is_one_to_retry(
    kms: Any, key_id: str, monkeypatch: pytest.MonkeyPatch, code: str, kind: type[Exception]
) -> None:
    keys = MemoryKeys()
    stack_master_key(kms, key_id, keys)

    def refused(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Decrypt")

    monkeypatch.setattr(kms, "decrypt", refused)
    with pytest.raises(kind, match=f"Decrypt.*{code}|{code}.*Decrypt") as raised:
        stack_master_key(kms, key_id, keys)
    assert isinstance(raised.value, TRANSIENT) == (kind is Refused)


def test_a_vault_works_with_it(kms: Any, key_id: str) -> None:
    keys = MemoryKeys()
    vaults = [
        AesVault(keys, stack_master_key(kms, key_id, keys), PyCryptodomeCipher) for _ in range(2)
    ]
    vaults[0].create(["u_ann"])
    assert vaults[1].open(vaults[0].seal("u_ann", "hello")) == "hello"
