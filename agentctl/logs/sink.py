"""Events as log lines: what `agentctl logs` tells of a run."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from agentctl.events.event import Event
from agentctl.logs.logger import AgentLogger
from agentctl.logs.record import Component, Level

_KEPT = ("stage", "round", "visit", "tool", "call_id", "status", "duration_s", "kind", "reason", "why", "to", "code")
"""Fields of an event that a log line repeats; the rest is in the table `run_events`."""
_SHORT = 500
"""Characters of a call's arguments, and of the reason why it failed."""
_GRAPH = ("stage.", "scores.")
_LEVEL_BY_TYPE: dict[str, Level] = {"agent.failed": "error", "warning": "warning", "limit.reached": "warning"}


class LogSink:
    """A sink that writes every event but tokens to its file.

    `agent.*`, `tool.*` and `approval.*` go to the agent's file, `stage.*` and `scores.*` to `graph.log`,
    the rest to `orchestrator.log`. `close` leaves the logger open: others use it too.
    """

    def __init__(self, logger: AgentLogger) -> None:
        self._logger = logger

    def on_event(self, event: Event) -> None:
        """Queue the line of one event."""
        if event.type == "token":
            return
        data = event.data
        agent = str(data.get("agent") or "")
        self._logger.log(
            event.workspace,
            _component(event.type, agent),
            _level(event.type, data),
            _sentence(event.type, data),
            agent=agent,
            event=event.type,
            session_id=event.session_id,
            run_id=event.run_id,
            seq=event.seq,
            **{name: data[name] for name in _KEPT if name in data},
        )

    def close(self) -> None:
        """Nothing: the logger's owner closes it."""


def _component(kind: str, agent: str) -> Component:
    if kind.startswith(_GRAPH):
        return "graph"
    if agent and kind not in ("warning", "limit.reached"):
        return "agent"
    return "orchestrator"


def _level(kind: str, data: Mapping[str, object]) -> Level:
    status = data.get("status")
    if kind == "run.finished" and status in ("failed", "limited", "cancelled"):
        return "error" if status == "failed" else "warning"
    if kind == "tool.returned" and status not in (None, "ok"):
        return "warning"
    return _LEVEL_BY_TYPE.get(kind, "info")


def _sentence(kind: str, data: Mapping[str, object]) -> str:
    """The event in words: what it is about, then what it says of it."""
    subject = data.get("tool") or data.get("agent") or data.get("stage") or "run"
    noun, _, verb = kind.rpartition(".")
    said = _SAID[kind](data) if kind in _SAID else data.get("message", "")
    if kind == "warning":
        return str(said)
    about = f"{noun} of {subject}" if noun == "approval" else subject
    return f"{about} {verb}: {said}" if said else f"{about} {verb}"


_SAID: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "agent.failed": lambda data: data["error"]["message"],
    "stage.exited": lambda data: f"{data['why']} → {data['to']}",
    "tool.called": lambda data: json.dumps(data["args"], ensure_ascii=False, default=str)[:_SHORT],
    "tool.returned": lambda data: f"{data['status']}: {data['text']}"[:_SHORT] if data["status"] != "ok" else "ok",
    "approval.requested": lambda data: data["why"],
    "run.finished": lambda data: data["error"]["message"] if data.get("error") else data["status"],
}
