"""A connection of somebody with a long log does not fold it on the event loop."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from domain.chat.preparing import SHORT
from domain.executing import outcomes_of
from domain.log import EventLog
from domain.person.preferences import SetNotices
from local.bootstrap import Engine
from local.folder import DataFolder
from local.payloads import CONTEXT, authorizer_event, socket_context, socket_event
from local.stores import Stores


def test_a_handshake_has_a_long_log_folded_apart_from_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path)
    folds: list[tuple[str, int]] = []
    real = EventLog._fold

    def noted(self: EventLog, log_id: str) -> Any:
        folds.append((log_id, threading.get_ident()))
        return real(self, log_id)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        engine = Engine(Stores(folder), loop, lambda host, origin: True, 0)
        chat, services = engine.chat, engine.chat.services

        def begin() -> tuple[str, str]:
            token, user = chat.entering.enter("ann", None)
            for number in range(2 * SHORT):
                common: dict[str, Any] = {"by": user, "id": f"{number}", "digest": ""}
                common |= {"at": services.now(), "recorded_at": services.now()}
                outcomes_of(
                    services.executor, [(user, [SetNotices(mail=not number % 2, **common)])]
                )
            return user, chat.sessions.ticket(token)

        user, ticket = await engine.in_thread(begin)
        services.log.evict(user)
        monkeypatch.setattr(EventLog, "_fold", noted)
        event = authorizer_event(ticket, "localhost")
        handlers = engine.gateway.handlers
        policy = await engine.in_thread(lambda: handlers.authorize(event, CONTEXT))
        context = socket_context("c1", policy["context"], "localhost")
        answer = handlers.connect(socket_event({**context, "routeKey": "$connect"}), CONTEXT)
        assert answer["statusCode"] == 200
        assert user in {log_id for log_id, _ in folds}
        assert threading.get_ident() not in {thread for _, thread in folds}
        # A ticket that opens nothing names nobody.
        denied = await engine.in_thread(lambda: handlers.authorize(event, CONTEXT))
        assert denied["policyDocument"]["Statement"][0]["Effect"] == "Deny"
        await engine.close()

    try:
        asyncio.run(main())
    finally:
        folder.close()
