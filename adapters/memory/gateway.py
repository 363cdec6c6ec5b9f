"""Fakes of sockets and background work, for use without connections."""

from collections.abc import Sequence

from domain.ports.background import Work


class RecordingGateway:
    """Keeps the frames that were posted, by connection.

    Attributes
    ----------
    gone: connections that answer as gone.
    """

    def __init__(self) -> None:
        self.frames: dict[str, list[bytes]] = {}
        self.closed: list[tuple[str, int]] = []
        self.gone: set[str] = set()

    def post(self, connection_ids: Sequence[str], frame: bytes) -> list[str]:
        for connection_id in connection_ids:
            if connection_id not in self.gone:
                self.frames.setdefault(connection_id, []).append(frame)
        return [connection_id for connection_id in connection_ids if connection_id in self.gone]

    def close(self, connection_id: str, code: int) -> None:
        self.closed.append((connection_id, code))


class InlineBackground:
    """Runs work immediately; keeps presence checks for the caller."""

    def __init__(self) -> None:
        self.checks: list[tuple[str, list[str]]] = []

    def run(self, work: Work, owner: str = "") -> None:
        rest: Work | None = work
        while rest is not None:
            rest = rest()

    def presence_check(self, user: str, rooms: Sequence[str]) -> None:
        self.checks.append((user, list(rooms)))
