"""Consumers' progress in dicts."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from domain.ports.consumers import Parked


class MemoryProgress:
    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self._parked: dict[tuple[str, str, int], Parked] = {}

    def position(self, consumer: str) -> int:
        return self._positions.get(consumer, 0)

    def advance(self, consumer: str, position: int) -> None:
        self._positions[consumer] = position

    def together(self) -> AbstractContextManager[object]:
        return nullcontext()

    def park(self, parked: Parked) -> None:
        self._parked.setdefault((parked.consumer, parked.stream, parked.version), parked)

    def parked(self) -> list[Parked]:
        return [parked for _, parked in sorted(self._parked.items())]

    def unpark(self, consumer: str, stream: str, upto: int, keep: Collection[int] = ()) -> None:
        for key in list(self._parked):
            if key[:2] == (consumer, stream) and key[2] <= upto and key[2] not in keep:
                del self._parked[key]

    def forget(self, consumer: str) -> None:
        self._positions.pop(consumer, None)
        for parked in [k for k in self._parked if k[0] == consumer]:
            del self._parked[parked]
