"""One log file: appended to by many processes, rotated by any of them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_BYTES = 10_000_000
KEPT = 5


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that no other process rotates its files meanwhile."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def append(path: Path, data: bytes, *, max_bytes: int = MAX_BYTES) -> None:
    """Add whole lines to the file, under the lock; the file is closed afterwards."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size + len(data) > max_bytes:
        _rotate(path)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def _rotate(path: Path) -> None:
    for number in range(KEPT - 1, 0, -1):
        older = rotated(path, number)
        if older.exists():
            older.rename(rotated(path, number + 1))
    path.rename(rotated(path, 1))


def rotated(path: Path, number: int) -> Path:
    """`graph.log` as `graph.log.1`, the newest of its predecessors, to `graph.log.5`."""
    return path.with_name(f"{path.name}.{number}")


def generations(path: Path) -> list[Path]:
    """The file and its predecessors that exist, oldest first."""
    names = [rotated(path, number) for number in range(KEPT, 0, -1)] + [path]
    return [name for name in names if name.exists()]
