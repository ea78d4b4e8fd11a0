"""The bus: shows each event to every sink, in order, and takes nothing back."""

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from agentctl.events.event import Event


class Sink(Protocol):
    """Something that is shown events: a terminal, a log, a stream, metrics."""

    def on_event(self, event: Event) -> None:
        """Take one event. Must not block; a sink that does goes into a `BufferedSink`."""

    def close(self) -> None:
        """There are no more events."""


def say(text: str) -> None:
    """Warn on stderr of what keeps no run from going on."""
    print(f"warning: {text}", file=sys.stderr)


class EventBus:
    """Fans events out to sinks. `publish` may be called from one thread at a time."""

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        """Take the sinks, in the order in which they are shown an event; one that raises is shown nothing more."""
        self._sinks = list(sinks)

    def publish(self, event: Event) -> None:
        """Show the event to every sink. Does not block and does not raise."""
        for sink in tuple(self._sinks):
            self._guarded(sink, sink.on_event, event)

    def close(self) -> None:
        """Close every sink, also those after one that fails to. May be called again."""
        for sink in tuple(self._sinks):
            if self._guarded(sink, sink.close):
                self._sinks.remove(sink)

    def _guarded(self, sink: Sink, call: Callable[..., None], *args: Event) -> bool:
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001 - a boundary: no sink may fail a run
            self._sinks.remove(sink)
            say(_failure(sink, error))
            return False
        return True


class BufferedSink:
    """Runs a sink that may block, such as one that prints, in a thread of its own.

    When `limit` events wait, `token` events are dropped, and that is said once; other
    events always wait their turn.
    """

    def __init__(self, sink: Sink, limit: int = 10_000) -> None:
        """Wrap `sink`, whose `on_event` and `close` are from now on called in one daemon thread only.

        Args:
            sink: what to run.
            limit: events that may wait before tokens are dropped.
        """
        self._sink = sink
        self._limit = limit
        self._changed = threading.Condition()
        self._pending: deque[Event] = deque()
        self._is_closing = False
        self._is_broken = False
        self._is_held = self._is_showing = False
        self.dropped = 0
        """Tokens that were not shown."""
        self._thread = threading.Thread(target=self._run, name="agentctl-sink", daemon=True)
        self._thread.start()

    def on_event(self, event: Event) -> None:
        """Queue the event; never blocks."""
        with self._changed:
            if self._is_closing or self._is_broken:
                return
            is_dropped = event.type == "token" and len(self._pending) >= self._limit
            if is_dropped:
                self.dropped += 1
            else:
                self._pending.append(event)
                self._changed.notify_all()
            is_first = is_dropped and self.dropped == 1
        if is_first:
            say("the output is slower than the run; some of the streamed text is left out")

    def hold(self, timeout_s: float) -> None:
        """Wait until what was queued is shown, but no longer than this; then show nothing until `go_on`."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_broken or not (self._pending or self._is_showing), timeout_s)
            self._is_held = True

    def go_on(self) -> None:
        """Show what has come since `hold`."""
        with self._changed:
            self._is_held = False
            self._changed.notify_all()

    def close(self, timeout_s: float | None = None) -> None:
        """Show what waits, close the sink and end the thread. May be called again.

        Args:
            timeout_s: how long to wait for that. Default: for as long as the reader takes, because
                someone who pages through the output is no reason to lose it.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while (event := self._take()) is not None:
                self._sink.on_event(event)
            self._sink.close()
        except BrokenPipeError:  # the reader has gone, as `head` does: nothing to tell
            pass
        except Exception as error:  # noqa: BLE001 - a boundary: no sink may fail a run
            say(_failure(self._sink, error))
        finally:
            with self._changed:
                self._is_broken = True
                self._pending.clear()

    def _take(self) -> Event | None:
        with self._changed:
            self._is_showing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closing or (self._pending and not self._is_held))
            self._is_showing = bool(self._pending)
            return self._pending.popleft() if self._pending else None


def _failure(sink: Sink, error: Exception) -> str:
    return f"{type(sink).__name__} failed and is shown no more events: {type(error).__name__}: {error}"
