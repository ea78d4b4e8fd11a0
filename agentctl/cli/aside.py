"""Where a workspace's own prints go during a run: beside the answer, and spelt out."""

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import BinaryIO, TextIO

from agentctl.cli.output import safe

_PATIENCE_S = 0.1


class Aside(io.TextIOBase):
    """Stands in for stdout and stderr; `show` is given what is printed, from any thread."""

    def __init__(self, stderr: TextIO, show: Callable[[str], None]) -> None:
        self._stderr, self._show = stderr, show

    @property
    def buffer(self) -> BinaryIO:
        """For who prints bytes: these go out as they are."""
        return self._stderr.buffer

    def write(self, text: str) -> int:
        """Show the text, safe for a terminal."""
        self._show(safe(text))
        return len(text)

    def flush(self) -> None:
        """Pass the wish on."""
        self._stderr.flush()

    def fileno(self) -> int:
        """A process that an agent starts prints to stderr, too."""
        return self._stderr.fileno()


class Lines:
    """Writes what threads print, and ends the line that one has begun before another's begins.

    Progress is printed by a thread of its own, so nobody's half line has it behind itself.
    """

    def __init__(self, file: TextIO) -> None:
        self._file, self._lock = file, threading.Lock()
        self._open: int | None = None
        """The thread whose line is not ended."""
        self._cut: set[int] = set()
        """Threads whose line was ended for them; the end that `print` writes by itself may follow."""

    def write(self, text: str) -> None:
        """Write for the thread that calls."""
        if not text:
            return
        me = threading.get_ident()
        with self._lock:
            if self._open not in (None, me):
                self._end()
            if me in self._cut:
                self._cut.discard(me)
                text = text.removeprefix("\n")
            self._file.write(text)
            self._file.flush()
            if text:
                self._open = None if text.endswith("\n") else me

    def close(self) -> None:
        """End a line that was begun."""
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return  # a thread that a slow reader holds up has it
        if self._open is not None:
            self._end()
            self._file.flush()
        self._lock.release()

    def _end(self) -> None:
        assert self._open is not None
        self._file.write("\n")
        self._cut.add(self._open)
        self._open = None


@contextmanager
def stdout_kept() -> Iterator[TextIO]:
    """The real stdout, while the descriptor 1 of this process and of those that agents start leads to stderr."""
    stdout = sys.stdout
    try:
        if stdout.fileno() != 1:
            raise OSError
        kept = os.dup(1)
        stdout.flush()
        os.dup2(2, 1)
    except (OSError, ValueError):  # not a process's own stdout, or no stderr to lead to
        yield stdout
        return
    try:
        with open(kept, "w", encoding=stdout.encoding, errors=stdout.errors, closefd=False) as real:
            yield real
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def printing_aside(show: Callable[[str], None] | None = None) -> Iterator[None]:
    """Keep stdout free for the answer while the code of a workspace runs.

    Args:
        show: takes what is printed; default: stderr.
    """
    lines = Lines(sys.stderr)
    aside = Aside(sys.stderr, show or lines.write)
    try:
        with redirect_stdout(aside), redirect_stderr(aside):
            yield
    finally:
        lines.close()
