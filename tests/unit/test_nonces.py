"""Drawn nonces are random, of the right size, and each is given once, whoever asks."""

import os
import threading
from typing import Any

import pytest

from adapters.memory.keys import MemoryKeys
from adapters.vault.aes import NONCE_BYTES, AesVault
from adapters.vault.nonces import TOGETHER, DrawnNonces
from adapters.vault.openssl import OpenSslCipher


def test_no_nonce_is_given_twice_to_any_thread() -> None:
    drawn, found = DrawnNonces(), list[list[bytes]]()

    def take() -> None:
        found.append([drawn() for _ in range(2 * TOGETHER + 7)])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [one for part in found for one in part]
    assert len(set(given)) == len(given) == 4 * (2 * TOGETHER + 7)
    assert {len(one) for one in given} == {NONCE_BYTES}


def test_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of the system for some thousand messages."""
    calls: list[int] = []

    def counted(size: int) -> bytes:
        calls.append(size)
        return bytes(size)

    monkeypatch.setattr(os, "urandom", counted)
    drawn = DrawnNonces()
    for _ in range(TOGETHER):
        drawn()
    assert calls == [TOGETHER * NONCE_BYTES]
    drawn()
    assert len(calls) == 2


def test_a_forked_process_draws_anew() -> None:
    drawn = DrawnNonces()
    drawn()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, drawn())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, NONCE_BYTES) not in {drawn() for _ in range(TOGETHER)}
    os.close(reading)
    os.close(writing)


def test_a_vault_seals_with_the_nonces_it_is_given() -> None:
    given: list[Any] = []

    def nonce() -> bytes:
        given.append(DrawnNonces()())
        return bytes(given[-1])

    vault = AesVault(MemoryKeys(), bytes(32), OpenSslCipher, nonce=nonce)
    vault.create(["u_ann"])
    sealed = vault.seal("u_ann", "hello")
    assert vault.open(sealed) == "hello"
    assert len(given) == 2, "one for the key, one for the text"
