"""Whole IRC logs: names, times, encodings, reply links, and any bytes at all."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.protocol.limits import FORBIDDEN
from research.irc import (
    Joined,
    Left,
    Log,
    LogNameError,
    NotUnderstood,
    Renamed,
    Said,
    parse_log,
    read_log,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "irc"
NAME = Path("2004-11-15_03.log.txt")
US = timedelta(microseconds=1)


def parse(*lines: str, replies: str = "", name: Path = NAME) -> Log:
    return parse_log(name, "".join(line + "\n" for line in lines).encode(), replies.encode())


def times(log: Log) -> list[str]:
    return [f"{told.at:%d %H:%M:%S.%f}" for told in log.happenings]


def replied(log: Log) -> dict[int, int | None]:
    return {told.line: told.reply_to for told in log.happenings if isinstance(told, Said)}


def test_an_old_log() -> None:
    path = FIXTURES / "2005-08-08_01.log.txt"
    log = read_log(path)
    assert log.path == path
    assert log.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert log.started == date(2005, 8, 8)
    assert (log.lines, log.ignored) == (40, 3)
    kinds = [type(told) for told in log.happenings]
    assert [kinds.count(kind) for kind in (Joined, Left, Renamed, Said)] == [4, 3, 5, 24]
    actions = [told for told in log.happenings if isinstance(told, Said) and told.kind == "action"]
    assert [told.nick for told in actions] == ["topyli", "CircleofChaos", "CircleofChaos"]
    assert log.not_understood == [
        NotUnderstood("2005-08-08_01.log.txt", 15, "[12:18] <delta>", "the text is empty")
    ]
    assert replied(log)[24] == 21
    assert {line for line, parent in replied(log).items() if parent is not None} == {
        24, 25, 27, 28, 29, 32, 34,
    }  # fmt: skip


def test_a_newer_log_that_passes_midnight() -> None:
    log = read_log(FIXTURES / "2011-11-13_02.log.txt")
    assert (log.lines, log.ignored, len(log.not_understood)) == (28, 0, 1)
    assert log.happenings[0].at == datetime(2011, 11, 13, 21, 29, tzinfo=UTC)
    assert log.happenings[-1].at == datetime(2011, 11, 14, 2, 12, tzinfo=UTC) + US
    assert log.happenings[2] == Said(
        2, datetime(2011, 11, 13, 22, 5, tzinfo=UTC), "realHans",
        "pfifo: \tnot a dynamic executable", "text",
    )  # fmt: skip
    assert replied(log)[25] == 20


def test_lines_of_a_minute_lie_a_microsecond_apart() -> None:
    log = parse("[10:00] <a> 1", "=== a waves", "=== mode/#u [+o a]  by b", "[10:00] <a> 2")
    assert times(log) == ["15 10:00:00.000000", "15 10:00:00.000001", "15 10:00:00.000003"]


def test_a_clock_that_runs_backwards_means_the_next_day() -> None:
    log = parse("[23:59] <a> 1", "[00:00] <a> 2", "=== a waves", "[00:01] <a> 3", "[00:00] <a> 4")
    assert times(log) == [
        "15 23:59:00.000000",
        "16 00:00:00.000000",
        "16 00:00:00.000001",
        "16 00:01:00.000000",
        "17 00:00:00.000000",
    ]


def test_notices_before_any_time_take_the_hour_of_the_name() -> None:
    log = parse("=== a waves", "=== a bows", "[03:00] <a> 1", "[03:10] <a> 2")
    assert times(log) == [
        "15 03:00:00.000000",
        "15 03:00:00.000001",
        "15 03:00:00.000002",
        "15 03:10:00.000000",
    ]
    assert times(parse("=== a waves")) == ["15 03:00:00.000000"]


def test_a_name_with_a_later_hour_than_the_first_line_is_no_new_day() -> None:
    log = parse("=== a waves", "[02:10] <a> 1")
    assert times(log) == ["15 02:10:00.000000", "15 02:10:00.000001"]


def test_a_day_beyond_the_calendar_is_not_understood() -> None:
    log = parse("[10:00] <a> 1", "[09:00] <a> 2", "[10:01] <a> 3", name=Path("9999-12-31.log.txt"))
    assert [told.line for told in log.happenings] == [0, 2]
    assert [bad.reason for bad in log.not_understood] == ["the time is beyond the year 9999"]


@pytest.mark.parametrize(
    ("name", "started"),
    [
        ("2004-11-15_03.log.txt", date(2004, 11, 15)),
        ("2004-11-15.log.txt", date(2004, 11, 15)),
        ("ubuntu-2004-11-15_draft.txt", date(2004, 11, 15)),
    ],
)
def test_the_date_is_in_the_name(name: str, started: date) -> None:
    assert parse("[10:00] <a> 1", name=Path("2001-01-01") / name).started == started


@pytest.mark.parametrize(
    "name", ["ubuntu.log.txt", "2004-13-15_03.log.txt", "2004-11-15_24.log.txt", "12004-11-15.txt"]
)
def test_a_name_without_a_date_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(LogNameError, match="has no date; it should look like 2004-11-15_03"):
        read_log(tmp_path / name)  # not even looked for on disk


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / NAME)


def test_broken_bytes_are_replaced_and_lines_end_at_newlines_only() -> None:
    log = parse_log(
        NAME,
        b"\xef\xbb\xbf[10:00] <a> caf\xe9\r\n"  # a byte order mark, Latin-1, a carriage return
        b"[10:00] <a> x\xe2\x80\xa8y\x0cz\n"  # U+2028 and a form feed
        b"\n"
        b"[10:01] <a> \xed\xa0\x80",  # a surrogate, no newline at the end
    )
    assert [told.text for told in log.happenings if isinstance(told, Said)] == [
        "caf\ufffd",
        "x\u2028yz",
        "\ufffd\ufffd\ufffd",
    ]
    assert (log.lines, log.ignored, log.not_understood) == (4, 1, [])


def test_an_empty_file() -> None:
    assert parse_log(NAME, b"").lines == 0


def test_a_reply_goes_to_the_nearest_earlier_message() -> None:
    log = parse(
        "[10:00] <a> 0",
        "[10:00] <b> 1",
        "=== c [~c@d]  has joined #u",
        "[10:00] <b>",
        "[10:00] <a> 4",
        "[10:00] <b> 5",
        "=== c waves",
        replies="0 4 - \n1 4 -\n2 4 -\n3 4 -\n4 4 -\n5 4 -\n2 5 -\n0 2 -\n4 6 -\n",
    )
    assert replied(log) == {0: None, 1: None, 4: 1, 5: None, 6: 4}
    assert [bad.line for bad in log.not_understood] == [4]


def test_bad_links_are_reported_under_the_name_of_their_file() -> None:
    huge = f"{'9' * 5000} 1 -"
    links = "0 1 -\n\n1 -\n-1 1 -\n0 1 - x\n0 2 -\n" + huge
    log = parse("[10:00] <a> 0", "[10:00] <b> 1", replies=links)
    assert replied(log) == {0: None, 1: 0}
    form, file = "not a link of the form 'A B -'", "2004-11-15_03.replies.txt"
    assert log.not_understood == [
        NotUnderstood(file, 3, "1 -", form),
        NotUnderstood(file, 4, "-1 1 -", form),
        NotUnderstood(file, 5, "0 1 - x", form),
        NotUnderstood(file, 6, "0 2 -", "the link points beyond the log's 2 lines"),
        NotUnderstood(file, 7, huge, form),
    ]


LIKE_LINES = st.lists(
    st.tuples(
        st.sampled_from(
            ["[10:00] <a> ", "[09:59] <", "[25:00] <a> ", "[10:01]  * ", "=== ", "=== a ",
             "=== a [~a@b]  has joined #", "=== a is now known as ", "=== mode/#", ""]
        ),
        st.binary(max_size=40) | st.text(max_size=20).map(str.encode),
    ).map(lambda parts: parts[0].encode() + parts[1])
).map(b"\n".join)  # fmt: skip
LIKE_LINKS = st.binary() | st.lists(
    st.tuples(st.integers(-1, 12), st.integers(-1, 12)).map(lambda link: f"{link[0]} {link[1]} -")
).map(lambda lines: "\n".join(lines).encode())


@given(data=st.binary() | LIKE_LINES, replies=LIKE_LINKS)
def test_any_bytes_are_read_into_what_the_protocol_takes(data: bytes, replies: bytes) -> None:
    log = parse_log(NAME, data, replies)
    told = log.happenings
    bad = [one for one in log.not_understood if one.file == NAME.name]
    assert len(told) + len(bad) + log.ignored == log.lines
    assert log.ignored >= 0
    assert all(one.at < two.at and one.line < two.line for one, two in pairwise(told))
    said = {one.line for one in told if isinstance(one, Said)}
    for one in told:
        nicks = [one.nick, one.new_nick] if isinstance(one, Renamed) else [one.nick]
        assert all(nick.isprintable() and 1 <= len(nick) <= 32 for nick in nicks)
        assert not any(FORBIDDEN.search(nick) for nick in nicks)
        if isinstance(one, Said):
            assert one.text.strip()
            assert len(one.text) <= 4000
            assert not FORBIDDEN.search(one.text)
            assert one.reply_to is None or (one.reply_to in said and one.reply_to < one.line)


@given(name=st.text(alphabet="0123456789-_. x", min_size=1, max_size=20))
def test_any_name_has_a_date_or_is_refused(name: str) -> None:
    try:
        log = parse_log(Path(name), b"=== a waves")
    except LogNameError:
        return
    assert log.started.isoformat() in name


@given(data=LIKE_LINES)
def test_reading_twice_tells_the_same(data: bytes) -> None:
    assert parse_log(NAME, data) == parse_log(NAME, data)
