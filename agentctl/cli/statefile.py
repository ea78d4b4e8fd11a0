"""What a database file of the project holds, looked at without changing it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from agentctl.cli.output import cut, line, plural
from agentctl.errors import StoreUnusable
from agentctl.store.fault import check_size, unusable


class Unusable(Exception):
    """The file cannot be used; `fix` says what to do."""

    def __init__(self, error: StoreUnusable) -> None:
        super().__init__(str(error))
        self.fix = error.hint


def look_into(path: Path, within_s: float) -> str:
    """Say what the file holds.

    Args:
        within_s: how long it may be read; a larger file is checked in part.

    Raises:
        Unusable: it is damaged, or cannot be read.
    """
    if not path.exists():
        return "not there yet; the first run creates it"
    try:
        check_size(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            return f"{_size(path)}, {_verdict(path, connection, within_s)}{_runs(connection)}"
    except StoreUnusable as error:
        raise Unusable(error) from error
    except sqlite3.Error as error:
        raise Unusable(unusable(path, error)) from error


def newest_runs(root: Path, limit: int = 50) -> list[tuple[str, str]]:
    """The id of each run, newest first, and a few words about it; none from a file that cannot be read.

    For shell completion, which cannot wait for the store to be imported.
    """
    path = root / ".agentctl" / "state.db"
    query = "SELECT run_id, workspace, status, substr(task, 1, 200) FROM runs ORDER BY run_id DESC LIMIT ?"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            rows = connection.execute(query, (limit,)).fetchall()
    except sqlite3.Error:
        return []
    return [(run_id, cut(line(f"{workspace}, {status}: {task}"), 60)) for run_id, workspace, status, task in rows]


def newest_sessions(root: Path, limit: int = 50) -> list[tuple[str, str]]:
    """The name, or else the id, of each session, the last used first, and a few words about it; as `newest_runs`."""
    path = root / ".agentctl" / "state.db"
    query = "SELECT coalesce(name, session_id), workspace, turns FROM sessions ORDER BY updated_at DESC LIMIT ?"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            rows = connection.execute(query, (limit,)).fetchall()
    except sqlite3.Error:
        return []
    return [(word, f"{workspace}, {plural(turns, 'turn')}") for word, workspace, turns in rows]


def _verdict(path: Path, connection: sqlite3.Connection, within_s: float) -> str:
    deadline = time.monotonic() + within_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        said = "ok"
    finally:
        connection.set_progress_handler(None, 0)
    if said != "ok":
        raise unusable(path, sqlite3.DatabaseError(f"malformed: {said}"))
    return f"intact{_schema(path, connection)}"


def _schema(path: Path, connection: sqlite3.Connection) -> str:
    """Which version of our tables it has; checkpoints have none."""
    from agentctl.store.tables import VERSION, version

    if version.name not in _tables(connection):
        return ""
    (found,) = connection.execute(f"SELECT version_num FROM {version.name}").fetchone()  # noqa: S608 - our own name
    if found > VERSION:
        what = f"{path} has schema {found}, and this version of agentctl knows {VERSION} at most"
        raise StoreUnusable(what, hint="use the newer agentctl that wrote it, or another project with `--root`")
    return f", schema {found}{'' if found == VERSION else f', which the next run brings to {VERSION}'}"


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _runs(connection: sqlite3.Connection) -> str:
    """How many runs there are, where the file has that table."""
    if "runs" not in _tables(connection):
        return ""
    count, unfinished = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE status <> 'done') FROM runs"
    ).fetchone()
    return f", {plural(count, 'run')}, {unfinished:,} not done"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
