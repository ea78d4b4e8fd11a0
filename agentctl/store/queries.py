"""What is asked of each table, inside a transaction of `Database`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, insert, or_, select, update

from agentctl.store.row import RunRow
from agentctl.store.tables import calls, run_events, runs

Values = dict[str, object]

_CALL_KEY = ("run_id", "agent", "stage", "visit", "round", "ordinal")
_INSERT_CALL = insert(calls)
# A bound name may not be that of a column that is set, hence the prefix.
_UPDATE_CALL = update(calls).where(*(calls.c[name] == bindparam(f"key_{name}") for name in _CALL_KEY))
_DELETE_CALLS = delete(calls).where(calls.c.run_id == bindparam("key_run_id"))
_INSERT_EVENT = insert(run_events)
_INSERT_RUN = insert(runs)
_UPDATE_RUN = update(runs).where(runs.c.run_id == bindparam("key_run_id"))
_LAST_SEQ = (
    select(func.coalesce(func.max(run_events.c.seq), 0))
    .where(run_events.c.run_id == runs.c.run_id)
    .scalar_subquery()
    .label("seq")
)
_RUN = select(runs, _LAST_SEQ)


def _run_row(row: Row[tuple[object, ...]]) -> RunRow:
    return RunRow(**row._mapping)


class RunTable:
    """The table `runs`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, row: RunRow) -> None:
        """Add a run."""
        values = asdict(row)
        del values["seq"]
        self._connection.execute(_INSERT_RUN, values)

    def update(self, run_id: str, values: Values) -> bool:
        """Change a run; `False` if there is none of that id."""
        return self._connection.execute(_UPDATE_RUN, {**values, "key_run_id": run_id}).rowcount == 1

    def find(self, prefix: str) -> list[RunRow]:
        """The run of exactly that id, else all whose ids begin so."""
        query = _RUN.where(runs.c.run_id.startswith(prefix, autoescape=True)).order_by(runs.c.run_id.desc()).limit(10)
        found = [_run_row(row) for row in self._connection.execute(query)]
        return [row for row in found if row.run_id == prefix] or found

    def list(self, limit: int, workspace: str | None, session_id: str | None) -> list[RunRow]:
        """The newest runs, newest first."""
        query = _RUN.order_by(runs.c.run_id.desc()).limit(limit)
        if workspace is not None:
            query = query.where(runs.c.workspace == workspace)
        if session_id is not None:
            query = query.where(runs.c.session_id == session_id)
        return [_run_row(row) for row in self._connection.execute(query)]

    def expire(self, before: str, is_alive: Callable[[RunRow], bool]) -> Sequence[str]:
        """Mark the unfinished runs that nothing has happened to since `before`; return their ids."""
        ended = runs.c.status.in_(("failed", "cancelled", "limited"))
        stale = and_(or_(ended, runs.c.status == "running"), runs.c.updated_at < before, ~runs.c.expired)
        rows = [_run_row(row) for row in self._connection.execute(_RUN.where(stale))]
        ids = [row.run_id for row in rows if row.status != "running" or not is_alive(row)]
        if ids:
            self._connection.execute(_UPDATE_RUN, [{"key_run_id": run_id, "expired": True} for run_id in ids])
        return ids


class CallTable:
    """The table `calls`: the journal."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, rows: Sequence[Values]) -> None:
        """Add calls that begin now, or deltas."""
        self._connection.execute(_INSERT_CALL, list(rows))

    def update(self, rows: Sequence[Values]) -> None:
        """Change `status result error finished_at` of calls, each named by its `key_` fields."""
        self._connection.execute(_UPDATE_CALL, list(rows))

    def of_run(self, run_id: str) -> list[Values]:
        """Every call of the run."""
        found = self._connection.execute(select(calls).where(calls.c.run_id == run_id))
        return [dict(row._mapping) for row in found]

    def delete(self, run_ids: Sequence[str]) -> None:
        """Forget the calls of these runs."""
        self._connection.execute(_DELETE_CALLS, [{"key_run_id": each} for each in run_ids])


class EventTable:
    """The table `run_events`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, rows: Sequence[Values]) -> None:
        """Add events."""
        self._connection.execute(_INSERT_EVENT, list(rows))

    def of_run(self, run_id: str) -> list[str]:
        """The run's events as JSON, by `seq`."""
        query = select(run_events.c.event).where(run_events.c.run_id == run_id).order_by(run_events.c.seq)
        return list(self._connection.scalars(query))

    def keys(self, run_id: str) -> set[str]:
        """The names of the facts that are stored."""
        query = select(run_events.c.key).where(run_events.c.run_id == run_id, run_events.c.key != "")
        return set(self._connection.scalars(query))
