"""`.agentctl/`: private to the owner of the project."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentctl.store.fault import check_size


@contextmanager
def opening(root: Path, name: str) -> Iterator[Path]:
    """Let one process at a time create, open for the first time or migrate the database `.agentctl/<name>`.

    The folder is 0700 and the file 0600. A file that is there is never opened here: to close it would
    drop the locks of every connection that this process has to it (POSIX), and SQLite's files with them.

    Raises:
        OSError: the project cannot be written.
        StoreUnusable: the file is no database; it is unchanged.
    """
    folder = root / ".agentctl"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    # SQLite does not wait for its busy timeout when two processes switch one file to WAL.
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # no time limit: a dead holder's lock is gone with it
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        check_size(path)
        yield path
    finally:
        os.close(lock)
