"""Tells a run line by line: what came of a call together with the call, and a reason only once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agentctl.cli.words import describe, named
from agentctl.events import Event


class Teller:
    """Told each event in turn, it says what a person reads of it."""

    def __init__(self) -> None:
        self._args: dict[object, object] = {}
        """Of the calls that have not returned, by their ids."""
        self._failure: tuple[object, ...] = ()
        """Where and why the last agent failed."""
        self._same: list[str] = []
        """Agents that failed there for the same reason, and are not told yet."""

    def lines(self, event: Event) -> Iterator[str]:
        """What is to be said now, if anything: a line, or a few."""
        data: Any = event.data
        if event.type == "agent.failed":
            # The reason may name the agent itself.
            reason = data["error"]["message"].replace(repr(data["agent"]), "")
            failure = (data["stage"], data["visit"], data["round"], reason, data["then"])
            if failure == self._failure:
                self._same.append(data["agent"])
                return
            yield from self.rest()
            self._failure = failure
        else:
            yield from self.rest()
        if event.type == "tool.called":
            self._args[data["call_id"]] = data["args"]
        elif event.type == "tool.returned":
            # A resumed run may tell no more than how it returned.
            args = {"args": self._args.pop(data["call_id"])} if data["call_id"] in self._args else {}
            event = replace(event, data={**args, **data})
        if text := describe(event):
            yield text

    def rest(self) -> Iterator[str]:
        """What was held back, as more of the same might have come."""
        if self._same:
            yield f"  ✗ {named(self._same)}: the same → {self._failure[-1]}"
            self._same = []
