"""Random nonces for a process that seals on an event loop beside busy threads."""

import os
from collections import deque

from adapters.vault.aes import NONCE_BYTES

TOGETHER = 1_024
"""Nonces drawn at once: 12 KB."""


class DrawnNonces:
    """Gives random nonces that were drawn from the system many at a time; each is given once.

    `os.urandom` lets go of the interpreter lock, which a busy thread then keeps for the switch
    interval: beside the views' thread a nonce took 26 µs on average, a tenth of a message's time.
    Not for a process that is restored from a snapshot of its memory: what was drawn before would be
    given by each copy. A forked child draws anew.
    """

    def __init__(self) -> None:
        self._drawn: deque[bytes] = deque()
        os.register_at_fork(after_in_child=self._drawn.clear)

    def __call__(self) -> bytes:
        """Returns NONCE_BYTES bytes; from any thread."""
        while True:
            try:
                return self._drawn.popleft()
            except IndexError:
                drawn = os.urandom(TOGETHER * NONCE_BYTES)
                self._drawn.extend(
                    drawn[place : place + NONCE_BYTES]
                    for place in range(0, len(drawn), NONCE_BYTES)
                )
