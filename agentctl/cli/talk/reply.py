"""What a turn says, and who says it, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentctl.cli.words import closing_line
from agentctl.events import Event


@dataclass
class Reply:
    """Changed by one event at a time."""

    closing: str = ""
    """How it ended and what it took; empty until then."""
    _order: list[str] = field(default_factory=list)
    _said: dict[str, str] = field(default_factory=dict)
    """The texts of the last round, by role."""
    _round: tuple[object, ...] = ()

    def on_event(self, event: Event) -> None:
        """Take one event in."""
        data: Mapping[str, Any] = event.data
        if event.type == "stage.entered":
            self._order = list(data["agents"])
        elif event.type == "agent.finished":
            self._finished(data)
        elif event.type == "run.finished":
            self.closing = closing_line(event)

    def parts(self, output: str) -> list[tuple[str, str]]:
        """The answer by speaker, in the stage's order; as one part where it is more than their words."""
        roles = sorted(self._said, key=lambda role: self._order.index(role) if role in self._order else len(self._said))
        said = [(role, self._said[role]) for role in roles if self._said[role]]
        if "\n\n".join(text for _, text in said) == output:
            return said
        return [(", ".join(roles), output)]

    def _finished(self, data: Mapping[str, Any]) -> None:
        place = tuple(data.get(name) for name in ("stage", "visit", "round"))
        if place != self._round:
            self._round, self._said = place, {}
        self._said[data["agent"]] = data["text"]
