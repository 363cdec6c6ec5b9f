"""Faults that change no behaviour, by module, with the reason. They are not inserted."""

EQUIVALENT: dict[str, dict[str, str]] = {
    "domain/log.py": {
        "self._owed.get(aggregate.id) if self._owed else None => self._owed.get(aggregate.id)": (
            "an empty mapping has no entry either; asking first saves a lookup"
        ),
    },
    "domain/chat/entering.py": {
        "not isinstance(person, Person) or not person.erased => (not person.erased)": (
            "the aggregate of a person's log is a Person; asking is for the type checker"
        ),
    },
    "domain/chat/listing.py": {
        "sorted(headers) => list(headers)": "marks and roles are found in any order",
    },
    "domain/chat/receiving.py": {
        "error.errors(include_url=False, include_context=False, include_input=False)"
        " => error.errors(include_url=False, include_input=False)": (
            "the context is not looked at; leaving it out saves making it"
        ),
    },
}
"""By module: `before => after` as the report prints them, in full."""
