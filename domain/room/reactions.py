"""Reactions to messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.aggregate import Command, MessageOf
from domain.errors import TooManyEmoji, TooManyReactions
from domain.protocol.types import Emoji, StoredEmoji, Version
from domain.room.room import Room, RoomEvent, decides, message_in, role_of
from domain.room.view import RoomView, WireEvent

MAX_EMOJI = 32
"""Maximum of distinct emoji on one message."""

MAX_REACTIONS = 400
"""Maximum of reactions on one message: together with the longest text it still fits a frame of 32
KB."""


@dataclass(kw_only=True)
class ReactionAdded(RoomEvent):
    TOPIC = "room.reaction-added"
    message: int
    emoji: str

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        message = view.target(event)
        if message is not None:
            users = message["reactions"].setdefault(data["emoji"], [])
            if event["by"] not in users:
                users.append(event["by"])


@dataclass(kw_only=True)
class ReactionRemoved(RoomEvent):
    TOPIC = "room.reaction-removed"
    message: int
    emoji: str

    @staticmethod
    def project(view: RoomView, event: WireEvent, data: Mapping[str, Any]) -> None:
        message = view.target(event)
        if message is None:
            return
        users = message["reactions"].get(data["emoji"], [])
        if event["by"] in users:
            users.remove(event["by"])
        if not users:
            message["reactions"].pop(data["emoji"], None)


@dataclass(kw_only=True, slots=True)
class React(Command):
    version: Version
    emoji: Emoji


@dataclass(kw_only=True, slots=True)
class Unreact(Command):
    """Removes a reaction, also one that `react` would refuse now."""

    version: Version
    emoji: StoredEmoji


@decides(React, "react")
def react(room: Room, command: React, message_of: MessageOf) -> int:
    role_of(room, command.by)
    reactions = message_in(room, command.version, message_of)["reactions"]
    if command.by in reactions.get(command.emoji, ()):
        return room.version
    if command.emoji not in reactions and len(reactions) >= MAX_EMOJI:
        raise TooManyEmoji
    if sum(map(len, reactions.values())) >= MAX_REACTIONS:
        raise TooManyReactions
    return room.append(ReactionAdded, command, message=command.version, emoji=command.emoji)


@decides(Unreact, "unreact")
def unreact(room: Room, command: Unreact, message_of: MessageOf) -> int:
    role_of(room, command.by)
    reactions = message_in(room, command.version, message_of)["reactions"]
    if command.by not in reactions.get(command.emoji, ()):
        return room.version
    return room.append(ReactionRemoved, command, message=command.version, emoji=command.emoji)
