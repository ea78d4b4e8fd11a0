"""Scripted replies: what a test, or a file for `scripted:FILE`, says in the place of a model."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from agentctl.workspace.spec import Spec

EVER = 1 << 62


class ScriptedUsage(Spec):
    """Tokens that the reply is said to have used."""

    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)


class ScriptedCall(Spec):
    """A tool call of the reply."""

    name: str
    args: dict[str, JsonValue] = Field({})


def _error_word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ScriptedReply(Spec):
    """One reply; it is taken when all of `agent stage round contains` that are given match."""

    model_config = ConfigDict(allow_inf_nan=True)  # models say such things

    agent: str | None = None
    stage: str | None = None
    round: int | None = None
    contains: str | None = None
    """A part of the prompt."""
    text: str | None = None
    """What is said; or, where a structured answer is asked, that answer as JSON."""
    scores: dict[str, float | dict[str, float]] | None = None
    options: list[dict[str, JsonValue]] | None = None
    decision: dict[str, JsonValue] | None = None
    """Fills the fields of the agent's `output` that it names, unless one is called `decision` itself."""
    tool_calls: list[ScriptedCall] = Field([])
    """What it asks for; then `text` is what it says beside that, and no answer yet."""
    delay_s: float = Field(0, ge=0)
    usage: ScriptedUsage = ScriptedUsage()
    error: Annotated[Literal["timeout", "429", "500", "malformed", "filtered"] | None, BeforeValidator(_error_word)] = (
        None
    )
    repeat: bool | int = False
    """`true`: as often as it matches; a number: that often."""

    @property
    def times(self) -> int:
        """How often it may be used in one run."""
        if isinstance(self.repeat, bool):
            return EVER if self.repeat else 1
        return self.repeat

    @property
    def tokens(self) -> dict[str, int]:
        """Its usage as a reply carries it."""
        return self.usage.model_dump()

    @property
    def fields(self) -> dict[str, object]:
        """The structured fields that it gives, `text` apart."""
        named: dict[str, object] = {"scores": self.scores, "options": self.options, "decision": self.decision}
        return {name: value for name, value in named.items() if value is not None}

    def fields_of(self, schema: Mapping[str, object]) -> dict[str, object]:
        """Its fields under the names that the schema has for them."""
        fields, properties = self.fields, schema.get("properties")
        if self.decision is not None and not (isinstance(properties, Mapping) and "decision" in properties):
            del fields["decision"]
            fields = {**self.decision, **fields}
        return fields

    @property
    def said(self) -> dict[str, object]:
        """Its text as the field that it is."""
        return {"text": self.text} if self.text is not None else {}

    def matches(self, agent: str, stage: str, round_: int, prompt: str) -> bool:
        """Whether it is meant for this request."""
        return (
            self.agent in (None, agent)
            and self.stage in (None, stage)
            and self.round in (None, round_)
            and (self.contains is None or self.contains in prompt)
        )
