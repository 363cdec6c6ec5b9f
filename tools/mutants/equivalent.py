"""Faults that change nothing that can be seen, by module, with why. They are not planted."""

EQUIVALENT: dict[str, dict[str, str]] = {}
