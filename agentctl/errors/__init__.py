"""Every error that agentctl raises on purpose.

    AgentctlError
    ├── UsageError               the call was wrong; the user types it again     exit 2
    │   ├── RunNotFound
    │   ├── RunHeld              the run is alive in another process
    │   ├── ApprovalNotFound
    │   ├── SessionNotFound
    │   ├── NameTaken
    │   ├── FetchRefused         a URL may not be fetched
    │   └── NotPortable          what a graph remembers cannot be written as JSON
    ├── WorkspaceError           a file is wrong; the user edits it              exit 3
    │   ├── WorkspaceNotFound
    │   ├── WorkspaceInvalid     carries one Problem per fault, with its line
    │   └── GenerationMissing    the artifacts a run started with are gone
    ├── RunError                 the files are fine, this run failed             exit 4
    │   ├── AgentFailed          code of its own for each cause (agent-timeout, …)
    │   ├── ChannelValueInvalid
    │   ├── ChannelWriteDenied
    │   ├── ExpressionFailed
    │   ├── JournalMismatch
    │   ├── UnknownOutcome
    │   ├── ToolFailed
    │   ├── ReplayMiss           a recording has no such call
    │   └── ModelFailed          provider, status and attempt count
    ├── ServiceUnavailable       a service, key, database or queue is away       exit 5
    │   ├── KeyMissing
    │   ├── StoreUnusable
    │   │   └── LeaseLost        the run was taken over while this process stood still
    │   ├── SessionBusy          one run at a time in a session
    │   ├── RateLimited          a session asks too often
    │   ├── TooManyRuns          a user has as many runs under way as may be
    │   ├── FetchFailed          a URL gave nothing that can be used
    │   └── QueueFull
    └── LimitReached             a limit of the workspace or of the call         exit 6

Anything else that reaches the user is a bug in agentctl (exit 1). A cancelled run is
not an error: `asyncio.CancelledError` passes through untouched.
"""

from agentctl.errors.base import AgentctlError, Problem, did_you_mean
from agentctl.errors.run import (
    AgentFailed,
    ChannelValueInvalid,
    ChannelWriteDenied,
    ExpressionFailed,
    JournalMismatch,
    LimitReached,
    ModelFailed,
    ReplayMiss,
    RunError,
    ToolFailed,
    UnknownOutcome,
)
from agentctl.errors.service import (
    FetchFailed,
    KeyMissing,
    LeaseLost,
    QueueFull,
    RateLimited,
    ServiceUnavailable,
    SessionBusy,
    StoreUnusable,
    TooManyRuns,
)
from agentctl.errors.usage import (
    ApprovalNotFound,
    FetchRefused,
    NameTaken,
    NotPortable,
    RunHeld,
    RunNotFound,
    SessionNotFound,
    UsageError,
)
from agentctl.errors.workspace import GenerationMissing, WorkspaceError, WorkspaceInvalid, WorkspaceNotFound

__all__ = [
    "AgentFailed",
    "AgentctlError",
    "ApprovalNotFound",
    "ChannelValueInvalid",
    "ChannelWriteDenied",
    "ExpressionFailed",
    "FetchFailed",
    "FetchRefused",
    "GenerationMissing",
    "JournalMismatch",
    "KeyMissing",
    "LeaseLost",
    "LimitReached",
    "ModelFailed",
    "NameTaken",
    "NotPortable",
    "Problem",
    "QueueFull",
    "RateLimited",
    "ReplayMiss",
    "RunError",
    "RunHeld",
    "RunNotFound",
    "ServiceUnavailable",
    "SessionBusy",
    "SessionNotFound",
    "StoreUnusable",
    "TooManyRuns",
    "ToolFailed",
    "UnknownOutcome",
    "UsageError",
    "WorkspaceError",
    "WorkspaceInvalid",
    "WorkspaceNotFound",
    "did_you_mean",
]
