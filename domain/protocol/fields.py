"""Field types shared by the wire models: what a client may put where."""

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.protocol.limits import (
    FORBIDDEN,
    MAX_NAME,
    MAX_NICKNAME,
    MAX_VERSION,
    ROOM_PATTERN,
)

_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_EMOJI_JOINERS = {0x200D, 0xFE0E, 0xFE0F}
# Emoji whose category is a letter or punctuation: double marks, information, wavy dash.
_EMOJI_ODD = {0x203C, 0x2049, 0x2139, 0x3030}


def clean(value: str) -> str:
    """Refuses characters that a queue or a terminal would choke on."""
    if FORBIDDEN.search(value):
        raise ValueError("control characters are not allowed")
    return value


def text(value: str) -> str:
    """A message's text: clean and not blank."""
    clean(value)
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def printable(value: str) -> str:
    """One line that is not blank: a name."""
    clean(value)
    if "\n" in value or "\t" in value:
        raise ValueError("one line only")
    if not value.strip():
        raise ValueError("must not be blank")
    return value.strip()


def _is_symbol(char: str, point: int) -> bool:
    if 0x1F3FB <= point <= 0x1F3FF or point in _EMOJI_ODD:
        return True
    return point > 0x7F and unicodedata.category(char) in ("So", "Sm")


def emoji(value: str) -> str:
    """An emoji has no letters in it, so a reaction cannot carry unsealed words.

    Symbols, joiners, skin tones, flags, tags and keycaps are let through.
    """
    bare = _KEYCAP.sub("", value)
    symbols = bare != value
    for char in bare:
        point = ord(char)
        if _is_symbol(char, point):
            symbols = True
        elif not (point in _EMOJI_JOINERS or 0xE0020 <= point <= 0xE007F):
            raise ValueError("not an emoji")
    if not symbols:
        raise ValueError("not an emoji")
    return value


class Wire(BaseModel):
    """Base of every wire model: undeclared fields and loose types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


RoomId = Annotated[str, Field(pattern=ROOM_PATTERN)]
UserId = Annotated[str, Field(pattern=r"^u_[a-z0-9]{1,32}$")]
CommandId = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]
Since = Annotated[int, Field(ge=0, le=MAX_VERSION)]
RoomKind = Literal["public", "private", "broadcast"]
MessageKind = Literal["text", "action"]
Role = Literal["owner", "moderator", "member"]
Text = Annotated[str, Field(min_length=1), AfterValidator(text)]
RoomName = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(printable)]
Nickname = Annotated[str, Field(min_length=1, max_length=MAX_NICKNAME), AfterValidator(printable)]
Emoji = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(emoji)]
