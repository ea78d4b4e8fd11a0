"""A run's way into its session and out of it, inside one transaction of `Database`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agentctl.errors import NameTaken, RunNotFound, SessionBusy, SessionNotFound
from agentctl.store.holder import Holder
from agentctl.store.row import RunRow, SessionRow, TurnRow

if TYPE_CHECKING:
    from agentctl.store.database import Database

Values = dict[str, object]
Threads = dict[str, list[str]]
"""Role to `[thread_id, checkpoint_id]`."""


def timestamp(ago: timedelta = timedelta()) -> str:
    """The time as UTC ISO 8601 with milliseconds, as events have it."""
    return (datetime.now(UTC) - ago).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _all(told: list[TurnRow]) -> list[int]:
    return [turn.turn for turn in told]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a run brings into its session, and how much it wants to be told."""

    bodies: Mapping[str, bytes] = field(default_factory=dict)
    """The attached files by digest."""
    attachments: Sequence[Mapping[str, object]] = ()
    """What the turn keeps of them: `{name, media_type, path, size, digest}` each."""
    last: int = 10
    """Of how many turns at most it is told."""
    fit: Callable[[list[TurnRow]], list[int]] = _all
    """Which of these it is told, by their numbers. Called in the store's thread."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is in its session now, and what the session knew before."""

    run: RunRow
    session: SessionRow
    turn: int
    told: list[TurnRow]
    """The last turns before it, oldest first."""
    summary: tuple[int, str] = (0, "")
    """Up to which turn, and its text."""
    threads: Threads = field(default_factory=dict)
    """Where the memory of agents that keep their own stood."""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    is_new: bool = False
    """Whether the session begins with this run."""


def enter(db: "Database", holder: Holder, run: RunRow, session: SessionRow, entry: Entry) -> Begun:
    """Let a new run in; raises what `SessionStore.begin` says."""
    at = timestamp()
    found = db.sessions.get(session.session_id)
    if found is None:
        if session.created_at:
            word = session.name or session.session_id
            raise SessionNotFound(word, reason=f"session {word!r} has been deleted")
        found = replace(session, created_at=at, updated_at=at)
        if not db.sessions.insert(found):
            raise NameTaken(session.name or "")
    make_way(db, found, run.run_id)
    turn = found.turns + 1
    told = db.turns.told(found.session_id, turn, entry.last) if entry.last else []
    numbers = entry.fit(told)
    summary = db.turns.summary(found.session_id, turn - 1)
    seed: dict[str, Any] = {"turns": numbers, "summary": summary[0]}
    row = holder.insert(db, replace(run, created_at=run.created_at or at, updated_at=at, seed=seed))
    db.turns.insert(
        TurnRow(
            session_id=found.session_id, turn=turn, run_id=run.run_id, status="running", user=run.task,
            attachments=[dict(each) for each in entry.attachments], generation=run.generation, started_at=at,
        )
    )  # fmt: skip
    db.turns.put_bodies(found.session_id, entry.bodies)
    db.sessions.update(found.session_id, {"turns": turn, "active_run": run.run_id, "updated_at": at})
    return Begun(
        run=row,
        session=replace(found, turns=turn, active_run=run.run_id, updated_at=at),
        turn=turn,
        told=[one for one in told if one.turn in numbers],
        summary=summary,
        threads=db.turns.threads(found.session_id, turn),
    )


def enter_again(db: "Database", row: RunRow) -> tuple[Begun, dict[str, bytes]]:
    """Let an unfinished run that we have claimed in; raises what `SessionStore.reenter` says."""
    session = db.sessions.get(row.session_id)
    if session is None:  # it ran before there were sessions
        alone = SessionRow(session_id=row.session_id, user_id=row.user_id, workspace=row.workspace)
        return Begun(row, alone, 0, []), {}
    turn = db.turns.of_run(session.session_id, row.run_id)
    if turn is None:
        raise RunNotFound(row.run_id)
    make_way(db, session, row.run_id)
    db.sessions.update(session.session_id, {"active_run": row.run_id, "updated_at": timestamp()})
    db.turns.end(row.run_id, {"status": "running", "finished_at": None})
    seed = row.seed or {}
    told = db.turns.numbered(session.session_id, seed.get("turns", []))
    summary = db.turns.summary(session.session_id, seed.get("summary", 0))
    threads = db.turns.threads(session.session_id, turn.turn)
    bodies = db.turns.bodies(session.session_id, [each["digest"] for each in turn.attachments])
    return Begun(row, session, turn.turn, told, summary, threads, turn.attachments), bodies


def end_turn(db: "Database", run_id: str, values: Mapping[str, object], threads: Threads | None) -> None:
    """Note in the session what became of a run, and let the next one in unless this one waits."""
    result = values.get("result")
    said = result if isinstance(result, Mapping) else {}
    kept = {name: said.get(name) for name in ("winner", "decision", "stages", "usage")}
    at = timestamp()
    turn: Values = {"status": values["status"], "answer": said.get("output"), **kept, "finished_at": at}
    db.turns.end(run_id, turn if threads is None else {**turn, "threads": threads})
    if values["status"] != "waiting":
        db.sessions.release(run_id, at)


def leave(db: "Database", run_id: str) -> None:
    """Take back a run that was let in and has not begun, and the session if that began with it."""
    run = db.runs.get(run_id)
    if run is None:
        return
    db.turns.drop(run_id)
    db.sessions.release(run_id, timestamp())
    db.runs.drop(run_id)
    session = db.sessions.get(run.session_id)
    if session is None or session.turns or session.name or session.parent_id:
        return
    if session.created_at == run.created_at:
        db.sessions.delete([session.session_id])


def is_free(db: "Database", session: SessionRow) -> bool:
    """Whether nobody is in the session, who lives or waits for an approval."""
    try:
        make_way(db, session, "")
    except SessionBusy:
        return False
    return True


def drop_waiting(db: "Database", run: RunRow) -> None:
    """End a run that waits: it is cancelled, and nobody need decide any more what it asked."""
    hint = f"continue with `agentctl resume {run.run_id}`"
    error = {"code": "cancelled", "message": "another turn took its place while it waited", "hint": hint}
    result = {**(run.result or {}), "status": "cancelled", "error": error}
    values: Values = {"status": "cancelled", "result": result, "updated_at": timestamp()}
    db.runs.claim(run, None)
    db.runs.update(run.run_id, values)
    end_turn(db, run.run_id, values, None)
    db.approvals.withdraw(run.run_id, (), timestamp())


def make_way(db: "Database", session: SessionRow, run_id: str, *, past_waiting: bool = False) -> None:
    """See to it that no other run is in the session: a dead one is shut out, and so is one that waited in vain.

    Args:
        past_waiting: one that waits for an approval is not in the way.

    Raises:
        SessionBusy: one is, or waits for an approval.
    """
    if session.active_run is None or session.active_run == run_id:
        return
    other = db.runs.get(session.active_run)
    if other is None:
        return
    if other.is_held:
        raise SessionBusy(session.name or session.session_id, other.run_id)
    if db.runs.is_waiting(other.run_id, timestamp()):
        if past_waiting:
            return
        wanted = {each.id: each.tool for each in db.approvals.wanted(None, other.run_id, True, timestamp())}
        raise SessionBusy(session.name or session.session_id, other.run_id, is_waiting=True, approvals=wanted)
    if other.status == "running":
        db.runs.claim(other, None)
