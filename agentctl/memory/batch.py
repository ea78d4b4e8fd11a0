"""Writes of many at once: while a batch is under way, the next one gathers."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from agentctl.memory.record import Record

_MOST = 200
Waiting = tuple[Record, "asyncio.Future[None]"]


class Batch:
    """One write at a time, of all that was put meanwhile. Serves one event loop.

    Args:
        write: keeps records, all or none; what it raises is raised to each who put one of them.
    """

    def __init__(self, write: Callable[[Sequence[Record]], Coroutine[object, object, object]]) -> None:
        self._write = write
        self._waiting: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, record: Record) -> None:
        """Write a record, and return when it is kept; one whose caller is cancelled is kept all the same."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, kept))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await kept

    async def end(self) -> None:
        """Wait until all is written that was put."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            # In a task, whose failure of any kind is an answer for those who wait.
            (written,), _ = await asyncio.wait({asyncio.create_task(self._write([record for record, _ in batch]))})
            _tell(batch, written.exception())


def _tell(batch: Sequence[Waiting], error: BaseException | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
