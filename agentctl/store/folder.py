"""`.agentctl/`: private to the owner of the project."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def private_file(root: Path, name: str) -> Path:
    """Create `.agentctl/<name>` if missing, folder 0700 and file 0600.

    Raises:
        OSError: the project cannot be written.
    """
    folder = root / ".agentctl"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return path


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Let one process at a time create or migrate the database at `path`."""
    # SQLite does not wait for its busy timeout when two processes switch one file to WAL.
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # no time limit: a dead holder's lock is gone with it
        yield
    finally:
        os.close(lock)
