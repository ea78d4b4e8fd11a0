"""What Ctrl-C does in a chat: it stops what is under way; the second one in a row leaves."""

import asyncio
import signal
import sys
import termios
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

AGAIN = "Ctrl-C again leaves"
T = TypeVar("T")


class Brake:
    """Stands between the signals and a chat on a terminal. Until `engage`, every signal ends the command."""

    def __init__(self) -> None:
        self.is_pressed = False
        """Whether Ctrl-C was the last thing that the user typed."""
        self.on_idle: Callable[[], None] | None = None
        """Called when Ctrl-C comes as a signal and nothing is under way."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Future[Any] | None = None
        self._modes: list[Any] | None = None

    def engage(self) -> None:
        """From now on the first Ctrl-C ends no more than what is under way."""
        self._loop = asyncio.get_running_loop()

    def on_signal(self, number: int) -> bool:
        """Whether a signal is dealt with; if not, the process is to end. Called in the signal's handler."""
        if number == signal.SIGINT and self._loop is not None and not self.is_pressed:
            self.is_pressed = True
            self._loop.call_soon_threadsafe(self._stop)
            return True
        self._speak_up()  # who leaves in a hurry runs no `finally`
        return False

    async def run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run `work` to its end and return what it returns; None if Ctrl-C stopped it.

        Until then the terminal does not show what is typed; it is there when the next line is read.
        """
        self._task = task = asyncio.ensure_future(work)
        try:
            with self._keys_silent():
                await asyncio.wait([task])
        finally:
            self._task = None
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
        return None if task.cancelled() else task.result()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif self.on_idle is not None:
            self.on_idle()

    @contextmanager
    def _keys_silent(self) -> Iterator[None]:
        try:
            self._modes = termios.tcgetattr(sys.stdin)
            silent = termios.tcgetattr(sys.stdin)
            # Not by the line either: a Ctrl-D typed now would end the line that is read next.
            silent[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(sys.stdin, termios.TCSANOW, silent)
        except (termios.error, OSError, ValueError):  # the terminal has gone
            self._modes = None
        try:
            yield
        finally:
            self._speak_up()

    def _speak_up(self) -> None:
        """Give the terminal back as it was."""
        if self._modes is not None:
            modes, self._modes = self._modes, None
            with suppress(termios.error, OSError):  # the terminal may be gone
                termios.tcsetattr(sys.stdin, termios.TCSANOW, modes)
