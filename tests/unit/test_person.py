"""The person's decisions: given these events, when this is asked, then that.

Over 300 lines: the decisions of one aggregate, given the same few events.
"""

from dataclasses import replace
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest

from domain.aggregate import NOT_KEPT, WINDOW
from domain.errors import CommandIdReused, NotFound, Unauthenticated
from domain.inviting import REST
from domain.log import mapper
from domain.person.imports import FileImported, Imports, NoteImport
from domain.person.invitations import (
    MAX_DECLINED,
    MAX_OFFERS,
    MAX_OFFERS_BY,
    CloseOffer,
    Invitations,
    Offer,
    OfferClosed,
    OfferRoom,
    RoomOffered,
)
from domain.person.lifecycle import Erase, PersonErased, PersonRegistered, Register
from domain.person.marks import MarkRead, Marks, ReadMarked
from domain.person.memberships import GainRoom, LoseRoom, Memberships, RoomGained, RoomLost
from domain.person.person import DECISIONS, Person, PersonSnapshot
from domain.person.preferences import NoticePreferences, NoticesSet, SetNotices
from domain.person.sessions import (
    MAX_SESSIONS,
    EndSession,
    OpenSessions,
    SessionEnded,
    SessionStarted,
    StartSession,
)
from tests.support.aggregates import AT, Given, Happened, ask, given, happened, sealed, stand

ANN = "u_ann"


def registered() -> Happened:
    return happened(PersonRegistered, ANN, name=sealed(ANN, "Ann"))


def started(session: str = "s1") -> Happened:
    return happened(SessionStarted, ANN, session=session)


def ended(session: str = "s1") -> Happened:
    return happened(SessionEnded, ANN, session=session)


def marked(version: int, room: str = "lobby") -> Happened:
    return happened(ReadMarked, ANN, room=room, version=version)


def gained(version: int = 3, role: str = "member", room: str = "lobby") -> Happened:
    return happened(RoomGained, "u_bob", room=room, role=role, room_version=version)


def lost(version: int = 4, room: str = "lobby") -> Happened:
    return happened(RoomLost, "u_bob", room=room, room_version=version)


def imported(room: str = "lobby", file: str = "f1") -> Happened:
    return happened(FileImported, ANN, room=room, file=file)


def offered(
    version: int = 3, room: str = "lobby", by: str = "u_bob", role: str = "member"
) -> Happened:
    return happened(RoomOffered, by, room=room, role=role, room_version=version)


def declined(version: int = 4, room: str = "lobby") -> Happened:
    return happened(OfferClosed, ANN, room=room, room_version=version)


def withdrawn(version: int = 4, room: str = "lobby") -> Happened:
    return happened(OfferClosed, "u_bob", room=room, room_version=version)


def wants(mail: bool) -> Happened:
    return happened(NoticesSet, ANN, mail=mail)


def ann(*more: Happened) -> Given:
    """Ann is registered (1); more from 2 on."""
    return given(ANN, registered(), *more)


REGISTER = ask(Register, ANN, name=sealed(ANN, "Ann"))
START = ask(StartSession, ANN, session="s1")
END = ask(EndSession, ANN, session="s1")
GAIN = ask(GainRoom, "u_bob", room="lobby", role="member", room_version=3)
LOSE = ask(LoseRoom, "u_bob", room="lobby", room_version=4)
CLOSE = ask(CloseOffer, ANN, room="lobby", room_version=4)
MAIL = ask(SetNotices, ANN, mail=True)
IMPORT = ask(NoteImport, ANN, room="lobby", file="f1")


def mark(version: int, **more: Any) -> Any:
    return ask(MarkRead, ANN, room="lobby", version=version, **more)


def offer(version: int = 3, room: str = "lobby", by: str = "u_bob", **more: Any) -> Any:
    return ask(OfferRoom, by, room=room, role="member", room_version=version, **more)


def test_registering() -> None:
    given(ANN).when(REGISTER).then(registered())


def test_registering_twice_changes_nothing() -> None:
    ann(started()).when(REGISTER).then_nothing(version=2)


def test_sessions_start_and_end() -> None:
    ann().when(START).then(started())
    ann(started()).when(END).then(ended())
    ann(started(), started("s2")).when(END).then(ended())


def test_a_session_starts_and_ends_once() -> None:
    ann(started()).when(START).then_nothing()
    ann(started(), ended()).when(END).then_nothing()
    ann().when(END).then_nothing()


@pytest.mark.parametrize("command", [START, mark(1), GAIN, LOSE, offer(), CLOSE, MAIL, IMPORT],
                         ids=lambda command: type(command).__name__)  # fmt: skip
def test_nobody_is_not_found(command: Any) -> None:
    given(ANN).when(command).then_refused(NotFound)


def test_a_read_mark_moves_forward_only() -> None:
    ann().when(mark(3)).then(marked(3))
    ann(marked(3)).when(mark(4)).then(marked(4))
    ann(marked(3), started()).when(mark(3)).then_nothing(version=2)
    ann(marked(3), started(), marked(7)).when(mark(2)).then_nothing(version=4)


def test_each_room_has_a_mark_of_its_own() -> None:
    ann(marked(9, "other")).when(mark(3)).then(marked(3))


def test_rooms_are_gained_and_lost() -> None:
    ann().when(GAIN).then(gained())
    ann(gained(2, "owner")).when(GAIN).then(gained())
    ann(gained()).when(LOSE).then(lost())
    ann(gained(1), lost(2)).when(GAIN).then(gained())
    ann(gained(9, room="other")).when(GAIN).then(gained())


def test_what_a_later_event_of_the_room_said_stands() -> None:
    """Consumers may be told twice, late and out of order."""
    ann(gained()).when(GAIN).then_nothing()
    ann(gained(), lost()).when(LOSE).then_nothing()
    ann(lost(4)).when(GAIN).then_nothing()
    ann(gained(5)).when(LOSE).then_nothing()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_memberships_told_in_any_order_end_alike(order: tuple[int, ...]) -> None:
    told = [
        ask(GainRoom, "u_bob", id="lobby:3", room="lobby", role="member", room_version=3),
        ask(LoseRoom, "u_bob", id="lobby:4", room="lobby", room_version=4),
        ask(GainRoom, "u_bob", id="lobby:6", room="lobby", role="owner", room_version=6),
    ]
    person = ann()
    for index in (*order, *order):
        person.when(told[index])
    assert isinstance(person.aggregate, Person)
    assert person.aggregate.part(Memberships).by_room == {"lobby": ("owner", 6)}


def offers(person: Given) -> list[str]:
    assert isinstance(person.aggregate, Person)
    return sorted(person.aggregate.part(Invitations).offers)


def test_an_invitation_waits_until_it_is_accepted_declined_or_withdrawn() -> None:
    ann().when(offer()).then(offered())
    ann(offered()).when(CLOSE).then(declined())
    ann(offered(), declined()).when(CLOSE).then_nothing()
    ann(offered(), declined()).when(offer(3)).then_nothing()
    assert offers(ann(offered())) == ["lobby"]
    for over in (gained(4), lost(4), declined(4), withdrawn(4)):
        assert offers(ann(offered(), over)) == []
    assert offers(ann(offered(), declined(4), offered(9))) == ["lobby"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_invitations_told_in_any_order_end_alike(order: tuple[int, ...]) -> None:
    told = [
        offer(3, id="lobby:3"),
        ask(GainRoom, ANN, id="lobby:4", room="lobby", role="member", room_version=4),
        ask(LoseRoom, ANN, id="lobby:5", room="lobby", room_version=5),
        offer(6, id="lobby:6"),
    ]
    person = ann()
    for index in (*order, *order):
        person.when(told[index])
    assert isinstance(person.aggregate, Person)
    assert person.aggregate.part(Invitations).offers == {"lobby": Offer("u_bob", "member", 6, AT)}
    assert person.aggregate.part(Memberships).by_room["lobby"] in ((None, 5), ("member", 4))


def test_invitations_too_many_are_dropped() -> None:
    three = [offered(room=f"room-{number}") for number in range(MAX_OFFERS_BY)]
    ann(*three).when(offer()).then_nothing()
    ann(*three).when(offer(by="u_cy")).then(offered(by="u_cy"))
    many = [offered(room=f"room-{n}", by=f"u_{n}") for n in range(MAX_OFFERS)]
    ann(*many).when(offer(by="u_cy")).then_nothing()
    ann(*many).when(offer(9, "room-7", "u_7")).then(offered(9, "room-7", "u_7"))


def test_who_was_declined_invites_nowhere_for_a_week() -> None:
    past = ann(offered(), declined())
    past.when(offer(room="other")).then_nothing()
    past.when(offer(room="other", by="u_cy")).then(offered(room="other", by="u_cy"))
    left_alone = ann(offered(), withdrawn())
    left_alone.when(offer(room="other")).then(offered(room="other"))
    later = (datetime.fromisoformat(AT) + REST).isoformat(timespec="microseconds")
    (event,) = ann(offered(), declined()).when(replace(offer(9), recorded_at=later)).events
    assert isinstance(event, RoomOffered)


def test_the_memory_of_who_was_declined_is_bounded() -> None:
    person = ann().aggregate
    assert isinstance(person, Person)
    invitations = person.part(Invitations)
    for number in range(MAX_DECLINED + 1):
        invitations.note_declined(f"u_{number}", AT)
    assert len(invitations.declined) == MAX_DECLINED
    assert "u_0" not in invitations.declined
    # Whose invitation was declined anew is the newest of them.
    invitations.note_declined("u_1", AT)
    invitations.note_declined("u_new", AT)
    assert "u_1" in invitations.declined
    assert "u_2" not in invitations.declined


def test_mail_is_wanted_only_once_that_was_said() -> None:
    ann().when(ask(SetNotices, ANN, mail=False)).then_nothing()
    ann().when(MAIL).then(wants(True))
    ann(wants(True)).when(MAIL).then_nothing()
    ann(wants(True)).when(ask(SetNotices, ANN, mail=False)).then(wants(False))


def test_a_snapshot_of_an_earlier_release_loads() -> None:
    taken: Any = PersonSnapshot.take(ann(gained(), offered(9, "other"), wants(True)).aggregate)
    for field in ("offers", "declined", "mail"):
        del taken.state[field]
    person = taken.mutate(None)
    assert person.part(Memberships).by_room == {"lobby": ("member", 3)}
    assert person.part(Invitations) == Invitations({}, {})
    assert person.part(NoticePreferences) == NoticePreferences(mail=False)


@pytest.mark.parametrize("missing", [("began",), ("erased",), ("began", "erased", "offers")])
def test_a_snapshot_without_what_came_later_loads(missing: tuple[str, ...]) -> None:
    whole: Any = ann(started(), started("s2"), marked(3), imported()).aggregate
    taken: Any = PersonSnapshot.take(whole)
    for field in missing:
        del taken.state[field]
    person = taken.mutate(None)
    began = "" if "began" in missing else AT
    assert person.part(OpenSessions).begun == {"s1": began, "s2": began}
    assert list(person.part(OpenSessions).begun) == list(whole.part(OpenSessions).begun)
    for name in ("version", "name", "erased", "recent", "forgotten"):
        assert getattr(person, name) == getattr(whole, name), name
    for part in (Marks, Imports, Memberships):
        assert person.part(part) == whole.part(part)
    # Its sessions end and new ones begin as ever.
    person.fold(stand(ANN, person.version + 1, ended()))
    person.fold(stand(ANN, person.version + 1, started("s3")))
    assert person.part(OpenSessions).begun == {"s2": began, "s3": AT}


def test_a_person_is_as_their_events_say() -> None:
    """The state that decisions and names come from."""
    person: Any = ann(started(), marked(3), imported(), started("s2"), ended()).aggregate
    assert person.name == sealed(ANN, "Ann")
    assert person.part(OpenSessions).begun == {"s2": AT}
    assert person.part(Marks).by_room == {"lobby": (3, 3)}
    assert person.part(Imports).files == {("lobby", "f1")}
    assert not person.erased
    erased: Any = ann(started(), happened(PersonErased, ANN)).aggregate
    assert (erased.name, erased.part(OpenSessions).begun, erased.erased) == (NOT_KEPT, {}, True)


def test_a_file_is_noted_once_per_room() -> None:
    ann().when(IMPORT).then(imported())
    ann(imported()).when(IMPORT).then_nothing()
    ann(imported("other"), imported(file="f2")).when(IMPORT).then(imported())


def test_the_longest_open_session_ends_beyond_the_bound() -> None:
    begun = [started(f"s{number}") for number in range(MAX_SESSIONS)]
    ann(*begun[1:]).when(ask(StartSession, ANN, session="new")).then(started("new"))
    full = ann(*begun, ended("s0"), started("s0"))
    full.when(ask(StartSession, ANN, session="new")).then(ended("s1"), started("new"))


def test_somebody_is_erased_once() -> None:
    ann(started()).when(ERASE).then(happened(PersonErased, ANN))
    ann(happened(PersonErased, ANN)).when(ERASE).then_nothing()
    given(ANN).when(ERASE).then_refused(NotFound)


def test_an_erased_person_does_nothing_and_is_still_told_of_rooms() -> None:
    gone = happened(PersonErased, ANN)
    for own in (START, mark(5), MAIL, IMPORT):
        ann(gone).when(own).then_refused(Unauthenticated)
    ann(gone).when(offer()).then_refused(NotFound)
    # Their log takes what others' logs and accounts tell late, also where they did it themselves.
    left = ask(LoseRoom, ANN, room="lobby", room_version=4)
    ann(started(), gone).when(END).then_nothing()
    ann(gone).when(GAIN).then(gained())
    ann(gained(), gone).when(left).then(replace(lost(), by=ANN))
    ann(offered(), gone).when(CLOSE).then(declined())


ERASE = ask(Erase, ANN)
EVERY_COMMAND: tuple[Any, ...] = (
    START,
    END,
    mark(5),
    GAIN,
    LOSE,
    offer(),
    CLOSE,
    MAIL,
    IMPORT,
    ERASE,
)


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
def test_a_repeated_command_adds_nothing_and_a_reused_id_is_refused(command: Any) -> None:
    past = {EndSession: [started()], LoseRoom: [gained()]}.get(type(command), [])
    person = ann(*past)
    first = person.when(command)
    assert len(first.events) == 1
    again = person.when(command)
    assert (again.outcome, again.events) == (first.outcome, [])
    content = {name: getattr(command, name) for name in type(command).__slots__}
    other = ask(type(command), command.by, digest="another", **content)
    person.when(other).then_refused(CommandIdReused)


def test_every_command_is_repeated_above() -> None:
    assert {type(command) for command in EVERY_COMMAND} | {Register} == set(DECISIONS)


def test_a_late_retry_with_since_is_answered_from_the_log() -> None:
    person = ann()
    person.when(ask(StartSession, ANN, id="first", since=1, session="s1")).then(started())
    person.when(END).then(ended())
    for number in range(WINDOW):
        person.when(mark(number + 1, id=f"mark-{number}"))
    assert (ANN, "first") not in person.aggregate.recent
    again = ask(StartSession, ANN, id="first", since=1, session="s1")
    person.when(again).then_nothing(version=2)


def test_a_snapshot_restores_an_equal_aggregate() -> None:
    person: Any = ann(
        started(), started("s2"), ended(), marked(3), marked(4, "other"), gained(),
        gained(2, "owner", "other"), lost(), imported(), imported("other", "f2"),
        offered(7, "new"), offered(8, "old"), declined(9, "old"), wants(True),
    ).aggregate  # fmt: skip
    taken: Any = PersonSnapshot.take(person)
    kept: Any = mapper.to_domain_event(mapper.to_stored_event(taken))
    restored = kept.mutate(None)
    assert vars(restored) == vars(person)
    restored.fold(stand(ANN, person.version + 1, marked(9)))
    assert restored.part(Marks).by_room["lobby"] == (9, person.version + 1)
