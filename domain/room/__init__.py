"""A room, by concern. A module of a concern registers its events, its part of the state, its
commands and their decisions (`room.py`); a new one is imported here."""

from domain.room import (
    invitations as invitations,
)
from domain.room import (
    lifecycle as lifecycle,
)
from domain.room import (
    membership as membership,
)
from domain.room import (
    messages as messages,
)
from domain.room import (
    reactions as reactions,
)
