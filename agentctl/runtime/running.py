"""The runs of this process and their tasks, so that anybody can stop a run."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from agentctl.runtime.result import RunResult


class Running:
    """Which task each run is in. Serves one event loop."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._ends: dict[str, asyncio.Future[None]] = {}
        self._stopped: set[str] = set()

    async def watch(self, run_id: str, work: Coroutine[Any, Any, RunResult]) -> RunResult | None:
        """Await a run in the current task.

        Returns:
            its result; None if `stop` ended it: that stops the run, and not whoever waits for it.

        Raises:
            asyncio.CancelledError: the task was cancelled by somebody else.
        """
        task = asyncio.current_task()
        assert task is not None
        others = task.cancelling()
        self._tasks[run_id] = task
        self._ends[run_id] = asyncio.get_running_loop().create_future()
        try:
            return await work
        except asyncio.CancelledError:
            if run_id not in self._stopped or task.cancelling() > others + 1:
                raise
            return None
        finally:
            if run_id in self._stopped:
                task.uncancel()
            self._stopped.discard(run_id)
            del self._tasks[run_id]
            self._ends.pop(run_id).set_result(None)

    def __contains__(self, run_id: str) -> bool:
        """Whether the run is at work here, perhaps to its end: it may have lost its lease."""
        return run_id in self._tasks

    def stop(self, run_id: str) -> None:
        """Cancel a run, if it is one of these."""
        task = self._tasks.get(run_id)
        if task is not None and run_id not in self._stopped:
            self._stopped.add(run_id)
            task.cancel()

    async def close(self) -> None:
        """Cancel the runs, and wait until they have ended; they can be resumed."""
        for task in self._tasks.values():
            task.cancel()
        if ends := list(self._ends.values()):  # of the runs, not of whoever started them and goes on
            await asyncio.wait(ends)
