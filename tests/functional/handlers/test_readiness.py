"""`GET /readyz` of the HTTP API: what it reads, and what it says when that fails."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from domain.errors import Throttled
from domain.ports.accounts import Session
from functions import bootstrap
from functions.routes import service
from tests.functional.handlers.scene import configured, scene
from tests.functional.handlers.test_payloads import invoke, payload


class Accounts:
    """Fails to read while it is `broken`."""

    def __init__(self) -> None:
        self.broken = False
        self.reads = 0

    def session(self, token: str, now: float) -> Session | None:
        self.reads += 1
        if self.broken:
            raise Throttled
        return None


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accounts]:
    made = Accounts()
    bootstrap.use(configured(scene(), accounts=made))
    monkeypatch.setattr(service, "_last_probe", (-service.READY_FOR, False))
    yield made
    bootstrap.use(None)


def asked() -> tuple[int, Any]:
    answer = invoke("http_api", payload("http_api/readyz.json"))
    return answer["statusCode"], orjson.loads(answer["body"])


def test_readiness_reads_one_item_and_seldom(accounts: Accounts) -> None:
    assert [asked() for _ in range(3)] == [(200, {"status": "ready"})] * 3
    assert accounts.reads == 1


def test_a_function_that_cannot_read_is_alive_and_not_ready(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.broken = True
    status, body = asked()
    assert (status, body["status"]) == (503, "unready")
    assert body["reasons"] == ["the accounts cannot be read"]
    assert invoke("http_api", payload("http_api/healthz.json"))["statusCode"] == 200
    accounts.broken = False
    monkeypatch.setattr(service, "READY_FOR", 0.0)
    assert asked()[0] == 200
