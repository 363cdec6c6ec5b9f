"""Readiness: whether all parts of the engine work, for `GET /readyz`.

Liveness (`GET /healthz`) only means that the process answers. A process that is alive but not ready
needs time or an operator; it needs a restart only if a thread is dead.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

PROBE_EVERY = 1.0
"""Seconds for which a result of the disk is valid: more frequent probes do not write more often."""

PROBE_WITHIN = 2.0
"""Seconds after which the disk counts as not answering."""

PROBE_FILE = "parley.probe"
PROBE_BYTES = bytes(4096)


class Readiness:
    """
    Parameters
    ----------
    folder: the data folder.
    troubles: returns other problems, one line each.
    """

    def __init__(
        self,
        folder: Path,
        troubles: Callable[[], list[str]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._file = folder / PROBE_FILE
        self._troubles = troubles
        self._loop = loop
        self._probe: asyncio.Future[str | None] | None = None
        self._probed_at = 0.0

    async def reasons(self) -> list[str]:
        """Returns the reasons why the engine is not ready, one line each; empty if it is ready."""
        disk = await self._disk()
        return [*([disk] if disk else []), *self._troubles()]

    async def _disk(self) -> str | None:
        probe = self._probe
        if probe is None or (probe.done() and self._loop.time() - self._probed_at >= PROBE_EVERY):
            # A disk that hangs blocks only one thread, however often it is probed.
            probe = self._probe = self._loop.run_in_executor(None, _try_disk, self._file)
            self._probed_at = self._loop.time()
        try:
            return await asyncio.wait_for(asyncio.shield(probe), PROBE_WITHIN)
        except TimeoutError:
            return "the disk does not answer"


def _try_disk(file: Path) -> str | None:
    """Writes and syncs a file; returns the reason of a failure."""
    try:
        with file.open("wb") as probe:
            probe.write(PROBE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
        file.unlink()
    except OSError as error:
        return f"the data folder cannot be written: {error.strerror or type(error).__name__}"
    return None
