"""Approvals, as coroutines: what `Store` is for runs. The table is what counts, whoever writes it."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from agentctl.errors import ApprovalNotFound, UsageError
from agentctl.store.row import Approval, Decision
from agentctl.store.sessions import Read, Write
from agentctl.store.turn import timestamp

if TYPE_CHECKING:
    from agentctl.store.database import Database

Approvals = list[Approval]
MIN_PREFIX = 6


class ApprovalStore:
    """What people are asked in the runs of a project. Every coroutine raises `StoreUnusable` when it cannot be used.

    Args:
        read, write: of the store, which owns the database.
    """

    def __init__(self, read: Read, write: Write) -> None:
        self._read, self._write = read, write

    async def request(self, approvals: Sequence[Approval], expires_s: float) -> Approvals:
        """Want these of one run decided within `expires_s` seconds from now.

        Returns:
            them as stored: one that was wanted before keeps its times and what was decided, unless it was void.

        Raises:
            LeaseLost: their run was taken over.
        """
        if not approvals:
            return []
        now, end = timestamp(), timestamp(-timedelta(seconds=expires_s))
        rows = [replace(each, requested_at=now, expires_at=end, status="pending") for each in approvals]

        def put(db: "Database") -> Approvals:
            db.approvals.request(rows)
            stored = {row.id: row for row in db.approvals.of_run(rows[0].run_id, timestamp())}
            return [stored[row.id] for row in rows]

        return await self._write(put, rows[0].run_id)

    async def of_run(self, run_id: str) -> Approvals:
        """Everything that the run asked, the first first."""
        return await self._read(lambda db: db.approvals.of_run(run_id, timestamp()))

    async def list(self, *, user: str | None, run_id: str | None = None, undecided: bool = True) -> Approvals:
        """What the user (None: anybody) can decide, or with `undecided=False` ever could; the first wanted first."""
        return await self._read(lambda db: db.approvals.wanted(user, run_id, undecided, timestamp()))

    async def find(self, id_: str, *, user: str | None) -> Approval:
        """The approval of that id, or the only one whose id begins so (6 characters at least).

        Raises:
            ApprovalNotFound: there is none, or it is another user's; None: everybody's count.
            UsageError: several begin so.
        """
        return await self._read(lambda db: _find(db, id_, user))

    async def decide(self, id_: str, decision: Decision, *, user: str | None) -> Approval:
        """Decide an approval, once; its run can be resumed then.

        Args:
            id_: as of `find`.
            user: who decides; default: whose run it is.

        Raises:
            ApprovalNotFound: there is none, or it is another user's.
            UsageError: several begin so, it is decided or has expired, or that can be no decision of its kind.
        """

        def change(db: "Database") -> Approval:
            row = _find(db, id_, user)
            _check_open(db, row)
            check_decision(row, decision)
            values = {
                "status": "approved" if decision.approve else "denied",
                "decided_at": timestamp(),
                "decided_by": user or row.user_id,
                "reason": decision.reason,
                "edited": decision.args,
                "always": decision.always,
            }
            db.approvals.update(row.id, values)
            return _find(db, row.id, None)

        return await self._write(change)

    async def is_always(self, session_id: str, digest: str) -> bool:
        """Whether somebody approved exactly this call for the whole session."""
        return await self._read(lambda db: db.approvals.is_always(session_id, digest))

    async def withdraw(self, run_id: str, keep: Collection[str]) -> None:
        """Nobody waits any more for what the run asked and nobody decided, except `keep`."""
        await self._write(lambda db: db.approvals.withdraw(run_id, keep, timestamp()), run_id)


def check_decision(approval: Approval, decision: Decision) -> None:
    """See whether that can be said to it.

    Raises:
        UsageError: the edited arguments or the answer are of the wrong kind, or it cannot be approved once for all.
    """
    if decision.always and not (decision.approve and approval.kind == "call" and decision.args is None):
        what = "only a tool's call as it stands can be approved once for all"
        raise UsageError(what, hint="approve this one only, without `--always`")
    if not decision.approve or decision.args is None or approval.kind == "graph":
        return
    noun = "answer to a question" if approval.kind == "question" else "arguments of a call"
    if isinstance(decision.args, dict):
        if fault := approval.schema and _misfit(decision.args, approval.schema):
            raise UsageError(f"the {noun} do not fit: {fault}", hint=f"see `agentctl approvals show {approval.id[:8]}`")
        return
    example = 'as in `--edit-args \'{"name": "value"}\'`'
    raise UsageError(f"the {noun} must be a JSON object", hint=f"write names and values, {example}")


def _misfit(answer: object, schema: Any) -> str:
    """Where an answer does not follow its schema; a server's may be broken, and then anything does."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    with suppress(SchemaError, Unresolvable):
        # An empty registry: a `$ref` to some address is not fetched.
        Draft202012Validator.check_schema(schema)
        if fault := best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(answer)):
            return f"{fault.json_path.removeprefix('$.')}: {fault.message[:200]}"
    return ""


def _find(db: "Database", id_: str, user: str | None) -> Approval:
    wanted, now = id_.strip().lower(), timestamp()
    if len(wanted) < MIN_PREFIX:
        what = f"{id_!r} is too short: at least {MIN_PREFIX} characters of an approval's id are needed"
        raise ApprovalNotFound(id_, reason=what)
    begun = db.approvals.find(wanted, now)
    found = [row for row in begun if user in (None, row.user_id)]
    if len(found) > 1:
        listed = ", ".join(row.id for row in found[:5])
        raise UsageError(f"several approvals begin with {id_!r}: {listed}", hint="give more of the id")
    if found:
        return found[0]
    if begun:
        raise ApprovalNotFound(id_, reason=f"approval {id_!r} is not {user}'s")
    raise ApprovalNotFound(id_, [row.id for row in db.approvals.wanted(user, None, False, now)[-200:]])


def _check_open(db: "Database", row: Approval) -> None:
    run = db.runs.get(row.run_id)
    hint = f"go on with `agentctl resume {row.run_id}`"
    if run is not None and run.status == "done":
        hint = f"see what came of it with `agentctl why {row.run_id}`"
    if row.status == "expired":
        raise UsageError(f"approval {row.id} has expired at {row.expires_at}, which counts as denied", hint=hint)
    if row.status == "void":
        what = f"nobody waits for approval {row.id} any more"
        raise UsageError(what, hint="see what is wanted with `agentctl approvals list`")
    if row.status != "pending":
        raise UsageError(f"approval {row.id} was {row.status} by {row.decided_by} at {row.decided_at}", hint=hint)
