"""A time limit that stands still while people are asked."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Of one run, or of one execution of an agent.

    Attributes:
        scope: what ends when the time is up; None as long as there is no limit.
        waited_s: how long people were asked in all.
    """

    def __init__(self) -> None:
        self.scope: asyncio.Timeout | None = None
        self.waited_s = 0.0
        self._asking = 0

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let no time count; several may be asked at once."""
        self._asking += 1
        if self._asking == 1:
            self._since, self._when = time.monotonic(), self.scope.when() if self.scope else None
            self._set(None)
        try:
            yield
        finally:
            self._asking -= 1
            if self._asking == 0:
                waited_s = time.monotonic() - self._since
                self.waited_s += waited_s
                self._set(None if self._when is None else self._when + waited_s)

    def end(self) -> None:
        """Nothing is limited any more."""
        self._set(None)

    def _set(self, when: float | None) -> None:
        if self.scope is not None and not self.scope.expired():
            self.scope.reschedule(when)
