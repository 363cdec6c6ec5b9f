"""Settings of the functions on AWS: one model each, filled from the environment at cold start.

Every name is an environment variable of template.yaml; docs/aws.md lists them.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class NotConfigured(RuntimeError):
    """A setting is missing or not of its form; the message names the variables, not values."""


def _names(value: object) -> object:
    """`a, b` to a set of names."""
    if isinstance(value, str):
        return frozenset(name.strip() for name in value.split(",") if name.strip())
    return value


Names = Annotated[frozenset[str], BeforeValidator(_names)]


class Settings(BaseModel):
    """Base: what is missing in a function's model, that function does not use."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    METRICS_NAMESPACE: str = "Parley"


class Read(Settings):
    """Who reads events one by one, and decides nothing."""

    EVENTS_TABLE: str = Field(min_length=1)


class Log(Read):
    SNAPSHOTS_TABLE: str = Field(min_length=1)


class Folded(Settings):
    VIEWS_TABLE: str = Field(min_length=1)


class Followed(Settings):
    PROGRESS_TABLE: str = Field(min_length=1)


class Known(Settings):
    ACCOUNTS_TABLE: str = Field(min_length=1)


class Connected(Settings):
    CONNECTIONS_TABLE: str = Field(min_length=1)


class Sealing(Settings):
    KEYS_TABLE: str = Field(min_length=1)
    VAULT_KEY: str = Field(min_length=1)


class Publishing(Settings):
    TOPIC_ARN: str = Field(min_length=1)


class Announcing(Publishing):
    FAST_PUBLISH: bool = True
    """Whether events are published right after the acknowledgement too; Streams do so anyway."""


class Posting(Settings):
    SOCKET_ENDPOINT: str = Field(min_length=1)


class Leaving(Settings):
    PRESENCE_QUEUE_URL: str = Field(min_length=1)


class Authorize(Known):
    ALLOWED_ORIGINS: Names = frozenset()
    """Origins that may open a WebSocket; any where none is named."""


class SocketConnect(Log, Connected):
    """Notes a connection whose session lives."""


class SocketMessage(Log, Folded, Known, Connected, Sealing, Announcing, Posting, Leaving):
    """Everything that a client frame can ask for."""


class SocketDisconnect(Connected, Leaving):
    """Forgets a connection."""


class HttpApi(Log, Folded, Known, Sealing, Announcing):
    SOCKET_URL: str = Field(min_length=1)
    GUESTS: bool = True
    ORIGIN_SECRET: str = Field(default="", repr=False)
    """What CloudFront adds to each request; empty takes requests from anywhere."""


class RelayEvents(Publishing):
    """Streams to the topic."""


class ArchiveEvents(Settings):
    ARCHIVE_STREAM: str = Field(min_length=1)


class ProjectViews(Read, Folded, Followed):
    """Folds the log into views."""


class TrackMemberships(Log, Followed, Announcing):
    """Writes people's own logs."""


class Deliver(Read, Folded, Followed, Connected, Sealing, Posting, Leaving):
    DELIVERY_QUEUE_URL: str = Field(min_length=1)


class NotifyUsers(Folded, Followed, Known, Connected, Sealing):
    NOTIFICATIONS_TOPIC: str = Field(min_length=1)
    SENDER: str = ""
    WEB_URL: str = ""


class SettlePresence(Connected, Posting):
    """Says who is gone."""


class Sweep(Read, Folded, Followed, Known, Connected, Leaving):
    RETENTION_DAYS: int = Field(default=0, ge=0)
    """Days after which an event's content is replaced by a mark; 0 keeps it."""


MODELS: Mapping[str, type[Settings]] = {
    "authorize": Authorize,
    "socket_connect": SocketConnect,
    "socket_message": SocketMessage,
    "socket_disconnect": SocketDisconnect,
    "http_api": HttpApi,
    "relay_events": RelayEvents,
    "archive_events": ArchiveEvents,
    "project_views": ProjectViews,
    "track_memberships": TrackMemberships,
    "deliver": Deliver,
    "notify_users": NotifyUsers,
    "settle_presence": SettlePresence,
    "sweep": Sweep,
}


def read(function: str, environment: Mapping[str, str]) -> Settings:
    """Returns a function's settings. Raises NotConfigured."""
    try:
        return MODELS[function].model_validate(dict(environment))
    except ValidationError as error:
        names = sorted({str(part["loc"][0]) for part in error.errors(include_input=False)})
        raise NotConfigured(f"{function}: {', '.join(names)}: missing or invalid") from None
