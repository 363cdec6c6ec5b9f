"""Consumers with an effect outside: once in order, again after a death (domain/claiming.py).

Over 300 lines: one consumer under every order of loss and death, over the same cursors.
"""

from collections.abc import Callable, Iterator, Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.progress import MemoryProgress
from domain.aggregate import Event
from domain.claiming import Claiming, ProcessCursors
from domain.consumer import Transient
from domain.consuming import MAX_RECEIVES, Record
from domain.log import envelope
from domain.ports.connections import Shard
from tests.unit.consuming.logs import history, log_of, records_of

Given = tuple[str, Shard | None, int]


class Effect:
    """Notes what it hands on; fails where it is told to."""

    name = "effect"
    gapless = True

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.skipped: list[tuple[str, int]] = []
        self.failing: Iterator[BaseException | None] = iter(())

    def last(self, stream: str) -> int | None:
        return None

    def apply(self, stream: str, events: Sequence[Event], shard: Shard | None = None) -> None:
        error = next(self.failing, None)
        if error is not None:
            raise error
        self.given += [(stream, shard, event.originator_version) for event in events]

    def skip(self, stream: str, version: int) -> None:
        self.skipped.append((stream, version))

    def reset(self, stream: str) -> None: ...


class Durable(ProcessCursors):
    """Cursors as processes share them; counts what they cost."""

    durable = True

    def __init__(self) -> None:
        super().__init__()
        self.moves = 0

    def advance(self, lane: str, first: int, last: int) -> int | None:
        self.moves += 1
        return super().advance(lane, first, last)


class Process:
    """A process that consumes; several share cursors."""

    def __init__(self, cursors: ProcessCursors) -> None:
        self.effect, self.progress = Effect(), MemoryProgress()
        self.feed = Claiming(self.effect, log_of(history()), self.progress, lambda: "now", cursors)

    def versions(self) -> list[int]:
        return [version for _, _, version in self.effect.given]


def lobby(*versions: int, receives: int = 1, shard: Shard | None = None) -> list[Record]:
    found = {e.originator_version: envelope(e) for e in history() if e.originator_id == "lobby"}
    bodies = [orjson.loads(found[version]) for version in versions]
    if shard is not None:
        bodies = [{**body, "shard": shard} for body in bodies]
    return [
        Record(f"{version}-{receives}", orjson.dumps(body), receives)
        for version, body in zip(versions, bodies, strict=True)
    ]


@pytest.fixture
def cursors() -> Durable:
    return Durable()


def test_in_order_a_batch_costs_one_move(cursors: Durable) -> None:
    one, other = Process(cursors), Process(cursors)
    assert one.feed.consume(lobby(3, 4, 5)) == []
    assert other.feed.consume(lobby(6)) == []
    assert cursors.moves == 2
    assert (one.versions(), other.versions()) == ([3, 4, 5], [6])


def test_what_comes_twice_is_handed_on_once(cursors: Durable) -> None:
    one, other = Process(cursors), Process(cursors)
    one.feed.consume(lobby(3, 4))
    assert other.feed.consume(lobby(3, 4)) == []
    assert other.feed.consume(lobby(4, 5)) == []
    assert (one.versions(), other.versions()) == ([3, 4], [5])


def test_a_gap_is_read_from_the_log(cursors: Durable) -> None:
    one = Process(cursors)
    one.feed.consume(lobby(3))
    assert one.feed.consume(lobby(7, 6)) == []
    assert one.feed.consume(lobby(5)) == []
    assert one.versions() == [3, 4, 5, 6, 7]


def test_a_failure_that_may_pass_moves_the_cursor_back(cursors: Durable) -> None:
    one, other = Process(cursors), Process(cursors)
    one.effect.failing = iter([Transient("later")])
    assert one.feed.consume(lobby(3, 4)) == ["3-1", "4-1"]
    assert other.feed.consume(lobby(3, 4, receives=2)) == []
    assert other.versions() == [3, 4]
    assert one.progress.parked() == []


@pytest.mark.parametrize("kind", [ProcessCursors, Durable])
def test_what_failed_goes_out_with_what_comes_after_it_before_its_retry(
    kind: type[ProcessCursors],
) -> None:
    one = Process(kind())
    one.feed.consume(lobby(1, 2))
    one.effect.failing = iter([OSError("no answer")])
    assert one.feed.consume(lobby(3)) == ["3-1"]
    assert one.feed.consume(lobby(4)) == []
    assert one.versions() == [1, 2, 3, 4]
    assert one.feed.consume(lobby(3, receives=2)) == []
    # In one process nothing died in between, so the retry has nothing left to do.
    assert one.versions() == [1, 2, 3, 4] + [3] * (kind is Durable)


class Busy(Process):
    """A process whose rooms were all pushed to a moment ago; `meanwhile` happens as it waits."""

    def __init__(self, cursors: ProcessCursors) -> None:
        super().__init__(cursors)
        self.waits: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        cursors.moved_before = lambda lane: 100.0  # type: ignore[method-assign]
        self.feed = Claiming(
            self.effect, log_of(history()), self.progress, lambda: "now", cursors,
            0.25, self._wait, lambda: 100.1,
        )  # fmt: skip

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.meanwhile()


def test_what_another_process_took_meanwhile_is_not_gathered(cursors: Durable) -> None:
    one, other = Busy(cursors), Process(cursors)
    one.meanwhile = lambda: other.feed.consume(lobby(4, 5))
    assert one.feed.consume(lobby(3)) == []
    assert (one.versions(), other.versions()) == ([3], [4, 5])
    assert one.waits == [pytest.approx(0.15)]


def test_gathering_without_an_answer_loses_nothing() -> None:
    cursors = Unanswering()
    one = Busy(cursors)
    one.meanwhile = lambda: setattr(cursors, "lost", 1)
    assert one.feed.consume(lobby(3)) == []
    assert one.versions() == [3]
    assert Process(cursors).feed.consume(lobby(3)) == [], "nothing is done twice either"
    other = Process(cursors)
    assert other.feed.consume(lobby(4)) == []
    assert other.versions() == [4]


def test_a_persons_own_log_waits_for_nothing(cursors: Durable) -> None:
    one = Busy(cursors)
    assert one.feed.consume(records_of("u_ann", 2)) == []
    assert one.versions() == [1, 2]
    assert one.waits == []


class Died(BaseException):
    """The process ended in the middle."""


class Unanswering(Durable):
    """Moves, and does not say so: the answer is lost, and so are those of all retries."""

    lost = 0

    def advance(self, lane: str, first: int, last: int) -> int | None:
        stands = super().advance(lane, first, last)
        if stands is None and self.lost:
            self.lost -= 1
            raise OSError("no answer")
        return stands


def test_a_move_without_an_answer_loses_nothing() -> None:
    cursors = Unanswering()
    one = Process(cursors)
    one.feed.consume(lobby(1))
    cursors.lost = 1
    # 2 to 4 come by the log: their records do not come again.
    assert one.feed.consume(lobby(5)) == ["5-1"]
    assert Process(cursors).feed.consume(lobby(1)) == []
    assert one.feed.consume(lobby(5, receives=2)) == []
    assert one.versions() == [1, 2, 3, 4, 5]


def test_what_a_dead_process_claimed_is_handed_on_when_it_comes_again(
    cursors: Durable, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Process(cursors), Process(cursors)
    one.effect.failing = iter([Died()])
    with monkeypatch.context() as dead:
        dead.setattr(Durable, "retreat", lambda *_: None)
        with pytest.raises(Died):
            one.feed.consume(lobby(3, 4))
    assert other.feed.consume([*lobby(3, 4, receives=2), *lobby(5)]) == []
    assert other.versions() == [3, 4, 5]


def test_a_copy_from_elsewhere_of_what_a_dead_process_claimed_is_dropped(
    cursors: Durable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own record comes again: the relay's copy need not do it."""
    one, other = Process(cursors), Process(cursors)
    cursors.advance("effect#lobby", 3, 4)
    assert other.feed.consume(lobby(3, 4)) == []
    assert other.versions() == []
    assert one.feed.consume(lobby(3, 4, receives=2)) == []
    assert one.versions() == [3, 4]


def test_memory_dies_with_its_process_so_nothing_is_handed_on_again() -> None:
    one = Process(ProcessCursors())
    one.feed.consume(lobby(3, 4))
    assert one.feed.consume(lobby(3, 4, receives=2)) == []
    assert one.versions() == [3, 4]


def test_what_always_fails_is_parked_and_gone_past(cursors: Durable) -> None:
    one = Process(cursors)
    one.effect.failing = iter([OSError("down")])
    assert one.feed.consume(lobby(3, 4, receives=MAX_RECEIVES)) == []
    assert [(p.stream, p.version) for p in one.progress.parked()] == [("lobby", 3), ("lobby", 4)]
    assert one.effect.skipped == [("lobby", 4)]
    assert one.feed.consume(lobby(5)) == []
    assert one.versions() == [5]
    one.feed.redrive("lobby")
    assert one.progress.parked() == []
    assert one.versions() == [5], "who was there has asked since"


def test_a_process_remembers_the_lanes_that_it_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessCursors, "SIZE", 3)
    cursors = ProcessCursors()
    for lane in "abc":
        assert cursors.advance(lane, 1, 5) is None
    assert cursors.advance("a", 6, 6) is None
    assert cursors.advance("d", 1, 1) is None
    # The longest unused one is forgotten, and begins with what comes.
    assert cursors.advance("c", 9, 9) == 5
    assert cursors.advance("a", 9, 9) == 6
    assert cursors.advance("d", 9, 9) == 1
    assert cursors.advance("b", 9, 9) is None


def test_a_cursor_is_moved_back_only_from_where_it_was_moved_to() -> None:
    cursors = ProcessCursors()
    assert cursors.advance("a", 3, 5) is None
    assert cursors.advance("a", 6, 7) is None
    cursors.retreat("a", 3, 5)
    cursors.retreat("never", 3, 5)
    assert cursors.advance("a", 9, 9) == 7, "another one moved it since"
    cursors.retreat("a", 6, 7)
    assert cursors.advance("a", 9, 9) == 5
    assert cursors.advance("a", 6, 8) is None


def test_giving_up_parks_nothing_beyond_the_head(cursors: Durable) -> None:
    """A record of a version that the log never shows is dropped, and moves no cursor."""
    one, head = Process(cursors), max(e.originator_version for e in history()
                                      if e.originator_id == "lobby")  # fmt: skip
    body = {**orjson.loads(lobby(4)[0].body), "version": head + 2}
    beyond = Record("beyond", orjson.dumps(body), MAX_RECEIVES)
    assert one.feed.consume([*lobby(3, receives=MAX_RECEIVES), beyond]) == []
    assert [p.version for p in one.progress.parked()] == [3]
    assert one.feed.consume(lobby(*range(4, head + 1))) == []
    assert one.versions() == list(range(4, head + 1))
    assert one.feed.consume([beyond]) == []
    assert [p.version for p in one.progress.parked()] == [3]


def test_giving_up_at_the_head_parks_it(cursors: Durable) -> None:
    one, head = Process(cursors), max(e.originator_version for e in history()
                                      if e.originator_id == "lobby")  # fmt: skip
    one.effect.failing = iter([OSError("down")])
    assert one.feed.consume(lobby(head, head - 1, receives=MAX_RECEIVES)) == []
    parked = [(p.consumer, p.version, p.reason) for p in one.progress.parked()]
    assert parked == [("effect", head - 1, "OSError"), ("effect", head, "OSError")]
    assert one.feed.consume(lobby(head)) == []
    assert one.versions() == [], "it was gone past"


def test_poison_is_parked_and_the_rest_goes_on(cursors: Durable) -> None:
    one = Process(cursors)
    poison = Record("p", orjson.dumps({"stream": "lobby", "version": 4, "topic": "?", "state": 1}))
    assert one.feed.consume([*lobby(3), poison, *lobby(5)]) == []
    assert one.versions() == [3, 5]
    assert [p.version for p in one.progress.parked()] == [4]


def test_what_the_log_does_not_show_yet_is_tried_again(cursors: Durable) -> None:
    one = Process(cursors)
    one.feed.consume(lobby(3))
    body = {**orjson.loads(lobby(4)[0].body), "version": 400}
    assert one.feed.consume([Record("early", orjson.dumps(body))]) == ["early"]
    assert one.feed.consume(lobby(4)) == []
    assert one.versions() == [3, 4]


def test_each_shard_has_a_cursor_of_its_own(cursors: Durable) -> None:
    one = Process(cursors)
    batch = [*lobby(3, 4, shard=(0, 2)), *lobby(3, shard=(1, 2)), *lobby(3)]
    assert one.feed.consume(batch) == []
    assert one.feed.consume(batch) == []
    assert one.effect.given == [
        ("lobby", (0, 2), 3), ("lobby", (0, 2), 4), ("lobby", (1, 2), 3), ("lobby", None, 3),
    ]  # fmt: skip


def test_a_shard_fills_no_gaps(cursors: Durable) -> None:
    """While a room had another number of shards, this one had nothing to do."""
    one = Process(cursors)
    one.feed.consume(lobby(3, shard=(0, 2)))
    assert one.feed.consume(lobby(7, shard=(0, 2))) == []
    assert one.versions() == [3, 7]


@pytest.mark.parametrize("shard", [[1], [1, 2, 3], ["0", 2], [2, 2], [-1, 2], "x", 5, {}])
def test_a_shard_that_cannot_be_is_parked(cursors: Durable, shard: object) -> None:
    one = Process(cursors)
    body = {**orjson.loads(lobby(3)[0].body), "shard": shard}
    assert one.feed.consume([Record("odd", orjson.dumps(body))]) == []
    assert [p.stream for p in one.progress.parked()] == ["?"]


@given(st.data())
def test_any_delivery_to_several_processes_hands_each_on_once_and_in_order(
    data: st.DataObject,
) -> None:
    cursors = Durable()
    processes = [Process(cursors), Process(cursors)]
    given: list[Given] = []
    for process in processes:
        process.effect.given = given
    batches = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=5), max_size=8)
    plan = [[1], *data.draw(batches), [12]]
    for batch in plan:
        process = data.draw(st.sampled_from(processes))
        if data.draw(st.booleans()):
            process.effect.failing = iter([OSError("later")])
            before = list(given)
            failed = process.feed.consume(lobby(*batch))
            process.effect.failing = iter(())
            assert not failed or given == before
        assert process.feed.consume(lobby(*batch)) == []
    assert [version for _, _, version in given] == list(range(1, 13))
