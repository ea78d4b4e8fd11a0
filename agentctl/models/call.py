"""One call of a model: what is asked, what comes back, and who answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol, Self

from agentctl.models.message import Message, text_of

OnToken = Callable[[str], None]
"""Shown each piece of text as it arrives; called on the loop, must not block."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A model and its settings, as `model:` declares them; equal configurations share one client."""

    name: str
    base_url: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    timeout_s: float = 60
    max_retries: int = 2
    fallbacks: tuple["ModelConfig", ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """All attempts of one model call, and the wait before the second, which doubles with each."""

    attempts: int = 3
    backoff_s: float = 0.5


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What an agent asks.

    `schema` is the JSON Schema of the structured answer, or None for plain text.
    `tools` are what it may ask for, `{name, description, parameters}` each, the last a JSON Schema.
    `ordinal` counts the model calls of this execution of the agent, from 0.
    """

    agent: str
    stage: str
    round: int
    visit: int
    run_id: str
    messages: Sequence[Message]
    schema: Mapping[str, object] | None = None
    tools: Sequence[Mapping[str, object]] = ()
    ordinal: int = 0

    @property
    def prompt(self) -> str:
        """The texts of all messages, in order."""
        return "\n".join(text_of(message["content"]) for message in self.messages)


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a model answered, after retries, repair and fallbacks.

    `data` is the structured answer where one was asked. `tool_calls`, `{id, name, args}` each, are asked
    for before there is an answer; `args` is text where the model wrote no JSON object. `usage` is summed over a repair;
    `cost_usd` is None where no price is known. `meta` is JSON.
    """

    text: str
    data: dict[str, object] | None = None
    usage: dict[str, int] = field(default_factory=lambda: {"input_tokens": 0, "output_tokens": 0})
    cost_usd: float | None = None
    model: str = ""
    simulated: bool = False
    finish_reason: str = "stop"
    attempts: int = 1
    tool_calls: list[dict[str, object]] = field(default_factory=list)
    meta: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The reply as the journal keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, object]) -> Self:
        """The reply that `to_json` gave."""
        return cls(**row)  # type: ignore[arg-type]  # the journal holds what to_json wrote


class ModelClient(Protocol):
    """Answers requests; keeps nothing of a run but what `replayed` says, so one serves many runs."""

    @property
    def name(self) -> str:
        """The model in charge, `provider:name`."""

    @property
    def simulated(self) -> bool:
        """Whether its words are made up without a model."""

    def unsupported(self, media_type: str) -> str | None:
        """Why the model in charge does not take files of a media type, as a clause; None if it does."""

    async def generate(self, request: ModelRequest, on_token: OnToken | None = None) -> ModelReply:
        """Ask until there is an answer or nothing is left to try.

        `on_token` is a preview: of a call that is tried again after it has shown text,
        only the first try is shown. Without it nothing is streamed, which is cheaper.

        Raises:
            ModelFailed: after all attempts, the repair and the fallbacks.
        """

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """Learn that a journalled reply was used instead of a call."""

    async def close(self) -> None:
        """Nothing to do: connections belong to `Models`."""
