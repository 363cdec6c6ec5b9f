"""Every error that a client can get, each with its wire code and HTTP status.

    ParleyError                     code              status
    ├── Invalid                     invalid           422
    │   ├── DeletedMessage          invalid           422
    │   ├── TooManyEmoji            invalid           422
    │   ├── TooManyReactions        invalid           422
    │   └── CommandIdReused         invalid           422
    ├── Unauthenticated             unauthenticated   401
    ├── NotAMember                  not_a_member      403
    ├── Forbidden                   forbidden         403
    │   ├── NotTheWriter            forbidden         403
    │   └── RoleRequired            forbidden         403
    ├── NotFound                    not_found         404
    ├── NicknameTaken               nickname_taken    409
    ├── RoomExists                  room_exists       409
    ├── RoomFull                    room_full         409
    ├── RoomBusy                    room_busy         503
    │   ├── Throttled               room_busy         503
    │   └── BeyondWindow            room_busy         503
    ├── TooLarge                    too_large         413
    ├── RateLimited                 rate_limited      429
    └── Internal                    internal          500

Their messages are for people and never contain a message's text, a token or a ticket.
"""

from typing import ClassVar


class ParleyError(Exception):
    """Base of all errors for clients."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    default: ClassVar[str] = "something went wrong on our side"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default


class Invalid(ParleyError):
    code = "invalid"
    status = 422
    default = "the request does not have the form that the protocol requires"


class DeletedMessage(Invalid):
    default = "the message was deleted"


class TooManyEmoji(Invalid):
    default = "a message can have at most 32 distinct emoji"


class TooManyReactions(Invalid):
    default = "a message can have at most 400 reactions"


class CommandIdReused(Invalid):
    default = "this command id was used with other content"


class Unauthenticated(ParleyError):
    code = "unauthenticated"
    status = 401
    default = "a valid session is needed"


class NotAMember(ParleyError):
    code = "not_a_member"
    status = 403
    default = "join the room first"


class Forbidden(ParleyError):
    code = "forbidden"
    status = 403
    default = "not allowed"


class NotTheWriter(Forbidden):
    default = "only the writer of a message may do that"


class RoleRequired(Forbidden):
    default = "your role in this room does not allow that"


class NotFound(ParleyError):
    code = "not_found"
    status = 404
    default = "no such thing"


class NicknameTaken(ParleyError):
    code = "nickname_taken"
    status = 409
    default = "this nickname is already in use"


class RoomExists(ParleyError):
    code = "room_exists"
    status = 409
    default = "a room with this id already exists"


class RoomFull(ParleyError):
    code = "room_full"
    status = 409
    default = "the room has the maximum number of members"


class RoomBusy(ParleyError):
    code = "room_busy"
    status = 503
    default = "other writers were faster; try again"


class Throttled(RoomBusy):
    default = "the service is overloaded; try again"


class BeyondWindow(RoomBusy):
    """It must first be looked up in the log whether the command was executed before, on another
    thread than the one that decides (domain/retrying.py).

    Attributes
    ----------
    after, upto: the versions to search, `after < version <= upto`.
    seen: the version up to which the command is looked up, once that is done.
    """

    default = "an old command is being looked up; try again"

    def __init__(self, after: int = 0, upto: int = 0, seen: int = 0) -> None:
        super().__init__()
        self.after, self.upto, self.seen = after, upto, seen


class TooLarge(ParleyError):
    code = "too_large"
    status = 413
    default = "the text is too long"


class RateLimited(ParleyError):
    code = "rate_limited"
    status = 429
    default = "too many commands; wait a moment"


class Internal(ParleyError):
    """A fault of the server; the client does not get its cause."""
