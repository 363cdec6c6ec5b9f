"""Field types shared by the wire models: the values that a client may send."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.protocol.emoji import is_emoji
from domain.protocol.limits import (
    FORBIDDEN,
    MAX_NAME,
    MAX_NICKNAME,
    MAX_VERSION,
    ROOM_PATTERN,
)


def clean(value: str) -> str:
    """Refuses characters that a queue or a terminal cannot handle."""
    if FORBIDDEN.search(value):
        raise ValueError("control characters are not allowed")
    return value


def text(value: str) -> str:
    """A message's text: clean and not blank."""
    clean(value)
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def one_line(value: str) -> str:
    """One line, which may be empty."""
    clean(value)
    if "\n" in value or "\t" in value:
        raise ValueError("one line only")
    return value.strip()


def printable(value: str) -> str:
    """One line that is not blank: a name."""
    value = one_line(value)
    if not value:
        raise ValueError("must not be blank")
    return value


def emoji(value: str) -> str:
    """One emoji of Unicode's list: anything with letters would be an unsealed text."""
    if not is_emoji(value):
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
Departure = Literal["left", "removed"]
Flag = bool
Text = Annotated[str, Field(min_length=1), AfterValidator(text)]
RoomName = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(printable)]
Nickname = Annotated[str, Field(min_length=1, max_length=MAX_NICKNAME), AfterValidator(printable)]
Emoji = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(emoji)]
StoredEmoji = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(clean)]
"""A reaction that an earlier release may have accepted. It is compared and never stored."""


def line(most: int) -> Any:
    """Returns the type of one line of at most `most` code points; it may be empty."""
    return Annotated[str, Field(max_length=most), AfterValidator(one_line)]


def named(type: str, most: int | None) -> Any:
    """Returns the type that an `Asked` names."""
    found = globals()[type]
    return found if most is None else found(most)
