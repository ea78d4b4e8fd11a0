"""One thread that owns the database: takes all that is queued, one transaction, tells everybody.

Reads go the same way. They see what was queued before them, and there is one connection
and one thread to close.
"""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.errors import AgentctlError, LeaseLost, StoreUnusable
from agentctl.store.fault import unusable
from agentctl.store.holder import Holder

if TYPE_CHECKING:
    from agentctl.store.database import Database

_LINGER_S = 0.02
"""How long writes that nobody waits for may wait for company."""
_MOST = 200
"""How many ops are one transaction at most: others wait for its end, and our lease is renewed after it."""
_TICK_S = 1.0
"""How often the runs that are held are looked after."""

Apply = Callable[["Database", Sequence[dict[str, object]]], object]


@dataclass(slots=True, eq=False)
class Op:
    """One thing to do in a transaction.

    Neighbours with the same `apply` and a `row` become one statement. Where nobody waits (no
    `waiter`, or one that is only told), a failure is kept for the next who writes for `run_id`.
    `fence` is that of the claim which this belongs to; default: of the run when this was put.
    """

    apply: Apply
    row: dict[str, object] | None = None
    writes: bool = True
    run_id: str = ""
    fence: int | None = None
    waiter: "asyncio.Future[object] | None" = None
    is_urgent: bool = True
    result: object = None
    error: BaseException | None = field(default=None)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody can do nothing else until it is done."""
        return self.waiter is not None and self.is_urgent


class Writer:
    """The thread and its queue. Starts at the first `put`; serves any number of event loops."""

    def __init__(self, root: Path, url: str | None, holder: Holder) -> None:
        self._root, self._url, self._holder = root, url, holder
        self._ticked = self._renewed = 0.0
        self._changed = threading.Condition()
        self._pending: list[Op] = []
        self._is_urgent = False
        self._is_closing = False
        self._was_busy = False
        self._thread: threading.Thread | None = None
        self._database: Database | None = None
        self._lost: dict[str, BaseException] = {}

    def put(self, op: Op) -> None:
        """Queue an operation; never blocks for longer than a list append.

        Raises:
            StoreUnusable: the writer is closed.
        """
        with self._changed:
            if self._is_closing:
                raise StoreUnusable("the store is closed", hint="open it again")
            if op.fence is None:
                op.fence = self._holder.runs.get(op.run_id)
            self._pending.append(op)
            self._is_urgent = self._is_urgent or op.is_awaited
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agentctl-store", daemon=True)
                self._thread.start()
            if self._is_urgent or len(self._pending) == 1:
                self._changed.notify()

    def take_lost(self, run_id: str | None = None) -> BaseException | None:
        """The failure of a write that nobody waited for, said once.

        Without `run_id` of any run, but for those that were taken over: what they wrote shall not be kept.
        """
        if run_id is not None:
            return self._lost.pop(run_id, None)
        lost, self._lost = self._lost, {}
        return next((error for error in lost.values() if not isinstance(error, LeaseLost)), None)

    def close(self) -> None:
        """Finish what is queued and end the thread. May be called again."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        batch: list[Op] = []
        try:
            while (taken := self._take()) is not None:
                batch = taken
                self._commit(batch)
                _resolve(batch)
                batch = []  # all told, whatever comes now
                self._tick()
            if self._database is not None:
                self._leave()
                self._database.close()
        finally:  # only a bug ends the loop early; nobody may wait for a dead thread
            self._give_up(batch)

    def _take(self) -> list[Op] | None:
        """What is queued; nothing when it is time to tick, None at the end."""
        with self._changed:
            # Whoever waited for the last batch may be about to say that a run of it is to be looked after.
            patience_s = _TICK_S if self._holder.is_at_work or self._was_busy else None
            self._changed.wait_for(lambda: self._pending or self._is_closing, patience_s)
            if self._pending and not self._is_urgent:
                self._changed.wait_for(lambda: self._is_urgent or self._is_closing, _LINGER_S)
            if self._is_closing and not self._pending:
                return None
            batch, self._pending = self._pending[:_MOST], self._pending[_MOST:]
            self._is_urgent = any(op.is_awaited for op in self._pending)
            self._was_busy = bool(batch)
            return batch

    def _tick(self) -> None:
        """Renew the lease of what is held, and see what somebody wants to stop, or has taken."""
        if not self._holder.is_at_work or self._database is None or time.monotonic() - self._ticked < _TICK_S:
            return
        self._ticked = time.monotonic()
        is_due = self._ticked - self._renewed > self._holder.lease_s / 3
        held, left = dict(self._holder.runs), set(self._holder.left)
        try:
            with self._database.transaction(writes=is_due or bool(left)):
                if is_due:
                    self._holder.renew(self._database)
                self._database.holders.let_go(self._holder.name, left)
                lost = self._database.holders.lost(self._holder.name, held.items())
                stopped = self._database.holders.cancelled(list(held))
        except _failures():
            self._reconsider()
            return  # tried again in a moment, and whoever writes is told
        if is_due:
            self._renewed = self._ticked
        self._holder.left -= left
        for run_id in {*(run_id for run_id, _ in lost), *stopped}:
            self._holder.on_stop(run_id)

    def _leave(self) -> None:
        """Hold nothing any more; if that cannot be said, the lease runs out."""
        assert self._database is not None
        with suppress(*_failures()), self._database.transaction(writes=True):
            self._database.holders.leave(self._holder.name)

    def _give_up(self, batch: list[Op]) -> None:
        with self._changed:
            self._is_closing = True
            left = [*batch, *self._pending]
        for op in left:
            op.error = op.error or StoreUnusable("the store's thread has stopped", hint="report this bug")
        _resolve(left)

    def _commit(self, batch: list[Op]) -> None:
        """Do the whole batch at once; where one op is at fault, one by one."""
        if not batch:
            return
        from sqlalchemy.exc import DatabaseError, DataError, IntegrityError

        try:
            self._transact(batch)
        except StoreUnusable as error:
            self._fail(batch, error)
        except _failures(AgentctlError, ValueError, TypeError, ArithmeticError) as error:
            failure = error if isinstance(error, AgentctlError) else self._translated(error)
            self._reconsider()
            # A disk that is full or locked is so for all; trying each would wait for each.
            is_for_all = isinstance(error, (DatabaseError, OSError, AgentctlError)) and not isinstance(
                error, (DataError, IntegrityError)
            )
            if len(batch) > 1 and not is_for_all:
                for op in batch:
                    self._commit([op])
                    self._tick()
            else:
                self._fail(batch, failure)

    def _translated(self, error: BaseException) -> StoreUnusable:
        from agentctl.store.database import place_of

        return unusable(place_of(self._root, self._url), error)

    def _transact(self, batch: list[Op]) -> None:
        from agentctl.store.database import Database

        if self._database is None:
            self._database = Database.open(self._root, self._url)
        database = self._database
        writes = any(op.writes for op in batch)
        for op in batch:
            op.error = None  # of an attempt that was rolled back
        held = {(op.run_id, op.fence) for op in batch if op.fence is not None}
        with database.transaction(writes=writes):
            lost = database.holders.lost(self._holder.name, held)
            for apply, ops in _grouped([op for op in batch if (op.run_id, op.fence) not in lost]):
                if ops[0].row is not None:
                    apply(database, [op.row for op in ops if op.row is not None])
                elif len(batch) == 1:
                    ops[0].result = apply(database, ())
                else:
                    _try(database, ops[0])
        for run_id, fence in lost:
            self._fail([op for op in batch if (op.run_id, op.fence) == (run_id, fence)], LeaseLost(run_id))

    def _reconsider(self) -> None:
        """Drop a connection that is lost; the next batch opens another."""
        if self._database is not None and not self._database.is_usable:
            with suppress(*_failures()):
                self._database.close()
            self._database = None

    def _fail(self, batch: list[Op], error: AgentctlError) -> None:
        for op in batch:
            op.error = error
            if not op.is_awaited:
                self._lost.setdefault(op.run_id, error)
        for op in batch:
            if op.is_awaited:  # who waits is told, and need not be told again
                self._lost.pop(op.run_id, None)


def _failures(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What a database raises when it cannot be used, and `more`."""
    from sqlalchemy.exc import SQLAlchemyError

    return SQLAlchemyError, OSError, *more


def _try(database: "Database", op: Op) -> None:
    """Do one of several ops; if it refuses, the others go on."""
    try:
        with database.step() if op.writes else nullcontext():
            op.result = op.apply(database, ())
    except AgentctlError as refusal:
        op.error = refusal


def _grouped(batch: list[Op]) -> Iterator[tuple[Apply, list[Op]]]:
    for _, ops in groupby(batch, key=lambda op: (op.apply, None if op.row is not None else id(op))):
        group = list(ops)
        yield group[0].apply, group


def _resolve(batch: list[Op]) -> None:
    """Tell everybody who waits, with one wake-up an event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Op]] = defaultdict(list)
    for op in batch:
        if op.waiter is not None:
            by_loop[op.waiter.get_loop()].append(op)
    for loop, ops in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, ops)
        except RuntimeError:  # that loop is closed: nobody waits there any more
            continue


def _settle(ops: list[Op]) -> None:
    for op in ops:
        assert op.waiter is not None
        if op.waiter.done():
            continue
        if op.error is not None:
            op.waiter.set_exception(op.error)
        else:
            op.waiter.set_result(op.result)
