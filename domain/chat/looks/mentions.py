"""Which people a posted text mentions."""

from typing import Any

from domain.chat.looks import looks_up
from domain.chat.mentioning import mentioned
from domain.chat.services import Services
from domain.room.messages import Post


@looks_up(Post)
def _mentioned(services: Services, _: str, frame: Any, __: dict[str, Any]) -> dict[str, Any]:
    return {"mentions": mentioned(services, frame.text)}
