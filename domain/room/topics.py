"""A room's topic: one line of what the room is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from domain.aggregate import Command, MessageOf
from domain.errors import RoleRequired
from domain.protocol.types import Asked, Compares, SameWords, Sealed, UserId
from domain.room.room import Part, Room, RoomEvent, decides, role_of
from domain.room.view import FACTS, RoomView, WireEvent

MAX_TOPIC = 250
"""Code points of a topic: sealed it uses 1.4 KB of the room's header at most."""

SEALED_BYTES = 400
"""Bytes of a sealed text in memory, without its ciphertext."""

TopicLine = Annotated[Sealed | None, Asked("line", MAX_TOPIC)]
"""The client sends a text; an empty one is None here."""


class Topic(TypedDict):
    """The room's topic and the person who set it; `text` is null if there is none any more."""

    text: Sealed | None
    by: UserId


FACTS["topic"] = Topic


@dataclass
class TopicNow(Part):
    """The topic as it was sealed; None if there is none."""

    needs_past = False
    text: Sealed | None = None

    def snapshot(self) -> dict[str, Any]:
        return {"topic": self.text}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.text = state.get("topic")

    def weight(self) -> int:
        return 0 if self.text is None else SEALED_BYTES + len(self.text["c"])


@dataclass(kw_only=True)
class TopicSet(RoomEvent):
    """`topic` is null if it was removed, or if its author was erased."""

    TOPIC = "room.topic-set"
    membership = "none"
    topic: Sealed | None

    def apply(self, aggregate: Room) -> None:
        aggregate.part(TopicNow).text = self.topic

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        view.kept["topic"] = {"text": data["topic"], "by": event["by"]}


@dataclass(kw_only=True, slots=True)
class SetTopic(Command):
    """Sets the room's topic; an empty one removes it."""

    topic: TopicLine
    same: Annotated[SameWords, Compares("topic")]


@decides(SetTopic, "set_topic")
def set_topic(room: Room, command: SetTopic, _: MessageOf) -> int:
    # In a public or broadcast room, members may not set it.
    if role_of(room, command.by) == "member" and room.kind != "private":
        raise RoleRequired
    if command.same(room.part(TopicNow).text):
        return room.version
    return room.append(TopicSet, command, topic=command.topic)
