"""What the tables hold, as values: runs, and the keys of journalled calls."""

from dataclasses import dataclass
from typing import Literal

RunStatus = Literal["running", "done", "failed", "waiting", "limited", "cancelled"]
CallKind = Literal["model", "tool", "graph", "delta"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run, as the table `runs` knows it."""

    run_id: str
    session_id: str
    user_id: str
    workspace: str
    generation: str
    """12 hex digits: the artifacts that the run keeps to its end."""
    task: str
    model: str | None = None
    """What `--model` said; a resume keeps it."""
    status: RunStatus = "running"
    created_at: str = ""
    """UTC ISO 8601; filled in by the store when empty."""
    updated_at: str = ""
    pid: int | None = None
    pid_started: str | None = None
    """With `pid` the process that holds the run; see `this_process`."""
    active_s: float = 0.0
    timeout_s: float | None = None
    result: dict[str, object] | None = None
    """The fields of `run.finished`."""
    expired: bool = False
    """The journal is gone (`Store.prune`), so the run cannot be resumed."""
    reserved: int = 0
    """Up to here numbers may have gone to `token` events, which are not stored; 0 once the run has ended."""
    seq: int = 0
    """Number of the last event that is stored; read only."""


@dataclass(frozen=True, slots=True)
class CallKey:
    """Which call of a run this is: the same again after a resume."""

    agent: str
    stage: str
    visit: int
    round: int
    ordinal: int = 0
    """Counts the calls of one execution of the agent."""
