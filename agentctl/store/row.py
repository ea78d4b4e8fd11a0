"""What the tables hold, as values."""

from dataclasses import dataclass, field
from typing import Any, Literal

RunStatus = Literal["running", "done", "failed", "waiting", "limited", "cancelled"]
CallKind = Literal["model", "tool", "graph", "delta"]
ApprovalKind = Literal["call", "unknown", "graph", "question"]
"""A tool's call; one of which nobody knows what came: repeat it?; a graph's interrupt; what a tool's server asks."""
ApprovalStatus = Literal["pending", "approved", "denied", "expired", "void"]


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
    tools: list[str] = field(default_factory=list)
    """Optional tools that the turn enabled."""
    status: RunStatus = "running"
    created_at: str = ""
    """UTC ISO 8601; filled in by the store when empty."""
    updated_at: str = ""
    active_s: float = 0.0
    timeout_s: float | None = None
    result: dict[str, object] | None = None
    """The fields of `run.finished`."""
    seed: dict[str, Any] | None = None
    """What its session gave it: `turns`, the numbers of those it was told, and `summary`, up to which turn."""
    expired: bool = False
    """The journal is gone (`Store.prune`), so the run cannot be resumed."""
    reserved: int = 0
    """Up to here numbers may have gone to `token` events, which are not stored; 0 once the run has ended."""
    seq: int = 0
    """Number of the last event that is stored; read only."""
    lease: int = 0
    """Counts who has claimed the run; read only, as all that follows."""
    is_held: bool = False
    """Whether a process that lives is at work on it."""
    pid: int | None = None
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session, as the table `sessions` knows it."""

    session_id: str
    user_id: str
    workspace: str
    name: str | None = None
    """Unique among the user's sessions."""
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    created_at: str = ""
    updated_at: str = ""
    """When it was last used."""
    turns: int = 0
    """Number of its last turn, which counts those that were interrupted."""
    active_run: str | None = None
    """The run that is in it, or was when its process died."""
    parent_id: str | None = None
    parent_turn: int | None = None
    """Where it was forked from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """One turn of a session: what was asked, and what came of it."""

    session_id: str
    turn: int
    """From 1."""
    run_id: str | None
    """None where the run was in another project (an import)."""
    status: str
    """A run's; `killed` when nobody is left who could end it."""
    user: str
    attachments: list[dict[str, Any]] = field(default_factory=list)
    """`{name, media_type, path, size, digest}` each."""
    answer: str | None = None
    winner: str | None = None
    decision: dict[str, Any] | None = None
    stages: list[str] | None = None
    usage: dict[str, Any] | None = None
    generation: str | None = None
    threads: dict[str, list[str]] | None = None
    """Role to `[thread_id, checkpoint_id]`: where the memory of agents that keep their own stood at its end."""
    started_at: str = ""
    finished_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a person is asked in a run, and what was decided; it holds for one call with these arguments."""

    id: str
    run_id: str
    session_id: str
    user_id: str
    workspace: str
    agent: str
    stage: str
    round: int
    kind: ApprovalKind
    tool: str
    args: Any
    """JSON: the arguments; the value of an interrupt; `{message, schema, url}` of a question."""
    digest: str
    """Of tool and arguments."""
    schema: dict[str, Any] | None = None
    """JSON Schema of what somebody may say instead: the tool's arguments, or a question's form."""
    why: str
    """One sentence."""
    requested_at: str = ""
    expires_at: str = ""
    """UTC ISO 8601, both given by the store."""
    status: ApprovalStatus = "pending"
    """`expired` where nobody decided in time; `void` where nobody waits for it any more."""
    decided_at: str | None = None
    decided_by: str | None = None
    reason: str = ""
    edited: Any = None
    """JSON: the arguments to call it with instead, or the answer."""
    always: bool = False
    """Whether exactly this call needs no other approval in the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person says to an approval."""

    approve: bool
    reason: str = ""
    args: Any = None
    """JSON: edited arguments, or the answer."""
    always: bool = False
    """For exactly this call, in this session."""


@dataclass(frozen=True, slots=True)
class CallKey:
    """Which call of a run this is: the same again after a resume."""

    agent: str
    stage: str
    visit: int
    round: int
    ordinal: int = 0
    """Counts the calls of one execution of the agent."""
