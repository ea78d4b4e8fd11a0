"""One fact about a run, as `--json` prints it and `run_events` keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

EventType = Literal[
    "run.started",
    "stage.entered",
    "agent.started",
    "token",
    "tool.called",
    "tool.returned",
    "agent.finished",
    "agent.failed",
    "scores.merged",
    "stage.exited",
    "approval.requested",
    "limit.reached",
    "warning",
    "run.finished",
]


_HEAD = ("type", "seq", "ts", "workspace", "session_id", "run_id")


def timestamp(at: datetime) -> str:
    """A time as UTC ISO 8601 with milliseconds: `2026-11-20T12:00:00.000Z`; one without a zone is local time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """The time as `timestamp` writes it."""
    return timestamp(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Event:
    """`seq` counts from 1 within a run and goes on across `resume`; `token` events count, but are not kept.

    `data` holds what the type adds: agents' events `agent stage round`, stages' `stage
    visit`, tools' also `tool call_id`. `key` names the fact itself, so that a resumed run
    does not tell it twice; empty for facts that may repeat.
    """

    type: EventType
    seq: int
    ts: str
    workspace: str
    session_id: str
    run_id: str
    data: Mapping[str, object] = field(default_factory=dict)
    key: str = ""

    def as_dict(self) -> dict[str, object]:
        """The event as one flat JSON object, without `key`."""
        head = {name: getattr(self, name) for name in _HEAD}
        return {**head, **self.data}

    @classmethod
    def from_dict(cls, event: Mapping[str, Any]) -> Self:
        """The event that `as_dict` gave, without its key."""
        return cls(
            **{name: event[name] for name in _HEAD},
            data={name: value for name, value in event.items() if name not in _HEAD},
        )

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False, default=str)
