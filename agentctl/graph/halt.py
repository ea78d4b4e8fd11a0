"""Where an execution stops until somebody has decided."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from agentctl.store import Approval


class Halt:
    """Stops one execution in good order: calls under way finish, and no other begins.

    Whoever asks waits here for good; the node ends the agent once `reached` is done, and interrupts
    the graph from its own coroutine. An agent that catches exceptions cannot go on by mistake.
    """

    def __init__(self) -> None:
        self.asked: list[Approval] = []
        self.reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._is_over = False

    async def ask(self, approvals: Sequence[Approval]) -> NoReturn:
        """Have the execution stopped for these."""
        self.asked += approvals
        self._look()
        await self._wait()

    async def enter(self) -> None:
        """Before each call: no way out any more once somebody is asked, or the agent has ended."""
        if self._is_over:
            await asyncio.sleep(0.1)  # whoever swallows this and tries again must not stop the loop
            raise asyncio.CancelledError("the agent has ended")
        if self.asked:
            await self._wait()

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call under way."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._look()

    def end(self) -> None:
        """The agent has ended; what it left in threads or tasks of its own gets no further."""
        self._is_over = True
        for future in self._waiting:
            future.cancel()

    def _look(self) -> None:
        if self.asked and not self._under_way and not self.reached.done():
            self.reached.set_result(None)

    async def _wait(self) -> NoReturn:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
        raise AssertionError
