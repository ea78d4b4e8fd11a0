"""How a run ended: the fields of `run.finished`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from agentctl.channels.shape import is_tool_entry
from agentctl.graph import Budget, Flow
from agentctl.store import RunRow
from agentctl.workspace.spec import LimitsSpec

Status = Literal["done", "failed", "waiting", "limited", "cancelled"]
EXIT_CODES: Mapping[str, int] = {"done": 0, "failed": 4, "limited": 6, "waiting": 7, "cancelled": 130}

HEAD = ("workspace", "session_id", "run_id")
UNAVAILABLE = frozenset({"service-unavailable", "key-missing", "store-unusable", "queue-full"})
"""Error codes of a run that ended because something else was away."""


@dataclass(frozen=True)
class RunResult:
    """The fields of `run.finished`, and which run it was.

    `rewards` is `{option: {agent: {metric: float}}}`, `stages` the visits in order, without
    `final`. `error` (`code message hint`) is None when the status is `done`. `exit_code` is
    the command's.
    """

    workspace: str
    session_id: str
    run_id: str
    status: Status
    output: str
    winner: str | None
    decision: Mapping[str, Any]
    rewards: Mapping[str, Any]
    stages: Sequence[str]
    usage: Mapping[str, Any]
    generation: str
    error: Mapping[str, str] | None = None

    @classmethod
    def of(cls, row: RunRow) -> "RunResult":
        """The result of a run that has ended, from the store."""
        said: dict[str, Any] = dict(row.result or {})
        return cls(row.workspace, row.session_id, row.run_id, **said)

    @classmethod
    def not_begun(cls, row: RunRow) -> "RunResult":
        """The result of a run that was stopped before it began; nothing is kept of it."""
        return cls(
            workspace=row.workspace,
            session_id=row.session_id,
            run_id=row.run_id,
            status="cancelled",
            output="",
            winner=None,
            decision={},
            rewards={},
            stages=[],
            usage=Budget(LimitsSpec()).usage(0),
            generation=row.generation,
            error={"code": "cancelled", "message": "the run was stopped before it began", "hint": "start it again"},
        )

    @property
    def exit_code(self) -> int:
        """As in the command line's contract."""
        if self.error and self.error["code"] in UNAVAILABLE:
            return 5
        return EXIT_CODES[self.status]

    def as_data(self) -> dict[str, Any]:
        """The data of the event `run.finished`; `error` only unless done."""
        data = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in HEAD}
        if self.error is None:
            del data["error"]
        return data


def outcome(values: Mapping[str, Any], flow: Flow) -> dict[str, Any]:
    """What the state says of a run so far.

    Args:
        values: the state after the last whole step; empty before the first.
        flow: tells which roles decide, and where they do so in turn.
    """
    control = values.get("_control") or {}
    decision = values.get("decision") or {}
    entries = values.get("history", [])[control.get("mark", 0) :]
    said = [entry["text"] for entry in entries if entry["text"] and not is_tool_entry(entry)]
    ran = control.get("ran", [])
    in_turn = bool(ran) and flow.stages[control["stage"]].sequential
    decided_last = any(role in flow.decides for role in (ran[-1:] if in_turn else ran))
    return {
        "output": decision.get("text", "") if decided_last else "\n\n".join(said),
        "winner": values.get("winner"),
        "decision": decision,
        "rewards": values.get("rewards", {}),
        "stages": control.get("path", []),
    }
