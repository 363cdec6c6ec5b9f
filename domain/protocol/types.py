"""Types of the fields that events and commands share with the protocol.

Each is `Annotated[type as stored, mark]`. The wire models (`client.py`, `server.py`) are generated
from the marks, so an event or a command is declared once. This module does not use pydantic,
because most functions do not load it.
"""

from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, NamedTuple, get_args, get_origin

Sealed = dict[str, str]
"""`{k, c}`: the id of the key that sealed a text, and the ciphertext in base64."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The client sends the field.

    Attributes
    ----------
    type: name of the field's type in `fields.py`. A field that is stored sealed arrives as text.
    """

    type: str


@dataclass(frozen=True, slots=True)
class Own:
    """The field is the sealed name of the person who sends the command."""


Flag = Annotated[bool, Asked("Flag")]
RoomKind = Annotated[str, Asked("RoomKind")]
MessageKind = Annotated[str, Asked("MessageKind")]
Role = Annotated[str, Asked("Role")]
Departure = Annotated[str, Asked("Departure")]
UserId = Annotated[str, Asked("UserId")]
Version = Annotated[int, Asked("Version")]
OptionalVersion = Annotated[int | None, Asked("Version")]
Emoji = Annotated[str, Asked("Emoji")]
StoredEmoji = Annotated[str, Asked("StoredEmoji")]
Text = Annotated[Sealed, Asked("Text")]
RoomName = Annotated[Sealed, Asked("RoomName")]
OwnName = Annotated[Sealed, Own()]


def mark(annotation: Any) -> Asked | Own | None:
    """Returns the mark of an annotation, None if it has none."""
    if get_origin(annotation) is not Annotated:
        return None
    found = get_args(annotation)[1]
    return found if isinstance(found, Asked | Own) else None


def stored(annotation: Any) -> Any:
    """Returns the stored type of an annotation, without the mark."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def is_sealed(annotation: Any) -> bool:
    """Whether a field is stored sealed; one that may be null counts too."""
    return Sealed in (stored(annotation), *get_args(stored(annotation)))


class AskedField(NamedTuple):
    """A field of a command that the client sends.

    Attributes
    ----------
    type: name of its type in `fields.py`.
    sealed: whether it arrives as text and is stored sealed.
    default: `...` if the client must send it.
    """

    name: str
    type: str
    sealed: bool
    default: Any


def asked_fields(command: type[Any]) -> list[AskedField]:
    """Returns the fields of a command that the client sends."""
    found = []
    for field in fields(command):
        asked = mark(field.type)
        if isinstance(asked, Asked):
            sealed = is_sealed(field.type)
            default = ... if field.default is MISSING else field.default
            found.append(AskedField(field.name, asked.type, sealed, default))
    return found


def own_names(command: type[Any]) -> list[str]:
    """Returns the fields of a command that are the name of the person who sends it."""
    return [field.name for field in fields(command) if isinstance(mark(field.type), Own)]
