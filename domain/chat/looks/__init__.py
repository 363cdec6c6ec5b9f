"""Fields of commands that are looked up when a command is built from its frame.

A module for each command registers its function. All modules of the package are imported here, so a
new one needs no entry in a list.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

from domain.aggregate import Command
from domain.chat.services import Services

Look = Callable[[Services, str, Any, dict[str, Any]], dict[str, Any]]
"""Returns fields of a command; called with the person who sends it, the frame and the fields that
all commands have."""


class LookUp(NamedTuple):
    """
    Attributes
    ----------
    people: fields of the frame with people whose logs `look` reads, besides the sender's; None if
        it reads no logs.
    """

    look: Look
    people: tuple[str, ...] | None


LOOKS: dict[type[Command], LookUp] = {}


def looks_up(
    command: type[Command], people: tuple[str, ...] | None = None
) -> Callable[[Look], Look]:
    """Decorates the function that looks up fields of a command.

    Parameters
    ----------
    people: as in LookUp; these logs are in memory before the function is called, if only this
        process appends.
    """

    def register(look: Look) -> Look:
        if command in LOOKS:
            raise TypeError(f"the fields of {command.__name__} are looked up twice")
        LOOKS[command] = LookUp(look, people)
        return look

    return register


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
