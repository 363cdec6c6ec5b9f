"""Unsealing: opens texts and names for a person who may read them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from domain.aggregate import NOT_KEPT, Event
from domain.log import EventLog
from domain.person.person import Person
from domain.ports.vault import Tampered, Vault
from domain.projections.views import Views
from domain.protocol.types import Asked, is_sealed, mark
from domain.room.view import FACTS, RoomView

Key = TypeVar("Key")
NAMES_TAIL = 500
"""Events that a search for names reads, about 20 ms."""

FACT_FIELDS: dict[str, dict[str, Any]] = {
    name: getattr(kind, "__annotations__", {}) for name, kind in FACTS.items()
}
FACT_WORDS = {
    fact: tuple(name for name, declared in fields.items() if is_sealed(declared))
    for fact, fields in FACT_FIELDS.items()
}
"""Fields of facts that are sealed, by the facts' names."""

FACT_PEOPLE = {
    fact: tuple(name for name, declared in fields.items() if mark(declared) == Asked("UserId"))
    for fact, fields in FACT_FIELDS.items()
}
"""Fields of facts that are a person's id, by the facts' names."""


def open_words(vault: Vault, sealed: Any) -> str | None:
    """Returns the text, or None if there is none, its key is gone, it is no longer kept, or it does
    not fit its key: one damaged text must not make a room unreadable."""
    # A text that is no longer kept costs no read of a key.
    if sealed is None or sealed == NOT_KEPT:
        return None
    try:
        return vault.open(sealed)
    except Tampered:
        return None


def open_many(vault: Vault, sealed: Mapping[Key, Any]) -> dict[Key, str | None]:
    """Returns the texts by the same keys, each opened as by `open_words`; people's keys are read
    together."""
    found = {key: one for key, one in sealed.items() if one is not None and one != NOT_KEPT}
    opened = dict(zip(found, vault.open_many(list(found.values())), strict=True))
    return {key: opened.get(key) for key in sealed}


def open_event(vault: Vault, event: dict[str, Any]) -> dict[str, Any]:
    """Opens an event in the protocol's form, in place."""
    data = event["data"]
    for field in Event.sealed_fields[event["type"]]:
        data[field] = open_words(vault, data[field])
    return event


def open_message(vault: Vault, message: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an opened copy of a folded message."""
    return {**message, "text": open_words(vault, message["text"])}


def open_facts(vault: Vault, view: RoomView) -> tuple[dict[str, Any], list[str]]:
    """Returns the opened facts of a room by name, and the people whom they name."""
    opened: dict[str, Any] = {}
    people: list[str] = []
    for fact, value in view.facts().items():
        words = {name: open_words(vault, value[name]) for name in FACT_WORDS[fact]}
        opened[fact] = {**value, **words} if words else value
        people += [value[name] for name in FACT_PEOPLE[fact]]
    return opened, people


def names_at_head(log: EventLog, views: Views, room: str, users: Iterable[str]) -> dict[str, Any]:
    """Returns sealed names of members, including members that the views do not have yet.

    If the views lag by more than NAMES_TAIL events, the name of a person who is missing there comes
    from their own log, because delivery runs on the event loop.
    """
    wanted = set(users)
    header = views.header(room)
    names: dict[str, Any] = dict(views.names(room, sorted(wanted)))
    after = header["version"] if header else 0
    events: Sequence[Any] = log.events(room, after=after, limit=NAMES_TAIL)
    for event in events:
        if event.names_user and event.user in wanted:
            names[event.user] = event.name
    for user in wanted - names.keys():
        person = log.read(user)
        if isinstance(person, Person) and person.version:
            names[user] = person.name
    return names


def people(vault: Vault, views: Views, room: str, users: Iterable[str]) -> dict[str, str | None]:
    """Returns the names of a room's past and present members."""
    names = views.names(room, sorted(set(users)))
    return {user: open_words(vault, name) for user, name in names.items()}
