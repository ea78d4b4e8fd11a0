"""Run a coroutine of a command; Ctrl-C and SIGTERM stop it, and the process leaves with 130."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
STOPPED = 130
PATIENCE_S = 0.8
"""How long a command that was told to stop may take to end its agents and flush its logs."""


def drive(main: Coroutine[object, object, T], on_signal: Callable[[int], bool] = lambda number: False) -> T:
    """Run `main` to its end and return its result.

    The first signal cancels it, so that agents end and logs are flushed. The second leaves at
    once, and so does the first, after a moment, when something does not let go.

    Args:
        on_signal: asked first, in the signal's handler; true if nothing more is to be done.
    """
    try:
        return asyncio.run(_with_signals(main, on_signal))
    except asyncio.CancelledError:
        sys.exit(STOPPED)


async def _with_signals(main: Coroutine[object, object, T], on_signal: Callable[[int], bool]) -> T:
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_DaemonThreads())
    told = False
    last_resort = threading.Timer(PATIENCE_S, os._exit, (STOPPED,))
    last_resort.daemon = True

    def stop(number: int, frame: object) -> None:
        nonlocal told
        if on_signal(number):
            return
        if told:
            os._exit(STOPPED)
        told = True
        last_resort.start()
        loop.call_soon_threadsafe(task.cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Not `loop.add_signal_handler`, whose handlers wait for a loop that an agent may block.
        signal.signal(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if told:  # all is closed by now, and threads that hang are no reason to stay
            sys.stderr.flush()
            os._exit(STOPPED)
        raise


class _DaemonThreads(ThreadPoolExecutor):
    """Runs what the loop hands to threads in daemon ones, which hold up no exit.

    LangChain and LangGraph run blocking code of Runnables and graphs this way.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` in a thread of its own."""
        future: Future[Any] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the future
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="agentctl-thread", daemon=True).start()
        return future
