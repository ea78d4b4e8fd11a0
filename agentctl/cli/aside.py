"""Where a workspace's own prints go during a run: beside the answer, and spelt out."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import BinaryIO, TextIO

from agentctl.cli.output import safe


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


@contextmanager
def printing_aside(show: Callable[[str], None] | None = None) -> Iterator[None]:
    """Keep stdout free for the answer while the code of a workspace runs.

    Args:
        show: takes what is printed; default: stderr.
    """
    stderr = sys.stderr

    def write(text: str) -> None:
        stderr.write(text)
        stderr.flush()

    aside = Aside(stderr, show or write)
    with redirect_stdout(aside), redirect_stderr(aside):
        yield
