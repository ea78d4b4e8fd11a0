"""The time limit of a call, which stands still while the call waits for a thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar

_DEADLINE: ContextVar["Deadline | None"] = ContextVar("agentctl_tool_deadline", default=None)


class Deadline:
    """Of the call in whose context the code runs; `pause` and `start` do nothing once it is over."""

    def __init__(self, scope: asyncio.Timeout, timeout_s: float) -> None:
        self._scope, self._timeout_s = scope, timeout_s

    def pause(self) -> None:
        """Let no time pass."""
        self._reschedule(None)

    def start(self) -> None:
        """Give it all of its time, from now on."""
        self._reschedule(asyncio.get_running_loop().time() + self._timeout_s)

    def _reschedule(self, when: float | None) -> None:
        with suppress(RuntimeError):  # its caller has given up in the meantime
            self._scope.reschedule(when)


def current_deadline() -> Deadline | None:
    """That of the call which this code serves."""
    return _DEADLINE.get()


@asynccontextmanager
async def deadline(timeout_s: float) -> AsyncIterator[None]:
    """Raises TimeoutError in the block after `timeout_s`, pauses not counted."""
    async with asyncio.timeout(timeout_s) as scope:
        token = _DEADLINE.set(Deadline(scope, timeout_s))
        try:
            yield
        finally:
            _DEADLINE.reset(token)
