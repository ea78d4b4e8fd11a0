"""What a database file of the project holds, looked at without changing it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from agentctl.cli.output import cut, line, plural
from agentctl.store.fault import check_size, unusable


def look_into(path: Path, within_s: float) -> str:
    """Say what the file holds.

    Args:
        within_s: how long it may be read; a larger file is checked in part.

    Raises:
        StoreUnusable: it is damaged, or cannot be read.
    """
    if not path.exists():
        return "not there yet; the first run creates it"
    try:
        check_size(path)
        with closing(_connected(path, timeout_s=2)) as connection:
            size = f"{path.stat().st_size / 1e6:.1f} MB"
            return f"{size}, {_verdict(path, connection, within_s)}{_runs(connection)}"
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def newest_runs(root: Path) -> list[tuple[str, str]]:
    """The id of each run, newest first, and a few words about it."""
    query = "SELECT run_id, workspace, status, substr(task, 1, 200) FROM runs ORDER BY run_id DESC"
    rows = _first_rows(root, query)
    return [(run_id, cut(line(f"{workspace}, {status}: {task}"), 60)) for run_id, workspace, status, task in rows]


def open_approvals(root: Path) -> list[tuple[str, str]]:
    """The id of each approval that can be decided, and a few words about it."""
    query = """SELECT id, agent, tool, substr(args, 1, 200) FROM approvals
        WHERE status = 'pending' AND expires_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now') ORDER BY requested_at, id"""
    return [(id_, cut(line(f"{agent}, {tool}: {args}"), 60)) for id_, agent, tool, args in _first_rows(root, query)]


def newest_sessions(root: Path) -> list[tuple[str, str]]:
    """The name, or else the id, of each session, the last used first, and a few words about it."""
    query = "SELECT coalesce(name, session_id), workspace, turns FROM sessions ORDER BY updated_at DESC"
    return [(word, f"{workspace}, {plural(turns, 'turn')}") for word, workspace, turns in _first_rows(root, query)]


def _first_rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    """The first 50 rows; none from a file that cannot be read.

    For shell completion, which cannot wait for the store to be imported.
    """
    try:
        with closing(_connected(root / ".agentctl" / "state.db", timeout_s=1)) as connection:
            return connection.execute(f"{query} LIMIT 50").fetchall()
    except sqlite3.Error:
        return []


def _connected(path: Path, timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout_s)


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
    from agentctl.store.schema import describe
    from agentctl.store.tables import version

    if version.name not in _tables(connection):
        return ""
    (found,) = connection.execute(f"SELECT version_num FROM {version.name}").fetchone()  # noqa: S608 - our own name
    return f", {describe(path, found)}"


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
