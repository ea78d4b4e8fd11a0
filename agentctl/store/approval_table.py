"""What is asked of the table of approvals, inside a transaction of `Database`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agentctl.store.row import Approval
from agentctl.store.tables import approvals

_DECIDED = approvals.c.status.in_(("approved", "denied"))
_PENDING = approvals.c.status == "pending"


class ApprovalTable:
    """The table `approvals`. A time `at` is UTC ISO 8601; what nobody decided up to then shows as `expired`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def request(self, rows: Sequence[Approval]) -> None:
        """Add approvals; of those that are there, the void ones are wanted again, and the others stay."""
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        self._connection.execute(insert(approvals).on_conflict_do_nothing(), [asdict(row) for row in rows])
        for row in rows:
            again = {"status": "pending", "requested_at": row.requested_at, "expires_at": row.expires_at}
            is_void = and_(approvals.c.id == row.id, approvals.c.status == "void")
            self._connection.execute(update(approvals).where(is_void).values(again))

    def update(self, id_: str, values: Mapping[str, object]) -> None:
        """Change an approval."""
        self._connection.execute(update(approvals).where(approvals.c.id == id_).values(values))

    def withdraw(self, run_id: str, keep: Collection[str], at: str) -> None:
        """Make those of a run void that can still be decided, and are not kept; what has expired is denied."""
        own = and_(approvals.c.run_id == run_id, _is_open(at), approvals.c.id.not_in(list(keep)))
        self._connection.execute(update(approvals).where(own).values(status="void"))

    def of_run(self, run_id: str, at: str) -> list[Approval]:
        """Every approval of the run, the first wanted first."""
        return self._rows(select(approvals).where(approvals.c.run_id == run_id), at)

    def find(self, prefix: str, at: str) -> list[Approval]:
        """The approval of exactly that id, else all whose ids begin so."""
        begins = approvals.c.id.startswith(prefix[:64], autoescape=True)
        found = self._rows(select(approvals).where(begins).limit(10), at)
        return [row for row in found if row.id == prefix] or found

    def wanted(self, user: str | None, run_id: str | None, undecided: bool, at: str) -> list[Approval]:
        """Approvals of a user, of a run, or only what can still be decided; the first wanted first."""
        query = select(approvals)
        if user is not None:
            query = query.where(approvals.c.user_id == user)
        if run_id is not None:
            query = query.where(approvals.c.run_id == run_id)
        return self._rows(query.where(_is_open(at)) if undecided else query, at)

    def is_always(self, session_id: str, digest: str) -> bool:
        """Whether exactly this call was approved once for all in the session."""
        once = select(approvals.c.id).where(approvals.c.session_id == session_id, approvals.c.digest == digest)
        return self._connection.execute(once.where(approvals.c.always).limit(1)).first() is not None

    def forget(self, run_ids: Sequence[str]) -> None:
        """Forget what these runs asked, but for what was approved once for all: that is the session's."""
        for run_id in run_ids:
            own = and_(approvals.c.run_id == run_id, ~approvals.c.always)
            self._connection.execute(delete(approvals).where(own))

    def _rows(self, query: Select[Any], at: str) -> list[Approval]:
        found = self._connection.execute(query.order_by(approvals.c.requested_at, approvals.c.id))
        rows = [Approval(**row._mapping) for row in found]
        return [replace(row, status="expired") if _is_late(row, at) else row for row in rows]


def has_lapsed(run_id: ColumnElement[str], since: ColumnElement[str], at: str) -> ColumnElement[bool]:
    """Whether all that a run waits for `since` then has expired undecided: it keeps nobody out any more."""
    own = approvals.c.run_id == run_id
    is_new = and_(_DECIDED, approvals.c.decided_at >= since)
    return exists().where(own, _PENDING) & ~exists().where(own, or_(is_new, _is_open(at)))


def is_settled(run_id: ColumnElement[str], before: str) -> ColumnElement[bool]:
    """Whether all that a waiting run asked was decided, or has expired, before then."""
    own = approvals.c.run_id == run_id
    return exists().where(own) & ~exists().where(
        own, func.coalesce(approvals.c.decided_at, approvals.c.expires_at) >= before
    )


def _is_open(at: str) -> ColumnElement[bool]:
    return and_(_PENDING, approvals.c.expires_at > at)


def _is_late(row: Approval, at: str) -> bool:
    return row.status == "pending" and row.expires_at <= at
