"""The preference and the unsubscribe link over HTTP."""

from urllib.parse import quote

from domain.protocol import answers as wire
from tests.server.harness import Party


def test_mail_is_asked_for_and_ended(party: Party) -> None:
    ann = party.enter("ann")
    answer = ann.http("GET", "/api/session/notices")
    wire.Notices.model_validate_json(answer.body)
    assert answer.json == {"mail": False, "address": False}
    assert ann.http("PUT", "/api/session/notices", {"mail": True}).json["mail"] is True
    assert ann.get("/api/session/notices")["mail"] is True
    assert ann.http("PUT", "/api/session/notices", {"mail": "yes"}).status == 422
    assert party.server.http("PUT", "/api/session/notices", {"mail": True}).status == 401


def test_a_link_that_is_not_ours_is_not_found(party: Party) -> None:
    for method in ("GET", "POST"):
        for token in ("", "u_ann.abc", "x"):
            path = f"/api/unsubscribe?token={quote(token)}"
            assert party.server.http(method, path).status == 404


def test_a_mail_programs_click_needs_no_session(party: Party) -> None:
    """RFC 8058: a form, which is no JSON, to the address of the mail's header."""
    path = "/api/unsubscribe?token=u_ann.abc"
    answer = party.server.http("POST", path, b"List-Unsubscribe=One-Click")
    assert answer.status == 404
