"""Sinks without a screen: JSON Lines, plain progress lines, nothing."""

import sys
from typing import TextIO

from agentctl.cli.output import json_text, safe, tell
from agentctl.cli.teller import Teller
from agentctl.cli.words import closing_line, describe
from agentctl.events import Event


class JsonLines:
    """One event an object on stdout, each flushed."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def on_event(self, event: Event) -> None:
        """Print the event."""
        print(json_text(event.as_dict()), file=self._stdout, flush=True)

    def close(self) -> None:
        """Nothing to end."""


class Silent:
    """Shows warnings only."""

    def on_event(self, event: Event) -> None:
        """Print a warning, and nothing else."""
        if event.type == "warning":
            tell(describe(event))

    def close(self) -> None:
        """Nothing to end."""


class PlainLines:
    """A line on stderr for each thing that happens; with `stream`, agents' words as they come."""

    def __init__(self, *, stream: bool, is_brief: bool = False) -> None:
        self._stream, self._speaker = stream, ""
        self._is_brief = is_brief
        self._teller = Teller()
        self._round: tuple[object, ...] = ()

    def on_event(self, event: Event) -> None:
        """Print what the event says, if it says anything."""
        if event.type == "token":
            if self._stream:
                self._say(str(event.data["agent"]), str(event.data["text"]))
            return
        if event.type.startswith("agent."):
            self._mark_round(event)
        for line in self._teller.lines(event):
            self._tell(line)
        if event.type == "run.finished" and not self._is_brief:
            self._tell(closing_line(event))

    def close(self) -> None:
        """End a line that was begun, and tell what was held back."""
        self._end_speech()
        self._tell_rest()

    def _tell_rest(self) -> None:
        for line in self._teller.rest():
            self._tell(line)

    def _tell(self, line: str) -> None:
        self._end_speech()
        tell(line)

    def _mark_round(self, event: Event) -> None:
        """Say which round it is, from the second of a visit on."""
        place = tuple(event.data.get(name) for name in ("stage", "visit", "round"))
        if place != self._round and event.data.get("round") != 1:
            self._tell_rest()
            self._tell(f"  round {event.data['round']}")
        self._round = place

    def _say(self, agent: str, text: str) -> None:
        if agent != self._speaker:
            self._end_speech()
            self._speaker = agent
            text = f"    {agent}: {text}"
        print(safe(text), end="", file=sys.stderr, flush=True)

    def _end_speech(self) -> None:
        if self._speaker:
            self._speaker = ""
            tell("")
