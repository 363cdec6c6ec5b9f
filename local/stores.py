"""The opened files of a data folder, as the ports of the use cases."""

import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

from eventsourcing.persistence import PersistenceError

from adapters.sqlite.accounts import SqliteAccounts
from adapters.sqlite.command_index import SqliteCommandIndex
from adapters.sqlite.events import SqliteEvents
from adapters.sqlite.keys import SqliteKeys
from adapters.sqlite.progress import SqliteProgress
from adapters.sqlite.views import SqliteStore
from adapters.sqlite.views_file import open_views
from adapters.vault.aes import AesVault, master_key
from adapters.vault.nonces import DrawnNonces
from adapters.vault.openssl import OpenSslCipher
from domain.chat import Services
from domain.chat.projecting import ProjectViews, declared
from domain.log import EventLog
from domain.projections.views import Views
from local.folder import DataFolder, FolderError

PUT_BACK = "restore the file of this folder (docs/operations.md, Backup and restore)"

CACHE_BYTES = 256 * 2**20
"""Bytes of aggregates kept in memory: about 2,300 rooms with full command windows."""


def utc_now() -> str:
    """Returns the time in the form that events use."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Stores:
    """The opened files of a data folder."""

    def __init__(self, folder: DataFolder) -> None:
        """Opens them. Raises FolderError if one of them is not valid."""
        self.folder = folder
        try:
            self._open(folder)
        except (sqlite3.Error, PersistenceError, ValueError, OSError) as error:
            raise FolderError(f"cannot open {folder.path}: {error}") from error

    def _open(self, folder: DataFolder) -> None:
        self.events = SqliteEvents(folder.events)
        self.folds_anew: str | None = None
        """Why all views must be rebuilt; None if they need not be."""
        self.views_file = open_views(folder.views, [ProjectViews.name], declared(), self._fold_anew)
        self.views = Views(SqliteStore(self.views_file))
        self.progress = SqliteProgress(self.views_file)
        self.accounts = SqliteAccounts(folder.accounts)
        self.keys = SqliteKeys(folder.keys)
        self.vault = self._vault(folder)
        self.log = EventLog(self.events.events, self.events.snapshots, CACHE_BYTES)

    def _fold_anew(self, reason: str) -> None:
        self.folds_anew = reason

    def _vault(self, folder: DataFolder) -> AesVault:
        """Returns the vault; a master key is created only in a folder without keys.

        Raises
        ------
        ValueError: the folder's keys do not belong to its master key. New content could then never
            be read together with the existing content.
        """
        known = self.keys.some()
        if known is not None and not folder.master_key.exists():
            raise ValueError(f"vault.key is missing; {PUT_BACK}")
        master = master_key(folder.master_key)
        vault = AesVault(self.keys, master, OpenSslCipher, nonce=DrawnNonces())
        if known is not None and not vault.opens(*known):
            raise ValueError(f"vault.key belongs to another folder; {PUT_BACK}")
        return vault

    def services(self, **ports: Any) -> Services:
        return Services(
            log=self.log,
            views=self.views,
            progress=self.progress,
            vault=self.vault,
            accounts=self.accounts,
            now=utc_now,
            seconds=time.time,
            alone=True,
            index=SqliteCommandIndex(self.views_file),
            **ports,
        )

    def close(self) -> None:
        self.events.close()
        self.views_file.close()
        self.accounts.close()
        self.keys.close()
