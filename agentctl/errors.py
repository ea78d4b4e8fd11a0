"""Every error that agentctl raises on purpose.

    AgentctlError
    ├── UsageError               the call was wrong; the user types it again     exit 2
    │   ├── RunNotFound
    │   ├── RunHeld              the run is alive in another process
    │   └── NotSupportedYet
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
    │   └── ModelFailed          provider, status and attempt count
    ├── ServiceUnavailable       a service, key, database or queue is away       exit 5
    │   ├── KeyMissing
    │   ├── StoreUnusable
    │   └── QueueFull
    └── LimitReached             a limit of the workspace or of the call         exit 6

Anything else that reaches the user is a bug in agentctl (exit 1). A cancelled run is
not an error: `asyncio.CancelledError` passes through untouched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar, Literal


class AgentctlError(Exception):
    """Base of them all: one sentence of what happened, and one hint of what to do.

    `code` is the stable word that `run.finished` carries as `error.code`.
    """

    exit_code: ClassVar[int] = 1
    code: str = "bug"

    def __init__(self, what: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        if code:
            self.code = code


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in one file of a workspace.

    `path` is relative to the project root; `line` and `col` count from 1 in the user's
    own file. `code` reads `E101 unknown-key`; each has its section in `docs/errors.md`.
    """

    path: str
    line: int
    col: int
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.col}: {self.code}: {self.message}"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """`, did you mean 'x'?` for the nearest of `known`, or an empty string."""
    near = get_close_matches(name, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


class UsageError(AgentctlError):
    """The call itself was wrong."""

    exit_code = 2
    code = "usage"


class RunNotFound(UsageError):
    """No run of that id in this project."""

    code = "run-not-found"

    def __init__(self, run_id: str, known: Sequence[str] = ()) -> None:
        super().__init__(
            f"no run {run_id!r} in this project{did_you_mean(run_id, known)}", hint="see what ran with `agentctl runs`"
        )


class RunHeld(UsageError):
    """The run is still alive, in this process or another."""

    code = "run-held"

    def __init__(self, run_id: str, pid: int) -> None:
        super().__init__(f"run {run_id} is still running in process {pid}", hint="wait for it, or stop that process")


class NotSupportedYet(UsageError):
    """A documented feature that this version does not have."""

    code = "not-supported-yet"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not supported yet", hint="this version runs without it; see docs/index.md")


class WorkspaceError(AgentctlError):
    """A file of a workspace is wrong; the user edits it."""

    exit_code = 3
    code = "workspace"


class WorkspaceNotFound(WorkspaceError):
    """No folder of that name has a `workspace.yaml`."""

    code = "workspace-not-found"

    def __init__(self, name: str, known: Sequence[str], *, hint: str = "") -> None:
        super().__init__(
            f"no workspace {name!r} under workspaces/{did_you_mean(name, known)}",
            hint=hint or f"create workspaces/{name}/workspace.yaml, or see what exists with `agentctl list`",
        )
        self.name = name


class WorkspaceInvalid(WorkspaceError):
    """The files do not make a workspace; `problems` holds every fault, in file order."""

    code = "workspace-invalid"

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(
            f"workspace {name!r} has {count} problem{'s' if count != 1 else ''}",
            hint="see every key with `agentctl schema`, and each code in docs/errors.md",
        )
        self.problems = list(problems)


class GenerationMissing(WorkspaceError):
    """The artifacts that a run started with cannot be loaded, so it cannot go on."""

    code = "generation-missing"

    def __init__(self, generation: str, reason: str) -> None:
        super().__init__(
            f"generation {generation} cannot be loaded: {reason}",
            hint="a run continues only on the artifacts it started with; start a new run",
        )


class RunError(AgentctlError):
    """The files are fine; this run failed."""

    exit_code = 4
    code = "run-failed"


class AgentFailed(RunError):
    """An agent raised, timed out or returned what it may not."""

    code = "agent-failed"

    def __init__(self, agent: str, reason: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(f"agent {agent!r} failed: {reason}", hint=hint, code=code)
        self.agent = agent


class ChannelWriteDenied(RunError):
    """An agent's delta names a channel that its agent may not write; nothing of it was merged."""

    code = "channel-write-denied"

    def __init__(self, agent: str, channel: str, writers: str) -> None:
        super().__init__(
            f"agent {agent!r} may not write channel {channel!r} (it is written by {writers})",
            hint="change the agent's `capability`, or name it in the channel's `writers`",
        )
        self.agent, self.channel, self.writers = agent, channel, writers


class ChannelValueInvalid(RunError):
    """An agent wrote a value that its channel cannot merge; nothing of it was merged."""

    code = "channel-value-invalid"

    def __init__(self, agent: str, channel: str, expected: str, got: object) -> None:
        shown = repr(got)
        shown = shown if len(shown) <= 80 else f"{shown[:80]}…"
        super().__init__(
            f"agent {agent!r} wrote {shown} to channel {channel!r}, which takes {expected}",
            hint="change what the agent returns, its `output:`, or the channel's `type`",
        )
        self.agent, self.channel = agent, channel


class ExpressionFailed(RunError):
    """An expression could not be evaluated on the values of this run."""

    code = "expression-failed"

    def __init__(self, expression: str, offset: int, reason: str, values: Mapping[str, object]) -> None:
        read = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        given = f" (with {read})" if read else ""
        super().__init__(
            f"expression `{expression}` failed at character {offset + 1}: {reason}{given}",
            hint="test for a missing value first, as in `x is not None and x > 1`; see docs/expressions.md",
        )
        self.expression, self.offset, self.values = expression, offset, dict(values)


class JournalMismatch(RunError):
    """A resumed agent made another call than the one that its journal holds."""

    code = "journal-mismatch"

    def __init__(self, agent: str, ordinal: int, name: str) -> None:
        super().__init__(
            f"agent {agent!r} made another call {ordinal} ({name}) than before the interruption",
            hint="agents must be deterministic between calls to be resumed; start a new run",
        )


class UnknownOutcome(RunError):
    """A tool was called before the run was interrupted, and nobody knows what came of it."""

    code = "unknown-outcome"

    def __init__(self, agent: str, tool: str) -> None:
        super().__init__(
            f"agent {agent!r} had called {tool!r} when the run was interrupted, with an unknown outcome",
            hint="look at what it did, then start a new run",
        )
        self.agent, self.tool = agent, tool


class ModelFailed(RunError):
    """A model gave no usable answer, after all attempts.

    Codes: `model-timeout`, `model-rate-limited`, `model-server-error`, `model-refused`,
    `model-filtered`, `model-truncated`, `model-context-overflow`, `model-malformed`,
    `model-auth`, `model-unreachable`, `model-bad-request`, `model-no-reply` (a script has none left).
    """

    code = "model-failed"

    def __init__(
        self, model: str, reason: str, *, code: str, status: int | None = None, attempts: int = 1, hint: str = ""
    ) -> None:
        what = f"model {model!r} failed: {reason}"
        if status is not None:
            what += f" (status {status})"
        super().__init__(f"{what} after {attempts} attempt{'s' if attempts != 1 else ''}", hint=hint, code=code)
        self.model, self.status, self.attempts = model, status, attempts
        self.meta: dict[str, object] = {}
        """What a resume must know of it, as JSON."""


class ServiceUnavailable(AgentctlError):
    """A service, key, database or queue is not usable now."""

    exit_code = 5
    code = "service-unavailable"


class KeyMissing(ServiceUnavailable):
    """The model's provider needs a key that is in neither the environment nor `.env`."""

    code = "key-missing"

    def __init__(self, model: str, variable: str) -> None:
        super().__init__(
            f"model {model!r} needs {variable}, which is not set",
            hint=f"export {variable}=…, put it into .env, or try `--model offline`",
        )


class StoreUnusable(ServiceUnavailable):
    """The state database cannot be opened or written; it was left as it is."""

    code = "store-unusable"


class QueueFull(ServiceUnavailable):
    """As many runs wait as may; this one was not taken."""

    code = "queue-full"

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} runs are waiting already", hint="try again later, or raise AGENTCTL_MAX_RUNS")


class LimitReached(AgentctlError):
    """A limit stopped the run; what it had so far is kept."""

    exit_code = 6
    code = "limit-reached"

    def __init__(self, limit: str, allowed: float) -> None:
        super().__init__(
            f"{limit} reached its limit of {allowed:g}",
            hint=f"raise `limits.{limit}` in workspace.yaml, and start a new run: this one keeps its files",
        )
        self.limit, self.allowed = limit, allowed
