"""Readiness: whether the engine does all of its work, for `GET /readyz`.

Liveness (`GET /healthz`) only says that the process answers. A process that is alive and not
ready needs a person or time, and a restart only where its thread is dead.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

PROBE_EVERY = 1.0
"""Seconds that the answer of the disk counts: asking more often writes no more often."""

PROBE_WITHIN = 2.0
"""Seconds that the disk may take before it counts as one that does not answer."""

PROBE_FILE = "parley.probe"
PROBE_BYTES = bytes(4096)


class Readiness:
    """
    Parameters
    ----------
    folder: where the data is.
    troubles: tells what else is wrong, a line each.
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
        """Returns why the engine is not ready, a line each; empty where it is."""
        disk = await self._disk()
        return [*([disk] if disk else []), *self._troubles()]

    async def _disk(self) -> str | None:
        probe = self._probe
        if probe is None or (probe.done() and self._loop.time() - self._probed_at >= PROBE_EVERY):
            # A disk that hangs holds one thread, however often somebody asks.
            probe = self._probe = self._loop.run_in_executor(None, _try_disk, self._file)
            self._probed_at = self._loop.time()
        try:
            return await asyncio.wait_for(asyncio.shield(probe), PROBE_WITHIN)
        except TimeoutError:
            return "the disk does not answer"


def _try_disk(file: Path) -> str | None:
    """Writes a file through to the disk; returns why that failed."""
    try:
        with file.open("wb") as probe:
            probe.write(PROBE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
        file.unlink()
    except OSError as error:
        return f"the data folder cannot be written: {error.strerror or type(error).__name__}"
    return None
