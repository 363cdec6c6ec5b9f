"""The data folder: its files, its lock, its one owner."""

import fcntl
import os
from pathlib import Path


class FolderError(Exception):
    """The folder cannot be used; the message is one line for the user."""


def holds_data(path: Path) -> bool:
    """Returns whether a folder exists and has a log, without changing it."""
    return (path / "events.sqlite").is_file()


class DataFolder:
    """A folder that only one process at a time may open.

    Raises
    ------
    FolderError: it cannot be written, or another process has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "parley.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderError(f"cannot write to {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise FolderError(f"another Parley process has {self.path} open") from None

    @property
    def events(self) -> Path:
        return self.path / "events.sqlite"

    @property
    def views(self) -> Path:
        return self.path / "views.sqlite"

    @property
    def accounts(self) -> Path:
        return self.path / "accounts.sqlite"

    @property
    def keys(self) -> Path:
        return self.path / "keys.sqlite"

    @property
    def master_key(self) -> Path:
        return self.path / "vault.key"

    def close(self) -> None:
        os.close(self._lock)


def socket_path(folder: Path) -> Path:
    """Returns the path of the socket on which a running server listens for the command line."""
    return folder.absolute() / "parley.sock"
