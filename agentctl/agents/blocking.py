"""Blocking agents run here: daemon threads, a bounded number at once, abandoned when they hang."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

from agentctl.errors import RunError

Result = TypeVar("Result")
ABANDONED_PER_SLOT = 4
"""Hung threads that are replaced, per slot of the pool; past that, slots stay taken until one ends."""


class ThreadsHung(RunError):
    """Every thread that a blocking agent could have hangs."""

    code = "threads-hung"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} threads of blocking agents hang, and no more are started",
            hint="give what they wait for a time limit of its own, then restart the process",
        )


class BlockingPool:
    """At most `size` blocking calls at once, each in a daemon thread of its own.

    A thread costs under 0.1 ms to start, and a daemon thread never holds up the exit of
    the process (`asyncio.to_thread` does, until the sleep in it ends). One pool serves one
    event loop. `abandoned` counts threads that outlived their time limit or cancellation
    and still run.
    """

    def __init__(self, size: int) -> None:
        self._slots = asyncio.Semaphore(size)
        self._size, self._spare = size, size * ABANDONED_PER_SLOT
        self._lost = 0
        self.abandoned = 0

    async def run(self, function: Callable[[], Result], *, on_start: Callable[[], None] = lambda: None) -> Result:
        """Call `function` in a thread and return its result or raise its exception.

        When the awaiting task is cancelled, this ends at once and the thread is abandoned:
        its slot is given to others, up to the cap.

        Args:
            function: what to call.
            on_start: called on the loop when there is a thread for it.

        Raises:
            ThreadsHung: all of the pool's threads hang, past the cap.
        """
        await self._slots.acquire()
        if self._lost >= self._size:
            self._slots.release()  # the next one in the queue is told the same
            raise ThreadsHung(self.abandoned)
        on_start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        call = _Call(function, done, loop)
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(call.work, self._ended), name="agentctl-blocking", daemon=True
        ).start()
        try:
            return await done  # type: ignore[return-value]
        except asyncio.CancelledError:
            if not call.ended:
                self._abandon(call)
            raise

    def _abandon(self, call: "_Call") -> None:
        call.abandoned = True
        self.abandoned += 1
        call.holds_slot = self.abandoned > self._spare
        self._lost += call.holds_slot
        if not call.holds_slot or self._lost == self._size:  # if all are lost, whoever waits must hear of it
            self._slots.release()

    def _ended(self, call: "_Call") -> None:
        """On the loop, once the thread is through."""
        call.ended = True
        self.abandoned -= call.abandoned
        # The last lost slot was given back already, to tell those who waited.
        if not call.abandoned or (call.holds_slot and self._lost < self._size):
            self._slots.release()
        self._lost -= call.holds_slot


class _Call:
    """One call in its thread."""

    def __init__(
        self, function: Callable[[], object], done: "asyncio.Future[object]", loop: asyncio.AbstractEventLoop
    ) -> None:
        self.function, self.done, self.loop = function, done, loop
        self.ended = self.abandoned = self.holds_slot = False

    def work(self, ended: Callable[["_Call"], None]) -> None:
        result: object = None
        failure: BaseException | None = None
        try:
            result = self.function()
        except BaseException as error:  # noqa: BLE001 - handed to the awaiting agent as it is
            failure = error
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._settle, result, failure, ended)

    def _settle(self, result: object, failure: BaseException | None, ended: Callable[["_Call"], None]) -> None:
        ended(self)
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(result)
        elif isinstance(failure, StopIteration | SystemExit | KeyboardInterrupt):
            self.done.set_exception(RuntimeError(f"{type(failure).__name__}: {failure}"))
        else:
            self.done.set_exception(failure)
