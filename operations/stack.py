"""Operator's commands on a deployed stack, found by the outputs of its CloudFormation stack.

Region, profile and endpoint come from the usual AWS_* variables. The command line imports this only
for a stack: the local engine does not need boto3.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import orjson
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb.table import Table
from adapters.memory.gateway import InlineBackground
from adapters.memory.limiter import TokenBuckets
from adapters.vault.kms import MasterKeyLost
from domain.chat import Chat, Services
from domain.chat.consumers import TrackMemberships
from domain.chat.projecting import ProjectViews
from domain.chat.rebuilding import Rebuilding, StillMoving
from domain.consumer import TRANSIENT
from domain.consuming import UNKNOWN
from domain.errors import ParleyError
from domain.executing import DirectExecutor
from domain.ports.vault import Vault
from operations.common import OperationError, Progress, erased, log_lines, signed_out
from operations.dead_letters import drop
from operations.resources import LazyPort, Stack
from operations.restoring import Restoring, of_folder, of_table
from operations.stream_batches import Stream
from operations.stream_failures import Reader, StreamFailures

ANY_VERSION = 2**53

Clock = Callable[[], float]


def open_stack(name: str, seconds: Clock = time.time) -> "StackOperations":
    """Opens a deployed stack by its name. Raises OperationError."""
    with _in_words():
        session = Session()
        return StackOperations(Stack(session, name), seconds)


@contextmanager
def _in_words() -> Iterator[None]:
    """Turns errors of AWS and of Parley into one line for the user."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        line = f"{error.operation_name}: {told.get('Code', '')}: {told.get('Message', '')}"
        raise OperationError(" ".join(line.split())) from error
    except MasterKeyLost as error:
        raise OperationError("the master key of the stack was destroyed") from error
    except StillMoving as error:
        raise OperationError(str(error)) from error
    except (BotoCoreError, ParleyError, ValueError, *TRANSIENT) as error:
        raise OperationError(" ".join(str(error).split()) or type(error).__name__) from error


class StackOperations:
    """Operations of the command line on a deployed stack; the counterpart of `Operations`."""

    def __init__(self, stack: Stack, seconds: Clock = time.time) -> None:
        self._stack = stack
        self._seconds = seconds
        self._vault = cast(Vault, LazyPort(lambda: stack.vault))
        self._rebuilding = Rebuilding(
            stack.log, self._vault, stack.generations, stack.progress, self._now, seconds
        )

    def _now(self) -> str:
        return datetime.fromtimestamp(self._seconds(), UTC).isoformat(timespec="microseconds")

    def run(self, name: str, arguments: dict[str, Any], progress: Progress) -> Iterator[str]:
        """Runs an operation by name; yields its output. Raises OperationError."""
        operations: dict[str, Callable[..., Iterator[str]]] = {
            "events": self.events,
            "views": self.views,
            "rebuild": self.rebuild,
            "dead-letters-list": self.dead_letters,
            "dead-letters-redrive": self.redrive,
            "erase": self.erase,
            "sign-out": self.sign_out,
            "restore": self.restore,
        }
        with _in_words():
            yield from operations[name](progress, **arguments)

    def events(self, _: Progress, room: str, deleted: bool = False) -> Iterator[str]:
        """Yields the log of a room or a person, one event per line; with `deleted` also the texts
        of deleted messages."""
        return log_lines(self._stack.log, self._stack.vault, room, deleted)

    def views(self, _: Progress) -> Iterator[str]:
        """Yields the views in a fixed order, sealed as they are stored."""
        for row in self._stack.views.dump():
            yield orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()

    def rebuild(self, progress: Progress, resume: int | None = None) -> Iterator[str]:
        """Rebuilds all views next to those that are read, stream by stream."""
        run = resume or self._rebuilding.new_run()
        streams = self._stack.streams()
        done = 0

        def count(stream: str) -> None:
            nonlocal done
            done += 1
            progress(done, len(streams))

        try:
            events = self._rebuilding.rebuild_all(streams, run, count)
        except Exception:
            yield f"{done} of {len(streams)} streams are done; --resume {run} continues from there"
            raise
        yield f"{events} events of {len(streams)} streams folded"

    def dead_letters(self, _: Progress) -> Iterator[str]:
        """Yields parked events, then each queue's count and the streams and versions of its
        letters."""
        for parked in self._stack.progress.parked():
            yield orjson.dumps(parked).decode()
        for letters in self._stack.dead_letters():
            if count := letters.count():
                yield orjson.dumps({"queue": letters.name, "dead_letters": count}).decode()
                for one in letters.look():
                    yield orjson.dumps(one).decode()
        for name, url in self._stack.failures().items():
            wanted = "ApproximateNumberOfMessages"
            answer = self._stack.client("sqs").get_queue_attributes(
                QueueUrl=url, AttributeNames=[wanted]
            )
            if count := int(answer["Attributes"][wanted]):
                yield orjson.dumps({"queue": name, "dead_letters": count}).decode()

    def redrive(self, progress: Progress) -> Iterator[str]:
        """Rebuilds parked streams, sends the queues' dead letters back, and publishes the failed
        batches of the stream's readers again."""
        run = self._rebuilding.new_run()
        before = len(self._stack.progress.parked())
        self._rebuilding.redrive(run)
        self._redrive_others()
        left = len(self._stack.progress.parked())
        yield f"{before} parked events redriven, {left} left"
        queues = self._stack.dead_letters()
        for done, letters in enumerate(queues, 1):
            if count := letters.count():
                yield f"{letters.name}: about {count} dead letters, {letters.redrive(run)}"
            progress(done, len(queues))
        yield from self._redrive_failures()

    def _redrive_failures(self) -> Iterator[str]:
        stack, sqs = self._stack, self._stack.client("sqs")
        takes = {"RelayFailures": self._chat.relay, "ArchiveFailures": self._chat.archive}
        readers = [
            Reader(sqs, name, url, takes[name])
            for name, url in stack.failures().items()
            if name in takes
        ]
        stream, events = Stream(stack.client("dynamodbstreams")), stack.table("EventsTable")
        # Eventually consistent, at half the price: the events that are searched like this are a day
        # old.
        every = partial(of_table, events, consistent=False)
        yield from StreamFailures(readers, stream, stack.log.recorder, every).redrive()
        if (sweep := stack.failures().get("SweepFailures")) and (dropped := drop(sqs, sweep)):
            yield f"SweepFailures: {dropped} letters deleted: the next sweep does the same work"

    def _redrive_others(self) -> None:
        """Redrives parked events of other consumers: memberships are applied again; deliveries and
        notices are out of date and dropped."""
        progress = self._stack.progress
        others = {(one.consumer, one.stream) for one in progress.parked()}
        for consumer, stream in sorted(others):
            if consumer == TrackMemberships.name and stream != UNKNOWN:
                self._chat.consuming[consumer].redrive(stream)
            elif consumer != ProjectViews.name:
                progress.unpark(consumer, stream, ANY_VERSION)

    @cached_property
    def _chat(self) -> Chat:
        stack = self._stack
        return Chat(
            Services(
                log=stack.log,
                executor=DirectExecutor(stack.log, stack.views),
                views=stack.views,
                progress=stack.progress,
                vault=self._vault,
                accounts=stack.accounts,
                connections=stack.connections,
                gateway=stack.gateway,
                topic=stack.topic,
                archive=stack.archive,
                limiter=TokenBuckets(0),
                background=InlineBackground(),
                now=self._now,
                seconds=self._seconds,
            )
        )

    def erase(self, _: Progress, user: str) -> Iterator[str]:
        """Destroys a person's key and ends everything that they have open."""
        return erased(self._chat, user)

    def sign_out(self, _: Progress, user: str) -> Iterator[str]:
        """Ends a person's sessions and closes their connections."""
        return signed_out(self._chat, user)

    def restore(self, progress: Progress, source: str) -> Iterator[str]:
        """Copies events that the log lacks, from a restored table or a folder of the archive's
        rows; changes no existing event."""
        stack = self._stack
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            progress(done, done)

        folder = Path(source)
        table = Table(stack.client("dynamodb"), source)
        if table.name == stack.output("EventsTable"):
            raise OperationError(f"{source} is the stack's own table")
        events = of_folder(folder) if folder.is_dir() else of_table(table)
        yield from Restoring(stack.log.recorder, count).run(events)
