"""The state of a project: runs, journalled calls and events, in `.agentctl/state.db`."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

from agentctl.errors import RunNotFound, StoreUnusable, UsageError
from agentctl.store.approvals import ApprovalStore
from agentctl.store.holder import LEASE_S, Holder
from agentctl.store.row import RunRow
from agentctl.store.sessions import SessionStore
from agentctl.store.turn import Threads, end_turn, timestamp
from agentctl.store.writer import Op, Writer

if TYPE_CHECKING:
    from agentctl.store.database import Database

T = TypeVar("T")
Values = dict[str, object]

MIN_PREFIX = 6
_FIXED = {"run_id", "seq", "created_at", "updated_at", "lease", "is_held", "pid", "host"}
_CHANGEABLE = frozenset(each.name for each in fields(RunRow)) - _FIXED


class Store:
    """The project's state. Cheap to make; the database is opened by the first call, in a thread of its own.

    Serves any number of runs, threads and event loops of a process, and any number of
    processes share the database. Every coroutine raises `StoreUnusable` when it cannot be
    used; what was awaited without an error is committed.

    Attributes:
        sessions: conversations, and which run is in which.
        approvals: what people are asked in runs, and what they decided.
        holder: what this store holds; writes for a run that another holder has taken raise `LeaseLost`.
    """

    def __init__(
        self,
        root: Path,
        *,
        url: str | None = None,
        mask: Callable[[str], str] = lambda text: text,
        lease_s: float = LEASE_S,
    ) -> None:
        """Name the project.

        Args:
            root: project folder; its `.agentctl/state.db` is created when first needed.
            url: of a Postgres database to use instead of that file.
            mask: takes the secrets out of events and error texts before they are stored.
            lease_s: how long others leave our runs alone after this process was last heard of.
        """
        self.path = root / ".agentctl" / "state.db"
        self.url = url
        self.mask = mask
        self.holder = Holder(lease_s)
        self._writer = Writer(root, url, self.holder)
        self.sessions = SessionStore(self._query, self._change, self.holder)
        self.approvals = ApprovalStore(self._query, self._change)

    @property
    def is_new(self) -> bool:
        """Whether nothing can have been stored yet: looking would only create the file."""
        return self.url is None and not self.path.exists()

    async def create_run(self, row: RunRow) -> RunRow:
        """Store a new run that is in no session, held by this store if it is running."""
        at = row.created_at or timestamp()
        row = replace(row, created_at=at, updated_at=row.updated_at or at)
        return self.holder.keep(await self._write(lambda db, _: self.holder.insert(db, row)))

    async def update_run(
        self, run_id: str, *, threads: Threads | None = None, fence: int | None = None, **values: object
    ) -> None:
        """Change fields of a run, named as in `RunRow`.

        With a `status`, its turn is changed as well and its session let go; with `done`, its journal goes.

        Args:
            threads: where the memory of agents that keep their own stands now.
            fence: of the claim that this belongs to, `RunRow.lease`; default: the one that we hold.

        Raises:
            LeaseLost: the run was claimed again by now; nothing is changed.
            RunNotFound: there is no such run.
        """
        assert values.keys() <= _CHANGEABLE, f"not fields of a run: {values.keys() - _CHANGEABLE}"
        values["updated_at"] = timestamp()

        def change(db: "Database", _: Sequence[Values]) -> bool:
            if values.get("status") == "done":
                db.calls.delete([run_id])
            if "status" in values:
                end_turn(db, run_id, values, threads)
            return db.runs.update(run_id, values)

        if not await self._write(change, run_id, fence):
            raise RunNotFound(run_id)
        if values.get("status", "running") != "running":
            self.holder.release(run_id, fence)

    async def let_go(self, run_id: str, fence: int | None = None) -> None:
        """Hold a run no more: if it has not ended, it shows as killed, and anybody may go on with it.

        Args:
            fence: of the claim that ends, `RunRow.lease`; nothing is done if that is not the one that we hold.
        """
        held = self.holder.runs.get(run_id)
        if held is None or fence not in (None, held):
            return
        self.holder.release(run_id)
        try:
            await self._write(lambda db, _: db.holders.let_go(self.holder.name, [(run_id, held)]))
        except StoreUnusable:
            self.holder.left.add((run_id, held))  # the store's thread tries again

    async def get_run(self, run_id: str) -> RunRow:
        """The run of that id, or the only one whose id begins so (6 characters at least).

        Raises:
            RunNotFound: there is none.
            UsageError: several begin so.
        """
        wanted = run_id.strip().lower()
        found = await self._read(lambda db, _: db.runs.find(wanted)) if len(wanted) >= MIN_PREFIX else []
        if not found:
            raise RunNotFound(run_id, [row.run_id for row in await self.list_runs(limit=200)])
        if len(found) > 1:
            listed = ", ".join(row.run_id for row in found[:5])
            raise UsageError(f"several runs begin with {run_id!r}: {listed}", hint="give more of the id")
        return found[0]

    async def list_runs(
        self, limit: int = 50, *, workspace: str | None = None, session_id: str | None = None
    ) -> list[RunRow]:
        """The newest runs, newest first."""
        return await self._read(lambda db, _: db.runs.newest(limit, workspace, session_id))

    def put_event(
        self,
        event: Mapping[str, object],
        key: str = "",
        *,
        then: Callable[[], None] | None = None,
        fence: int | None = None,
    ) -> None:
        """Queue an event, to be committed before any write that is awaited later; `token` events are not kept.

        Args:
            event: one flat JSON object with `type`, `seq` and `run_id`, read before this returns.
            key: names the fact, so that a resumed run need not tell it again.
            then: called on the running loop once the event is committed, in the order of the calls;
                never if it cannot be.
            fence: as in `update_run`.
        """
        if event["type"] == "token":
            return
        text = self.mask(json.dumps(dict(event), separators=(",", ":"), default=str))
        run_id = str(event["run_id"])
        row = {"run_id": run_id, "seq": event["seq"], "key": key, "event": text}
        self._writer.put(Op(_insert_events, row, run_id=run_id, fence=fence, waiter=_told(then), is_urgent=False))

    def reserve(self, run_id: str, seq: int, *, then: Callable[[], None], fence: int | None = None) -> None:
        """Note that numbers up to `seq` may be used for events that are not kept; `then` as in `put_event`."""

        def note(db: "Database", _: Sequence[Values]) -> None:
            db.runs.update(run_id, {"reserved": seq})

        self._writer.put(Op(note, run_id=run_id, fence=fence, waiter=_told(then), is_urgent=False))

    async def events(self, run_id: str) -> list[dict[str, object]]:
        """Every event of the run by `seq`, those just put among them."""
        return [json.loads(text) for text in await self._read(lambda db, _: db.events.of_run(run_id))]

    async def event_keys(self, run_id: str) -> set[str]:
        """The keys of the run's events: the facts that are told already."""
        return await self._read(lambda db, _: db.events.keys(run_id))

    async def insert_call(self, row: Values, fence: int | None = None) -> None:
        """Add a row to the journal; `Journal` knows when."""
        await self._apply(_insert_calls, str(row["run_id"]), row=row, fence=fence)

    async def update_call(self, row: Values, fence: int | None = None) -> None:
        """Change a row of the journal; `Journal` knows when."""
        await self._apply(_update_calls, str(row["key_run_id"]), row=row, fence=fence)

    async def calls(self, run_id: str) -> list[Values]:
        """The journal's rows of the run, in no order."""
        return await self._read(lambda db, _: db.calls.of_run(run_id))

    async def gone(self, run_ids: Sequence[str]) -> list[str]:
        """Those of these runs that were forgotten, with their turns."""
        return await self._read(lambda db, _: [run_id for run_id in run_ids if db.runs.get(run_id) is None])

    async def prune(self, days: float = 7) -> list[str]:
        """Forget the journals of runs that ended unfinished, were killed, or waited in vain, over `days` ago.

        Returns:
            the ids of these runs, now `expired`; their checkpointer threads can go as well.
        """
        before = timestamp(timedelta(days=days))

        def forget(db: "Database", _: Sequence[Values]) -> list[str]:
            expired = list(db.runs.expire(before))
            if expired:
                db.calls.delete(expired)
                db.approvals.forget(expired)
            db.holders.sweep(db.now() - timedelta(days=1).total_seconds())
            return expired

        return await self._write(forget)

    async def flush(self) -> None:
        """Wait until everything put so far is committed.

        Raises:
            StoreUnusable: some of it, or of what was put earlier, could not be.
        """
        await self._apply(lambda db, _: None, None)
        self._raise_lost(None)

    async def close(self) -> None:
        """Commit what was put, and leave no thread and no open file. May be called again.

        Raises:
            StoreUnusable: events that nobody awaited could not be stored.
        """
        # Not on the loop's default executor, which would keep a thread of its own.
        self._writer.close()
        self._raise_lost(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if error is None:
            self._raise_lost(None)

    async def _read(self, query: Callable[["Database", Sequence[Values]], T]) -> T:
        return cast("T", await self._apply(query, None, writes=False))

    async def _write(
        self, change: Callable[["Database", Sequence[Values]], T], run_id: str = "", fence: int | None = None
    ) -> T:
        return cast("T", await self._apply(change, run_id, fence=fence))

    async def _query(self, query: "Callable[[Database], T]") -> T:
        return await self._read(lambda db, _: query(db))

    async def _change(self, change: "Callable[[Database], T]", run_id: str = "", fence: int | None = None) -> T:
        return await self._write(lambda db, _: change(db), run_id, fence)

    async def _apply(
        self,
        apply: Callable[["Database", Sequence[Values]], object],
        run_id: str | None,
        *,
        row: Values | None = None,
        writes: bool = True,
        fence: int | None = None,
    ) -> object:
        if run_id:
            self._raise_lost(run_id)
        waiter = asyncio.get_running_loop().create_future()
        self._writer.put(Op(apply, row, writes=writes, run_id=run_id or "", fence=fence, waiter=waiter))
        return await waiter

    def _raise_lost(self, run_id: str | None) -> None:
        if lost := self._writer.take_lost(run_id):
            raise lost


def _told(then: Callable[[], None] | None) -> "asyncio.Future[object] | None":
    """A future that calls `then` when it has a result, and swallows a failure: the writer keeps it."""
    if then is None:
        return None
    waiter: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    waiter.add_done_callback(lambda done: None if done.cancelled() or done.exception() else then())
    return waiter


def _insert_events(db: "Database", rows: Sequence[Values]) -> None:
    db.events.insert(rows)


def _insert_calls(db: "Database", rows: Sequence[Values]) -> None:
    db.calls.insert(rows)


def _update_calls(db: "Database", rows: Sequence[Values]) -> None:
    db.calls.update(rows)
