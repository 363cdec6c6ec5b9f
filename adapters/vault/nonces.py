"""Random nonces for a process that seals on an event loop while other threads are busy."""

import os
from collections import deque

from adapters.vault.aes import NONCE_BYTES

TOGETHER = 1_024
"""Nonces generated at once: 12 KB."""


class DrawnNonces:
    """Returns random nonces that were generated many at a time; each is returned once.

    `os.urandom` releases the interpreter lock, which a busy thread then keeps for the switch
    interval: next to the views' thread a nonce took 26 µs on average, a tenth of a message's time.
    Do not use it in a process that is restored from a snapshot of its memory: each copy would
    return the same nonces. A forked child generates new ones.
    """

    def __init__(self) -> None:
        self._drawn: deque[bytes] = deque()
        os.register_at_fork(after_in_child=self._drawn.clear)

    def __call__(self) -> bytes:
        """Returns NONCE_BYTES bytes; may be called from any thread."""
        while True:
            try:
                return self._drawn.popleft()
            except IndexError:
                drawn = os.urandom(TOGETHER * NONCE_BYTES)
                self._drawn.extend(
                    drawn[place : place + NONCE_BYTES]
                    for place in range(0, len(drawn), NONCE_BYTES)
                )
