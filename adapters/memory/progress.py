"""Consumers' progress in dicts."""

from domain.ports import Parked


class MemoryProgress:
    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._parked: dict[tuple[str, str, int], Parked] = {}

    def position(self, consumer: str) -> int:
        return self._positions.get(consumer, 0)

    def advance(self, consumer: str, position: int) -> None:
        self._positions[consumer] = position

    def last(self, consumer: str, stream: str) -> int:
        return self._last.get((consumer, stream), 0)

    def applied(self, consumer: str, stream: str, version: int) -> None:
        self._last[consumer, stream] = version

    def park(self, parked: Parked) -> None:
        self._parked.setdefault((parked.consumer, parked.stream, parked.version), parked)

    def parked(self) -> list[Parked]:
        return [parked for _, parked in sorted(self._parked.items())]

    def unpark(self, consumer: str, stream: str, upto: int) -> None:
        for key in [k for k in self._parked if k[:2] == (consumer, stream) and k[2] <= upto]:
            del self._parked[key]

    def forget(self, consumer: str) -> None:
        self._positions.pop(consumer, None)
        for key in [k for k in self._last if k[0] == consumer]:
            del self._last[key]
        for parked in [k for k in self._parked if k[0] == consumer]:
            del self._parked[parked]
