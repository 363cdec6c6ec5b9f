"""Builds commands from client frames, with the author; texts are sealed before they reach the
log."""

from dataclasses import dataclass
from typing import Any, cast

import orjson

from domain.aggregate import Command
from domain.chat.looks import LOOKS, LookUp
from domain.chat.services import Services
from domain.chat.unsealing import open_words
from domain.errors import NotFound, TooLarge
from domain.person.person import Person
from domain.protocol import client as wire
from domain.protocol.limits import MAX_TEXT
from domain.protocol.types import SameWords, Sealed, asked_fields, compared, own_names
from domain.room.room import ACTIONS


def _sealed_name(services: Services, user: str) -> dict[str, str]:
    person = cast(Person, services.log.cached(user) or services.to_decide(user))
    if not person.version or person.erased:
        raise NotFound("no such person")
    return person.name


def _text(services: Services, user: str, text: str) -> dict[str, str]:
    if len(text) > MAX_TEXT:
        raise TooLarge(f"a text has at most {MAX_TEXT:,} code points")
    return services.vault.seal(user, text)


def _same_words(services: Services, text: str | None) -> SameWords:
    def same(sealed: Sealed | None) -> bool:
        # An empty text is stored as None; an erased person's text has no words to compare.
        return not text if sealed is None else open_words(services.vault, sealed) == text

    return same


@dataclass(frozen=True, slots=True)
class Plan:
    """How a command is built from its frame.

    Attributes
    ----------
    plain, sealed: names of the fields that are copied unchanged, and of those that are sealed.
    names: fields that are the sealed name of the person who sends the command.
    compared: fields that compare the words of another field, with that field's name.
    looked_up: how the other fields are looked up.
    """

    command: type[Command]
    plain: tuple[str, ...]
    sealed: tuple[str, ...]
    names: tuple[str, ...]
    compared: tuple[tuple[str, str], ...]
    looked_up: LookUp | None

    @classmethod
    def of(cls, command: type[Command]) -> "Plan":
        asked = asked_fields(command)
        return cls(
            command,
            tuple(field.name for field in asked if not field.sealed),
            tuple(field.name for field in asked if field.sealed),
            tuple(own_names(command)),
            tuple(compared(command).items()),
            LOOKS.get(command),
        )

    def build(self, services: Services, user: str, frame: Any, base: dict[str, Any]) -> Command:
        values = {name: getattr(frame, name) for name in self.plain}
        for name in self.sealed:
            text = getattr(frame, name)
            values[name] = _text(services, user, text) if text else None
        for name, other in self.compared:
            values[name] = _same_words(services, getattr(frame, other))
        for name in self.names:
            values[name] = _sealed_name(services, user)
        if self.looked_up is not None:
            values |= self.looked_up.look(services, user, frame, base)
        return self.command(**values, **base)


PLANS = {action: Plan.of(command) for action, command in ACTIONS.items()}


APART = ("id", "since", "quiet")
"""Fields about sending and answering a command: a retry may have others."""


def digest(services: Services, user: str, frame: wire.Command) -> str:
    """Returns the keyed digest of a command's content, without the fields of APART."""
    content = {
        name: value
        for name, value in vars(frame).items()
        if value is not None and name not in APART
    }
    return services.vault.digest(user, orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
