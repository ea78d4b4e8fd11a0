"""Read the log files as one timeline, and follow them."""

import heapq
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypedDict, Unpack

from agentctl.events.event import timestamp
from agentctl.logs.file import generations
from agentctl.logs.logger import logs_folder
from agentctl.logs.record import LEVELS, Component, Level, from_line

_WINDOW = 1000
"""Lines of one file that may be out of order: several processes write batches into it."""
_POLL_S = 0.2

Record = dict[str, object]


class Wanted(TypedDict, total=False):
    """Which records to read; what is `None` or missing is not asked for."""

    agent: str | None
    component: Component | None
    session: str | None
    run: str | None
    """A run's id, or the first characters of it."""
    level: Level | None
    """This level and worse."""
    since: datetime | None


def _filter(wanted: Wanted) -> Callable[[Record], bool]:
    agent, component, session = wanted.get("agent"), wanted.get("component"), wanted.get("session")
    run, level, since = wanted.get("run"), wanted.get("level"), wanted.get("since")
    milder = LEVELS[: LEVELS.index(level)] if level else ()
    begin = timestamp(since) if since else ""
    return lambda record: (
        agent in (None, record.get("agent"))
        and component in (None, record.get("component"))
        and session in (None, record.get("session_id"))
        and (run is None or str(record.get("run_id")).startswith(run))
        and record.get("level") not in milder
        and _ts(record) >= begin
    )


def _poll() -> bool:
    time.sleep(_POLL_S)
    return True


def read_logs(
    root: Path, workspace: str | None = None, *, limit: int | None = None, **wanted: Unpack[Wanted]
) -> Iterator[Record]:
    """Yield the records of a workspace, or of all, by time.

    Args:
        root: project folder.
        workspace: its name; one without logs has no records.
        limit: at most so many, the last ones; default: all.
        wanted: which records.
    """
    matches = _filter(wanted)
    files = [_ordered(filter(matches, _records(paths))) for paths in _files(root, workspace)]
    records = heapq.merge(*files, key=_moment)
    yield from records if limit is None else deque(records, limit)


def follow(
    root: Path,
    workspace: str | None = None,
    *,
    limit: int | None = None,
    wait: Callable[[], bool] = _poll,
    **wanted: Unpack[Wanted],
) -> Iterator[Record]:
    """Yield the records there are by time, then each new one once, also across rotation.

    Args:
        root: project folder.
        workspace: its name; it need not have logs yet.
        limit: at most so many of those there are, the last ones; default: all.
        wait: called when there is nothing new; `False` ends it. Default: waits 0.2 s, for ever.
        wanted: which records.
    """
    matches = _filter(wanted)
    read_by_file: dict[tuple[int, bytes], int] = {}
    while True:
        fresh: list[Record] = []
        for paths in _files(root, workspace):
            for path in paths:
                fresh += filter(matches, _fresh(path, read_by_file))
        yield from deque(sorted(fresh, key=_moment), limit)
        limit = None
        if not wait():
            return


def _files(root: Path, workspace: str | None) -> list[list[Path]]:
    """Each log with its predecessors, oldest first."""
    folder = logs_folder(root)
    names = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    found: list[list[Path]] = []
    for name in names:
        if workspace in (None, name):
            # The newest may be missing for a moment, while it is rotated.
            paths = (folder / name).rglob("*.log*")
            stems = {path.with_name(path.name.partition(".log")[0] + ".log") for path in paths}
            found += [generations(path) for path in sorted(stems)]
    return found


def _records(paths: Iterable[Path]) -> Iterator[Record]:
    for path in paths:
        try:
            file = path.open(encoding="utf-8", errors="replace", newline="\n")
        except FileNotFoundError:
            continue  # rotated away since it was listed
        with file:
            yield from filter(None, map(from_line, file))


def _fresh(path: Path, read_by_file: dict[tuple[int, bytes], int]) -> Iterator[Record]:
    """Read the whole lines since the last time.

    A file is known by its inode, because rotation renames it, and by its first line,
    because the inode of a deleted file is given again.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        identity = (os.fstat(file.fileno()).st_ino, file.readline())
        start = read_by_file.get(identity, 0)
        file.seek(start)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    if whole:
        read_by_file[identity] = start + len(whole)
    for line in whole.split(b"\n"):
        if record := from_line(line.decode(errors="replace")):
            yield record


def _ordered(records: Iterable[Record]) -> Iterator[Record]:
    window: list[tuple[tuple[str, str, int], int, Record]] = []
    for number, record in enumerate(records):
        entry = (_moment(record), number, record)
        if len(window) < _WINDOW:
            heapq.heappush(window, entry)
        else:
            yield heapq.heappushpop(window, entry)[2]
    while window:
        yield heapq.heappop(window)[2]


def _ts(record: Record) -> str:
    return str(record.get("ts", ""))


def _moment(record: Record) -> tuple[str, str, int]:
    """Where a record stands in the timeline; what a run did within a millisecond is in the order of its events."""
    seq = record.get("seq")
    return _ts(record), str(record.get("run_id", "")), seq if isinstance(seq, int) else 0
