"""Event recorders in memory: the library's own plain-object ones."""

from eventsourcing.popo import POPOAggregateRecorder, POPOApplicationRecorder


class MemoryEvents(POPOApplicationRecorder):
    """Events with one global sequence."""


class MemorySnapshots(POPOAggregateRecorder):
    """Snapshots."""
