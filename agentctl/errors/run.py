"""The files are fine, this run failed, or reached a limit. Exit 4, or 6."""

from collections.abc import Mapping

from agentctl.errors.base import AgentctlError


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


class ToolFailed(RunError):
    """A tool did not do what a python or tool agent asked; `status` is `error`, `denied` or `unknown`."""

    code = "tool-failed"

    def __init__(self, tool: str, status: str, reason: str) -> None:
        super().__init__(
            f"tool {tool!r}: {reason}", hint="catch `agentctl.errors.ToolFailed` if the agent can go on without"
        )
        self.tool, self.status = tool, status


class ModelFailed(RunError):
    """A model gave no usable answer, after all attempts.

    Codes: `model-timeout`, `model-rate-limited`, `model-server-error`, `model-refused`,
    `model-filtered`, `model-truncated`, `model-context-overflow`, `model-malformed`,
    `model-auth`, `model-unreachable`, `model-bad-request`, `model-no-tools` (it cannot call any),
    `model-no-reply` (a script has none left).
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


class ReplayMiss(RunError):
    """A run that plays a recording made a call that was not recorded; the message shows the nearest that was."""

    code = "replay-miss"

    def __init__(self, call: str, nearest: str) -> None:
        super().__init__(
            f"{call} was not recorded: {nearest}",
            hint="record it again with `agentctl run … --record FILE`, or undo the edit that changed it",
        )


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
