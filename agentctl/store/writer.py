"""One thread that owns the database: takes all that is queued, one transaction, tells everybody.

Reads go the same way. They see what was queued before them, and there is one connection
and one thread to close.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.errors import StoreUnusable
from agentctl.store.fault import unusable

if TYPE_CHECKING:
    from agentctl.store.database import Database

_LINGER_S = 0.02
"""How long writes that nobody waits for may wait for company."""

Apply = Callable[["Database", Sequence[dict[str, object]]], object]


@dataclass(slots=True, eq=False)
class Op:
    """One thing to do in a transaction.

    Neighbours with the same `apply` and a `row` become one statement. Where nobody waits (no
    `waiter`, or one that is only told), a failure is kept for the next who writes for `run_id`.
    """

    apply: Apply
    row: dict[str, object] | None = None
    writes: bool = True
    run_id: str = ""
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

    def __init__(self, root: Path) -> None:
        self._root = root
        self._changed = threading.Condition()
        self._pending: list[Op] = []
        self._is_urgent = False
        self._is_closing = False
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
            self._pending.append(op)
            self._is_urgent = self._is_urgent or op.is_awaited
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agentctl-store", daemon=True)
                self._thread.start()
            if self._is_urgent or len(self._pending) == 1:
                self._changed.notify()

    def take_lost(self, run_id: str | None = None) -> BaseException | None:
        """The failure of a write that nobody waited for (of any run without `run_id`), said once."""
        if run_id is not None:
            return self._lost.pop(run_id, None)
        lost, self._lost = self._lost, {}
        return next(iter(lost.values()), None)

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
            while batch := self._take():
                self._commit(batch)
                _resolve(batch)
            if self._database is not None:
                self._database.close()
        finally:  # only a bug ends the loop early; nobody may wait for a dead thread
            self._give_up(batch)

    def _take(self) -> list[Op]:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._is_closing)
            if not self._is_urgent:
                self._changed.wait_for(lambda: self._is_urgent or self._is_closing, _LINGER_S)
            batch, self._pending, self._is_urgent = self._pending, [], False
            return batch

    def _give_up(self, batch: list[Op]) -> None:
        with self._changed:
            self._is_closing = True
            left = [*batch, *self._pending]
        for op in left:
            op.error = op.error or StoreUnusable("the store's thread has stopped", hint="report this bug")
        _resolve(left)

    def _commit(self, batch: list[Op]) -> None:
        """Do the whole batch at once; where one row is at fault, one by one."""
        from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

        try:
            self._transact(batch)
        except StoreUnusable as error:
            self._fail(batch, error)
        except (SQLAlchemyError, OSError, ValueError, TypeError, ArithmeticError) as error:
            # A disk that is full or locked is so for all; trying each would wait for each.
            is_for_all = isinstance(error, (DatabaseError, OSError)) and not isinstance(error, IntegrityError)
            if is_for_all or len(batch) == 1:
                self._fail(batch, unusable(self._root / ".agentctl" / "state.db", error))
            else:
                for op in batch:
                    self._commit([op])

    def _transact(self, batch: list[Op]) -> None:
        from agentctl.store.database import Database

        if self._database is None:
            self._database = Database.open(self._root)
        with self._database.transaction(writes=any(op.writes for op in batch)):
            for apply, ops in _grouped(batch):
                if ops[0].row is not None:
                    apply(self._database, [op.row for op in ops if op.row is not None])
                else:
                    ops[0].result = apply(self._database, ())

    def _fail(self, batch: list[Op], error: StoreUnusable) -> None:
        for op in batch:
            op.error = error
            if not op.is_awaited:
                self._lost.setdefault(op.run_id, error)


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
