"""The `parley` command."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from domain.protocol.limits import COMMANDS_A_MINUTE
from local.control import ask
from local.folder import DataFolder, FolderError, holds_data
from local.operations import Operations
from local.server import ServeError, Settings, serve
from local.stores import Stores
from operations.common import OperationError, Progress

ON_STACKS = ("events", "rebuild", "views", "dead-letters", "erase", "sign-out", "restore")
"""Commands that also work on deployed stacks."""

MAKES_FOLDER = ("serve", "import")
"""Commands that create a missing data folder."""

PORT = 8080

RATE = float(COMMANDS_A_MINUTE)

FILES = Path(__file__).parent.parent / "frontend" / "dist"


Value = TypeVar("Value")


class UsageError(Exception):
    """A setting of the environment is invalid; the message is for a person."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code. Errors are one line on standard error.

    The code is 1 if the command failed, 2 if it was called wrongly.
    """
    options = _parser().parse_args(arguments)
    # Only the owner may access data files, backups and the socket.
    os.umask(0o077)
    try:
        if options.command == "serve":
            serve(_settings(options))
        else:
            _operate(options)
    except (ServeError, FolderError, OperationError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    except UsageError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, for example `head`, has closed the pipe; prevent Python's error message.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("DATA_DIR") or "data"),
        help="data folder (DATA_DIR, otherwise ./data)",
    )
    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument("--stack", metavar="NAME", help="a deployed stack instead of a folder")
    parser = argparse.ArgumentParser(
        "parley", description="A chat service that keeps every action as an event."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        parents = [shared, stack] if name in ON_STACKS else [shared]
        return commands.add_parser(name, help=help, description=help, parents=parents)

    command = add("serve", "serve the web app, the API and WebSockets")
    command.add_argument("--port", type=int, help=f"port (PORT, otherwise {PORT})")
    command.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    command.add_argument(
        "--rate",
        type=_rate,
        help=f"commands a minute per person; 0 for no limit (RATE, otherwise {RATE:.0f})",
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host],
        help="another host name by which browsers may reach the server (ALLOWED_HOSTS)",
    )
    command = add("import", "import chat logs into a room")
    command.add_argument("format", choices=["irc"])
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument("--room", required=True, help="id of the room")
    command.add_argument(
        "--strict", action="store_true", help="write nothing if a line is not understood"
    )
    command = add("events", "print a room's log, one event per line")
    command.add_argument("room", metavar="ROOM")
    command.add_argument(
        "--deleted", action="store_true", help="show the texts of deleted messages too"
    )
    command = add("rebuild", "rebuild the views from the log")
    command.add_argument(
        "--resume",
        type=int,
        metavar="RUN",
        help="for a stack: continue an interrupted rebuild",
    )
    add("views", "print the views in a fixed order, one row per line")
    command = add("backup", "write the log, keys and accounts to a tar file")
    command.add_argument("file", type=Path, metavar="FILE")
    command = add("dead-letters", "list parked events, or apply them again")
    command.add_argument("action", choices=["list", "redrive"])
    command = add("erase", "destroy a person's key: what they wrote can never be read again")
    command.add_argument("user", metavar="PERSON", help="the person's id, u_…")
    command = add(
        "sign-out",
        "end a person's sessions and tickets and close their connections; nothing that they wrote "
        "is touched. They may sign in again; a guest's nickname is free then",
    )
    command.add_argument("user", metavar="PERSON", help="the person's id, u_…")
    command = add("restore", "for a stack: copy events that its log has lost")
    command.add_argument(
        "source", metavar="TABLE|FOLDER", help="a restored table, or JSON lines of the archive"
    )
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not isfinite(rate) or rate < 0:
        raise ValueError
    return rate


def _setting(
    given: Value | None, name: str, convert: Callable[[str], Value], default: Value
) -> Value:
    """Returns the value of the command line, otherwise of the environment, otherwise the default.
    Only commands that need the setting call it: others ignore the environment."""
    text = os.environ.get(name)
    if given is not None or not text:
        return default if given is None else given
    try:
        return convert(text)
    except ValueError:
        raise UsageError(f"{name} is not a number that can be used: {text}") from None


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        host=options.host,
        port=_setting(options.port, "PORT", int, PORT),
        data_dir=options.data_dir,
        files=FILES,
        rate=_setting(options.rate, "RATE", _rate, RATE),
        allowed_hosts=options.allow_host,
    )


def _operation(options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    if options.command == "import":
        files = [str(file.absolute()) for file in options.files]
        return "import-irc", {"files": files, "room": options.room, "strict": options.strict}
    if options.command == "events":
        return "events", {"room": options.room, "deleted": options.deleted}
    if options.command == "backup":
        return "backup", {"file": str(options.file.absolute())}
    if options.command == "dead-letters":
        return f"dead-letters-{options.action}", {}
    if options.command in ("erase", "sign-out"):
        return options.command, {"user": options.user}
    if options.command == "restore":
        if not options.stack:
            raise OperationError("restore is for a stack: a folder is restored from its backup")
        return "restore", {"source": options.source}
    if options.command == "rebuild" and options.resume:
        if not options.stack:
            raise OperationError("--resume is for a stack: a folder's rebuild always starts again")
        return "rebuild", {"resume": options.resume}
    return options.command, {}


def _operate(options: argparse.Namespace) -> None:
    name, arguments = _operation(options)
    with tqdm(disable=not sys.stderr.isatty(), leave=False, desc=options.command) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        for line in _lines(options, name, arguments, progress):
            with bar.external_write_mode():
                print(line)


def _lines(
    options: argparse.Namespace, name: str, arguments: dict[str, Any], progress: Progress
) -> Iterator[str]:
    """Runs the operation on a stack, in the server on the folder, or here if there is no server."""
    if getattr(options, "stack", None):
        yield from _on_stack(options.stack, name, arguments, progress)
        return
    data_dir: Path = options.data_dir
    remote = ask(data_dir, name, arguments, progress)
    if remote is not None:
        yield from remote
        return
    if options.command not in MAKES_FOLDER and not holds_data(data_dir):
        raise FolderError(f"there is no data in {data_dir.absolute()}")
    with (
        closing(DataFolder(data_dir)) as folder,
        closing(Stores(folder)) as stores,
        closing(Operations(stores)) as operations,
    ):
        yield from operations.run(name, arguments, progress)


def _on_stack(
    stack: str, name: str, arguments: dict[str, Any], progress: Progress
) -> Iterator[str]:
    try:
        # Imported here, because a folder's commands do not need boto3.
        from operations.stack import open_stack  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("boto3", "botocore"):
            raise
        raise OperationError("boto3 is needed for a stack: pip install parley[aws]") from None
    return open_stack(stack).run(name, arguments, progress)
