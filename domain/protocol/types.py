"""Types of the fields that events and commands share with the protocol.

Each is `Annotated[type as stored, mark]`. The wire models (`client.py`, `server.py`) are generated
from the marks, so an event or a command is declared once. This module does not use pydantic,
because most functions do not load it.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, NamedTuple, get_args, get_origin

Sealed = dict[str, str]
"""`{k, c}`: the id of the key that sealed a text, and the ciphertext in base64."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The client sends the field.

    Attributes
    ----------
    type: name of the field's type in `fields.py`. A field that is stored sealed arrives as text, an
    empty text as None.
    most: maximum of code points, for a type that is made with one (`line`).
    """

    type: str
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """The field is the sealed name of the person who sends the command."""


SameWords = Callable[[Sealed | None], bool]


@dataclass(frozen=True, slots=True)
class Compares:
    """The field is a function that tells whether a sealed text has the words of another field: two
    ciphertexts of the same words differ, so a decision cannot compare them.

    Attributes
    ----------
    field: name of the other field, a sealed one.
    """

    field: str


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


def mark(annotation: Any) -> Asked | Own | Compares | None:
    """Returns the mark of an annotation, None if it has none."""
    if get_origin(annotation) is not Annotated:
        return None
    found = get_args(annotation)[1]
    return found if isinstance(found, Asked | Own | Compares) else None


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
    most: maximum of code points, if the type is made with one.
    """

    name: str
    type: str
    sealed: bool
    default: Any
    most: int | None


def asked_fields(command: type[Any]) -> list[AskedField]:
    """Returns the fields of a command that the client sends."""
    found = []
    for field in fields(command):
        asked = mark(field.type)
        if isinstance(asked, Asked):
            sealed = is_sealed(field.type)
            default = ... if field.default is MISSING else field.default
            found.append(AskedField(field.name, asked.type, sealed, default, asked.most))
    return found


def own_names(command: type[Any]) -> list[str]:
    """Returns the fields of a command that are the name of the person who sends it."""
    return [field.name for field in fields(command) if isinstance(mark(field.type), Own)]


def compared(command: type[Any]) -> dict[str, str]:
    """Returns the fields of a command that compare words, with the names of the other fields."""
    marks = {field.name: mark(field.type) for field in fields(command)}
    return {name: one.field for name, one in marks.items() if isinstance(one, Compares)}
