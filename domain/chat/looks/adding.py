"""How two people know each other, for adding one of them to a room."""

from typing import Any

from domain.chat.inviting import standing
from domain.chat.looks import looks_up
from domain.chat.services import Services
from domain.room.invitations import AddMember


@looks_up(AddMember, people=("user",))
def _known(services: Services, user: str, frame: Any, base: dict[str, Any]) -> dict[str, Any]:
    return standing(services, user, frame.user, frame.room, base["recorded_at"])
