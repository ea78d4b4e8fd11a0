"""The live view of a run on a terminal (stderr): a screen that is drawn again and again, and a summary that stays."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.text import Text

from agentctl.cli.output import safe
from agentctl.cli.picture import draw, summary
from agentctl.cli.scene import Scene
from agentctl.cli.teller import Teller
from agentctl.events import Event

_TICK_S = 0.125
_IDLE_S = 0.5
"""The clock goes on where nothing happens."""
_KEPT = ("agent.failed", "warning", "limit.reached")
"""Events whose line stays above the view."""


class LiveView:
    """Shows the stage path, agents side by side, the scoreboard, time, tokens and cost.

    A sink for one thread; a second one of its own draws, at most 8 times a second.
    """

    def __init__(self, *, is_brief: bool = False) -> None:
        """Open nothing yet.

        Args:
            is_brief: leave it to the caller to tell how the run ended.
        """
        self._is_brief = is_brief
        # Without markup, emoji codes and highlighting: text is shown as it is.
        self._console = Console(
            file=cast("TextIO", _Unwrapped(sys.stderr)), markup=False, emoji=False, highlight=False, soft_wrap=False
        )
        self._scene, self._teller = Scene(), Teller()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="agentctl-live", daemon=True)
        self._live: Live | None = None
        self._width = 0
        self._since = self._drawn = 0.0
        self._is_stale = self._is_paused = False
        self._printed: dict[int, str] = {}
        """The line that each thread has begun to print."""
        self._held: list[Text] = []
        """Lines that wait for the end of a pause."""

    def on_event(self, event: Event) -> None:
        """Take the event in; the next tick shows it."""
        with self._lock:
            if not self._since:
                self._since = time.monotonic()
                self._ticker.start()
                if not self._is_paused:
                    self._open()
            self._scene.show(event)
            self._is_stale = True
            for line in self._teller.lines(event) if event.type in _KEPT else self._teller.rest():
                self._put(Text(safe(line), "yellow" if event.type == "warning" else "red"))

    def show_print(self, text: str) -> None:
        """Put what the workspace's own code prints above the view, line by line; from any thread."""
        with self._lock:
            me = threading.get_ident()
            *lines, self._printed[me] = (self._printed.get(me, "") + text).split("\n")
            for line in lines:
                self._put(Text(line))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to somebody who asks the user something; from any thread.

        The view stays as it is above the question, and is drawn anew in the end, behind what is printed meanwhile.
        """
        with self._lock:
            self._is_paused = True
            if self._live is not None:
                self._draw()
                self._live.stop()
                self._live = None
        try:
            yield
        finally:
            with self._lock:
                self._go_on()

    def close(self) -> None:
        """Put the summary in the place of the view, and give the terminal back."""
        self._ended.set()
        if not self._since:
            return
        self._ticker.join()
        with self._lock:
            self._go_on()
            assert self._live is not None
            for line in self._teller.rest():
                self._put(Text(safe(line), "red"))
            if self._scene.closing:
                self._refit()
                self._live.update(summary(self._scene, self._console.size.width, is_brief=self._is_brief))
            else:
                self._draw()
            for printed in filter(None, self._printed.values()):
                self._console.print(Text(printed))
            self._live.stop()
            self._console.print()

    def _tick(self) -> None:
        while not self._ended.wait(_TICK_S):
            with self._lock:
                if self._live and (self._is_stale or time.monotonic() - self._drawn >= _IDLE_S):
                    self._draw()

    def _put(self, text: Text) -> None:
        """Print above the view."""
        if self._is_paused:
            self._held.append(text)
        else:
            self._console.print(text)

    def _go_on(self) -> None:
        """End a pause; whoever asks when the view is closed is not heard any more."""
        if not self._is_paused:
            return
        self._is_paused, self._is_stale = False, True
        for text in self._held:
            self._console.print(text)
        self._held = []
        if self._since:
            self._open()

    def _open(self) -> None:
        self._width = self._console.size.width
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        # A hidden cursor would stay hidden after a kill.
        self._console.show_cursor(True)

    def _draw(self) -> None:
        self._refit()
        assert self._live is not None
        self._live.update(draw(self._scene, self._console, time.monotonic() - self._since), refresh=True)
        self._is_stale, self._drawn = False, time.monotonic()

    def _refit(self) -> None:
        """Begin anew on an empty screen if the window was made narrower."""
        assert self._live is not None
        if self._console.size.width < self._width:
            # Lines that were drawn wider are wrapped now, nobody knows into how many.
            self._remove()
            # What stood above goes where the user can scroll to.
            self._console.file.write("\n" * self._console.size.height)
            self._console.clear()
            self._open()
        self._width = self._console.size.width

    def _remove(self) -> None:
        assert self._live is not None
        self._live.transient = True
        self._live.stop()
        self._live = None


class _Unwrapped:
    """A terminal that cuts long lines for the time of each write.

    A character that it draws wider than we reckoned would wrap the line, and every later
    picture would stand one line too low.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        return self._file.write(f"\x1b[?7l{text}\x1b[?7h")
