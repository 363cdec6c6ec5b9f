"""Faults that change nothing that can be seen, by module, with why. They are not planted."""

EQUIVALENT: dict[str, dict[str, str]] = {
    "domain/log.py": {
        "self._owed.get(aggregate.id) if self._owed else None => self._owed.get(aggregate.id)": (
            "an empty mapping has no entry either; asking first saves a lookup"
        ),
    },
}
"""By module: `before => after` as the report prints them, in full."""
