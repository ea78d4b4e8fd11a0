"""What may stand in `tests/*.yaml`: a task, who answers in it, and what is to come of it."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from agentctl.workspace.replies import ScriptedReply
from agentctl.workspace.spec import Spec


class StubSpec(Spec):
    """What a tool gives in a test. Exactly one key."""

    returns: JsonValue = None
    """Text, or any JSON."""
    fails: str | None = None
    """The tool fails, and says this."""

    @model_validator(mode="after")
    def _check_one_key(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("exactly_one", "must have exactly one key", {"keys": ["returns", "fails"]})
        return self


class ExpectSpec(Spec):
    """What is to come of the run; what is left out may be anything."""

    status: Literal["done", "failed", "limited"] = "done"
    path: list[str] | None = None
    """The stages, in the order in which they are entered."""
    winner: str | None = None
    decision: dict[str, JsonValue] = Field({})
    """Keys of the decision and their values; it may have others."""
    output: Annotated[
        list[str],
        BeforeValidator(
            lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]
        ),
    ] = Field([])
    """Text that is in the answer, each of a list; `*` stands for anything."""
    tools: list[str] | None = None
    """The tools that agents ask for, in order; `name denied` is one that came to that (`ok error denied unknown`)."""


class TrialSpec(Spec):
    """One test of a workspace, `tests/<name>.yaml`. It answers with `replies` or with a `cassette`."""

    description: str = ""
    task: str = Field(min_length=1)
    """What the run is told."""
    replies: list[ScriptedReply] | None = None
    """What models say, as in a file for `scripted:FILE`."""
    cassette: str | None = None
    """A recording to play, relative to the workspace; `agentctl run … --record FILE` makes one."""
    approvals: Literal["approve", "deny"] = "approve"
    """What becomes of calls that ask (with `replies`)."""
    enable: list[str] = Field([])
    """Optional tools to switch on, as `--with` does."""
    tools: dict[
        str,
        Annotated[
            list[StubSpec],
            BeforeValidator(
                lambda value: [value] if isinstance(value, dict) else value,
                json_schema_input_type=StubSpec | list[StubSpec],
            ),
        ],
    ] = Field({})
    """Tool to what it gives, or to a list of that, one for each call and the last one for ever (with `replies`)."""
    expect: ExpectSpec = ExpectSpec()

    @model_validator(mode="after")
    def _check_answers(self) -> Self:
        if (self.replies is None) == (self.cassette is None):
            raise PydanticCustomError("exactly_one", "must have exactly one key", {"keys": ["replies", "cassette"]})
        return self
