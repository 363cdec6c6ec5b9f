"""Event recorders in memory: the library's own plain-object ones."""

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOAggregateRecorder, POPOApplicationRecorder

from domain.log import Snapshots


class MemoryEvents(POPOApplicationRecorder):
    """Events with one global sequence."""

    def replace(self, event: StoredEvent) -> None:
        """Replaces the event with the same log and version, which must exist."""
        with self._database_lock:
            place = self._stored_events_index[str(event.originator_id)][event.originator_version]
            self._stored_events[place] = event


class MemorySnapshots(POPOAggregateRecorder, Snapshots):
    """Snapshots."""

    def drop_older(self, log_id: str, version: int) -> None:
        with self._database_lock:
            places = self._stored_events_index[log_id]
            for older in [one for one in places if one < version]:
                del places[older]
