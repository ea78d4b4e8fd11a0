"""The seam between the rules of calling (retry, repair, fallback) and whoever answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agentctl.models.call import ModelReply, ModelRequest, OnToken

RETRYABLE = frozenset(
    {"model-timeout", "model-rate-limited", "model-server-error", "model-unreachable", "model-malformed"}
)


HINTS = {
    "model-timeout": "raise the model's `timeout_s`, or ask for less",
    "model-unreachable": "check the network and the model's `base_url`",
    "model-auth": "check the provider's key, and that it may use this model",
    "model-rate-limited": "wait, raise `retry.attempts` and `retry.backoff_s`, or name `fallbacks`",
    "model-server-error": "try again later, or name `fallbacks`",
    "model-truncated": "raise the model's `max_tokens`, or ask for a shorter answer",
    "model-filtered": "reword the prompt or the task, or name `fallbacks`",
    "model-refused": "reword the prompt or the task, or name `fallbacks`",
    "model-context-overflow": "shorten the prompt with `reads`, or use a model with a larger context",
    "model-bad-request": "check the model's name and settings",
    "model-no-tools": "use a model that can call tools, or take `tools` from the agent",
    "model-malformed": "check that `base_url` is an OpenAI-compatible server, or name `fallbacks`",
}


class Fault(Exception):
    """One attempt failed; `ModelFailed` is raised when no attempt is left.

    `reason` is shown to the user, so it holds no key. `hint` defaults to the code's.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        final: bool = False,
        hint: str = "",
        taken: tuple[int, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.code, self.reason, self.status, self.hint = code, reason, status, hint or HINTS.get(code, "")
        self.retry_after_s, self.taken = retry_after_s, taken
        self.usage: Mapping[str, int] = {}
        """Tokens of an answer that cannot be used; they are paid all the same."""
        self.retryable = code in RETRYABLE and not final


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt gave. `data` is set by those who need no parsing, `taken` by scripts: the entries used."""

    text: str
    finish_reason: str = "stop"
    data: dict[str, object] | None = None
    usage: dict[str, int] = field(default_factory=dict)
    tool_calls: list[dict[str, object]] = field(default_factory=list)
    taken: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing and asks for nothing."""
        return not self.text and not self.tool_calls


class Provider(Protocol):
    """Makes one attempt. Shared by all agents, runs and generations of the process."""

    name: str
    simulated: bool
    free: bool
    """Whether its words cost nothing."""

    def unsupported(self, media_type: str) -> str | None:
        """Why files of a media type are not taken, as a clause that says what is; None if they are."""

    async def ask(self, request: ModelRequest, on_token: OnToken | None) -> Answer:
        """Make one attempt; the caller bounds its time.

        Raises:
            Fault: the attempt failed.
        """

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """Learn that a journalled reply was used instead of a call."""

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run that has ended."""

    async def close(self) -> None:
        """Close connections."""
