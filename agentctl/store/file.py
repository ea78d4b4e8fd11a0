"""A private SQLite file in `.agentctl/`, for a layer that keeps its own."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import StoreUnusable
from agentctl.store.fault import unusable
from agentctl.store.folder import opening

_BUSY_S = 10
_RETRY_S = 0.05


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """`.agentctl/<name>` of a project: the owner's alone, and safe with any number of processes."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        return self.root / ".agentctl" / self.name

    def open(self) -> sqlite3.Connection:
        """Open it in WAL mode, made if it is not there; transactions are begun by hand. For one thread at a time.

        Raises:
            StoreUnusable: it is no database, or cannot be written; it is unchanged.
        """
        try:
            with opening(self.root, self.name) as path:
                connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
                try:
                    _switch_to_wal(connection)
                    connection.execute("PRAGMA synchronous=NORMAL")
                except BaseException:
                    connection.close()
                    raise
        except (sqlite3.Error, OSError) as error:
            raise self.unusable(error) from error
        return connection

    def unusable(self, error: BaseException) -> StoreUnusable:
        """What an error of its use means to the user."""
        return unusable(self.path, error)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:  # SQLite does not wait for its busy timeout here
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
