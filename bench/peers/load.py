"""The scenarios, the same for every server.

A message counts when all members of its room have received it. Latency is from the write of a post
to the arrival of its bytes at a member that did not write it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

from bench.machine import GENERATOR_CORES, SERVER_CORES, busy_s, percentile
from bench.peers.member import Member, Run
from bench.peers.process import Peer

WARM_UP = 1.5
DRAIN = 20.0


@dataclass(frozen=True)
class Plan:
    """A scenario.

    Attributes
    ----------
    window: messages of a writer that are not yet acknowledged.
    silence: seconds before each message of a pair that talks; None for a load.
    """

    title: str
    rooms: int
    members: int
    writers: int
    window: int
    silence: float | None = None


PLANS = {
    "quiet": Plan("quiet pair, one message after the other", 1, 2, 1, 1, 0.0),
    "paced": Plan("quiet pair, 10 ms of silence before each", 1, 2, 1, 1, 0.01),
    "1x50": Plan("1 room x 50 members, 5 writers, window 16", 1, 50, 5, 16),
    "100x4": Plan("100 rooms x 4 members, 1 writer each, window 4", 100, 4, 1, 4),
}


@dataclass(frozen=True)
class Figures:
    """One run. Rates a second, times in seconds, shares of one core.

    Attributes
    ----------
    late: sorted times from send to receipt.
    acks: sorted times from send to acknowledgement.
    kept: messages in the files after the server was killed, minus the acknowledged ones.
    client_us: the generator's processor time for each delivery, in microseconds.
    """

    messages: float
    deliveries: float
    late: list[float]
    acks: list[float]
    server: float
    generator: float
    others: float
    client_us: float
    octets: float
    kept: int
    failures: tuple[str, ...]


async def measure(peer: Peer, plan: Plan, seconds: float) -> Figures:
    """Runs a scenario on a server that was just started, and kills the server at its end."""
    run = Run()
    rooms = await peer.members(run, plan.rooms, plan.members)
    everybody = [member for room in rooms for member in room]
    for member in everybody:
        member.start()
    gc.collect()
    gc.freeze()
    gc.disable()  # A garbage collection here would count as the server's time.
    try:
        run.posting = True
        if plan.silence is None:
            for room in rooms:
                for writer in room[: plan.writers]:
                    writer.window = plan.window
                    writer.post(plan.window)
        else:
            run.progress = _talk(run, rooms[0], plan.silence)
        await asyncio.sleep(WARM_UP)
        window = _Window(peer)
        await asyncio.sleep(seconds)
        window.end()
        await _drain(run, rooms)
    finally:
        gc.enable()
        gc.unfreeze()
    for member in everybody:
        member.close()
    peer.kill()
    return _figures(peer, plan, run, rooms, window)


def _talk(run: Run, pair: list[Member], silence: float) -> Callable[[], None]:
    """Makes the first of two members post; returns a function for each receipt: it posts the next
    message when the last one is acknowledged and both have it."""
    writer, reader = pair
    loop = asyncio.get_running_loop()
    waiting = False

    def post() -> None:
        nonlocal waiting
        waiting = False
        if run.posting:
            writer.post()

    def progress() -> None:
        nonlocal waiting
        due = writer.posted
        if writer.in_flight or waiting:
            return
        if writer.next.get(writer.index) == due == reader.next.get(writer.index):
            waiting = True
            if silence:
                loop.call_later(silence, post)
            else:
                post()

    writer.post()
    return progress


async def _drain(run: Run, rooms: list[list[Member]]) -> None:
    """Stops posting; waits until everything is acknowledged and received by everybody."""
    run.posting = False
    give_up = perf_counter() + DRAIN
    while perf_counter() < give_up:
        if all(_complete(room) for room in rooms):
            return
        await asyncio.sleep(0.02)
    run.fail("not every message was acknowledged and received by every member")


def _complete(room: list[Member]) -> bool:
    posted = {writer.index: writer.posted for writer in room if writer.posted}
    return all(member.in_flight == 0 and member.next == posted for member in room)


class _Window:
    """The measured time, and the processor time used in it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._all = busy_s(SERVER_CORES | GENERATOR_CORES)
        self._server, self._own = peer.cpu_s(), process_time()
        self.begun = perf_counter()

    def end(self) -> None:
        self.ended = perf_counter()
        self.lasted = self.ended - self.begun
        self.own_s = process_time() - self._own
        self.server = (self._peer.cpu_s() - self._server) / self.lasted
        self.generator = self.own_s / self.lasted
        everything = (busy_s(SERVER_CORES | GENERATOR_CORES) - self._all) / self.lasted
        self.others = max(0.0, everything - self.server - self.generator)


def _figures(
    peer: Peer, plan: Plan, run: Run, rooms: list[list[Member]], window: _Window
) -> Figures:
    begun, ended, sent = window.begun, window.ended, run.sent
    deliveries = 0
    late: list[float] = []
    acks: list[float] = []
    for room in rooms:
        for member in room:
            for now, _, first, last in member.arrivals:
                if begun <= now < ended:
                    deliveries += last - first + 1
            number = 0
            for now, count in member.acks:
                if begun <= now < ended:
                    acks += [now - at for at in sent[member.index][number : number + count]]
                number += count
        # One reader of each room: all of them would be a million samples a second.
        for now, writer, first, last in room[-1].arrivals:
            if begun <= now < ended:
                late += [now - at for at in sent[writer][first : last + 1]]
    acknowledged = sum(count for room in rooms for member in room for _, count in member.acks)
    octets = sum(member.octets for room in rooms for member in room)
    total = sum(last - first + 1 for r in rooms for m in r for _, _, first, last in m.arrivals)
    kept = peer.stored() - acknowledged
    if kept < 0:
        run.fail(f"{-kept} acknowledged messages are not in the files after a kill")
    return Figures(
        messages=deliveries / plan.members / window.lasted,
        deliveries=deliveries / window.lasted,
        late=sorted(late),
        acks=sorted(acks),
        server=window.server,
        generator=window.generator,
        others=window.others,
        client_us=window.own_s / max(1, deliveries) * 1e6,
        octets=octets / max(1, total),
        kept=kept,
        failures=tuple(f"{peer.name}: {what}" for what in run.failures),
    )


def share(values: list[float], part: float) -> float:
    """Returns a percentile in ms."""
    return percentile(values, part) * 1e3
