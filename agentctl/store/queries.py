"""What is asked of each table, inside a transaction of `Database`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from agentctl.store.approval_table import has_lapsed, is_settled
from agentctl.store.holder import is_alive
from agentctl.store.row import RunRow
from agentctl.store.tables import approvals, calls, holders, run_events, runs, turns

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
_HOLDER = (holders.c.host, holders.c.pid, holders.c.pid_started, holders.c.expires_at)
_STORED = [column for column in runs.c if column.name not in ("holder", "is_cancelled")]
_RUN = select(*_STORED, _LAST_SEQ, *_HOLDER).outerjoin(holders, holders.c.holder == runs.c.holder)
_READ_ONLY = ("seq", "is_held", "pid", "host")


class RunTable:
    """The table `runs`."""

    def __init__(self, connection: Connection, now: Callable[[], float]) -> None:
        self._connection, self._now = connection, now

    def insert(self, row: RunRow, holder: str) -> None:
        """Add a run, claimed by `holder`."""
        values = {name: value for name, value in asdict(row).items() if name not in _READ_ONLY}
        self._connection.execute(_INSERT_RUN, {**values, "holder": holder, "is_cancelled": False})

    def claim(self, row: RunRow, holder: str | None) -> int:
        """Give the run to `holder` (None: to nobody), past the reach of whoever had it; returns its new fence."""
        fence = row.lease + 1
        self.update(row.run_id, {"holder": holder, "lease": fence, "is_cancelled": False})
        return fence

    def get(self, run_id: str) -> RunRow | None:
        """The run of exactly that id, locked against others until the transaction ends."""
        found = (
            self._connection.execute(_RUN.where(runs.c.run_id == run_id).with_for_update(of=runs))
            .mappings()
            .one_or_none()
        )
        return None if found is None else self._row(found)

    def update(self, run_id: str, values: Values) -> bool:
        """Change a run; `False` if there is none of that id."""
        return self._connection.execute(_UPDATE_RUN, {**values, "key_run_id": run_id}).rowcount == 1

    def find(self, prefix: str) -> list[RunRow]:
        """The run of exactly that id, else all whose ids begin so."""
        begins = runs.c.run_id.startswith(prefix[:64], autoescape=True)
        query = _RUN.where(begins).order_by(runs.c.run_id.desc()).limit(10)
        found = [self._row(row) for row in self._connection.execute(query).mappings()]
        return [row for row in found if row.run_id == prefix] or found

    def newest(self, limit: int, workspace: str | None, session_id: str | None) -> list[RunRow]:
        """The newest runs, newest first."""
        query = _RUN.order_by(runs.c.run_id.desc()).limit(limit)
        if workspace is not None:
            query = query.where(runs.c.workspace == workspace)
        if session_id is not None:
            query = query.where(runs.c.session_id == session_id)
        return [self._row(row) for row in self._connection.execute(query).mappings()]

    def expire(self, before: str) -> Sequence[str]:
        """Mark the unfinished runs that nothing has happened to since `before`; return their ids."""
        ended = runs.c.status.in_(("failed", "cancelled", "limited", "running"))
        has_waited = and_(runs.c.status == "waiting", is_settled(runs.c.run_id, before))
        stale = and_(or_(ended, has_waited), runs.c.updated_at < before, ~runs.c.expired)
        ids = [
            row.run_id
            for row in map(self._row, self._connection.execute(_RUN.where(stale)).mappings())
            if not row.is_held
        ]
        if ids:
            self._connection.execute(_UPDATE_RUN, [{"key_run_id": run_id, "expired": True} for run_id in ids])
        return ids

    def is_waiting(self, run_id: str, at: str) -> bool:
        """Whether the run waits for people who can still decide, or have decided."""
        query = select(runs.c.run_id).where(runs.c.run_id == run_id, waits(at))
        return self._connection.execute(query).first() is not None

    def drop(self, run_id: str) -> None:
        """Forget a run that has not begun."""
        self._connection.execute(delete(runs).where(runs.c.run_id == run_id))

    def delete(self, session_ids: Sequence[str]) -> list[str]:
        """Forget the runs of these sessions with their calls, events and approvals.

        Returns:
            the checkpointer's threads that they may have left: those of unfinished ones, and of agents cut short.
        """
        return self._delete(runs.c.session_id.in_(session_ids))

    def delete_after(self, session_id: str, last: int) -> list[str]:
        """As `delete`, the runs that only turns of the session after `last` are; forks may have others of these."""
        cut = select(turns.c.run_id).where(turns.c.session_id == session_id, turns.c.turn > last)
        stays = or_(turns.c.session_id != session_id, turns.c.turn <= last)
        return self._delete(runs.c.run_id.in_(cut) & ~exists().where(turns.c.run_id == runs.c.run_id, stays))

    def _delete(self, own: ColumnElement[bool]) -> list[str]:
        unfinished = list(self._connection.scalars(select(runs.c.run_id).where(own, runs.c.status != "done")))
        ids = select(runs.c.run_id).where(own)  # not the ids themselves: there may be more than a statement takes
        cut_short = select(calls.c.agent, runs.c.session_id).join(runs, runs.c.run_id == calls.c.run_id).distinct()
        graphs = self._connection.execute(cut_short.where(calls.c.kind == "graph", calls.c.run_id.in_(ids)))
        threads = [f"{row.agent.rpartition('>')[2]}#{row.session_id}" for row in graphs]
        for table in (calls, run_events, approvals, runs):
            self._connection.execute(delete(table).where(table.c.run_id.in_(ids)))
        return unfinished + threads

    def _row(self, row: RowMapping) -> RunRow:
        found: dict[str, Any] = dict(row)
        holder = {name: found.pop(name) for name in ("host", "pid", "pid_started", "expires_at")}
        is_held = found["status"] == "running" and is_alive(**holder, now=self._now())
        return RunRow(**found, is_held=is_held, pid=holder["pid"], host=(holder["host"] or "").partition(" ")[0])


def waits(at: str) -> ColumnElement[bool]:
    """As `RunTable.is_waiting`, of any run."""
    return and_(runs.c.status == "waiting", ~runs.c.expired, ~has_lapsed(runs.c.run_id, runs.c.updated_at, at))


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
