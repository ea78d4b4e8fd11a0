"""A real terminal: the command in a pseudo-terminal, its output on a pyte screen."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

CHECKOUT = Path(__file__).parents[2]


class Terminal:
    """Runs `agentctl` with the words given, and shows what a user would see."""

    def __init__(self, root: Path, *words: str, columns: int = 100, lines: int = 40, **env: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            kept.pop(name, None)
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "agentctl", *words],
            cwd=str(root),
            dimensions=(lines, columns),
            env={**kept, "TERM": "xterm-256color", "PYTHONPATH": str(CHECKOUT), "AGENTCTL_MODEL": "offline", **env},  # type: ignore[arg-type]
            timeout=20,
        )
        self._screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        """Every byte that was written."""

    @property
    def text(self) -> str:
        """The lines on the screen, without trailing blanks."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def title(self) -> str:
        """What the window is called."""
        return str(self._screen.title)

    @property
    def scrolled(self) -> int:
        """Lines that have left the screen at the top."""
        return len(self._screen.history.top)

    @property
    def above(self) -> str:
        """The lines that have left the screen at the top."""
        lines = self._screen.history.top
        return "\n".join("".join(line[x].data for x in range(len(line))).rstrip() for line in lines)

    def until(self, seen: Callable[[str], bool], timeout_s: float = 15) -> str:
        """Read until the screen shows it; the screen then."""
        deadline = time.monotonic() + timeout_s
        while not seen(self.text):
            assert time.monotonic() < deadline, f"not seen; the screen is\n{self.text}"
            assert self._read(), f"it ended; the screen is\n{self.text}"
        return self.text

    def end(self) -> tuple[int, str]:
        """Read to the end; the exit code and the last screen."""
        while self._read():
            pass
        self._child.close()
        return (self._child.exitstatus if self._child.exitstatus is not None else -1), self.text

    def type(self, keys: str) -> None:
        """Press keys; `\\r` is Enter, `\\x04` Ctrl-D."""
        self._child.send(keys)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self._child.kill(number)

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(self._child.getecho())

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._child.setwinsize(lines, columns)
        self._screen.resize(lines, columns)

    def _read(self) -> bool:
        try:
            data = self._child.read_nonblocking(65_536, timeout=1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        if b"\x1b[6n" in data:  # a program asks where the cursor is
            self._child.send(f"\x1b[{self._screen.cursor.y + 1};{self._screen.cursor.x + 1}R")
        return True
