"""The promises of docs/protocol.md over the wire: finding people."""

from domain.protocol import answers as wire
from tests.server.harness import Party, Person


def found(person: Person, q: str, more: str = "") -> list[tuple[str, str]]:
    answer = person.http("GET", f"/api/people?q={q}{more}")
    assert answer.status == 200
    people = wire.FoundPeople.model_validate_json(answer.body).people
    return [(one.user, one.name) for one in people]


def test_people_are_found_by_name(party: Party) -> None:
    _, (ann, bob), _ = party.tabs("ann", "bob")
    eve, dan = party.enter("eve"), party.enter("dan")
    for one in (ann, eve):
        assert found(one, bob.name.upper().replace(" ", "%20")) == [(bob.id, bob.name)]
    assert found(ann, dan.name.replace(" ", "%20")) == []
    den = party.room_id() + "-222222222222"
    dan.connect().ok("create_room", room=den, name="Den", kind="private")
    assert found(ann, dan.name.replace(" ", "%20")) == []
    assert found(ann, "") == []
    for query in ("", "?q=" + "x" * 33, "?q=a&limit=0", "?q=a&limit=21"):
        refusal = ann.http("GET", f"/api/people{query}")
        assert (refusal.status, refusal.code) == (422, "invalid"), query


def test_who_asks_has_a_session(party: Party) -> None:
    stranger = Person(party.server, "none", "u_none", "none")
    assert stranger.http("GET", "/api/people?q=a").status == 401


def test_what_is_searched_for_is_in_no_log(party: Party) -> None:
    ann = party.enter("ann")
    assert found(ann, "xyzzyplugh") == []
    assert ann.http("GET", "/api/people?q=xyzzyplugh&limit=x").status == 422
    assert not any("xyzzyplugh" in line for line in party.server.output)
