"""What may stand in `workspace.yaml` and `agents/*.yaml`.

Field docstrings become the JSON Schema (`agentctl schema`) and `docs/workspace-files.md`.
A short form (`exit: once`) is turned into its full form before validation, so that every
reader of a spec sees one shape.
"""

from posixpath import normpath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from agentctl.channels.policy import Capability

Expression = str
"""Python-like, side-effect free; see docs/expressions.md."""


class Spec(BaseModel):
    """Base of every declared thing: strict, immutable, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        defer_build=True,  # a part is built within its whole, not once more by itself: half the time
    )


class OneKeySpec(Spec):
    """Base of what takes exactly one of its keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _check_one_key(self) -> Self:
        keys = list(type(self).model_fields)
        if sum(getattr(self, key) is not None for key in keys) != 1:
            raise PydanticCustomError("exactly_one", "must have exactly one key", {"keys": keys})
        return self


def short(key: str, full: Any) -> BeforeValidator:
    """Let a plain string stand for `{key: string}`; `full` is what editors are told of the other form."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value, json_schema_input_type=str | full
    )


class ModelSpec(Spec):
    """A model: `provider:name`, or the same with settings."""

    name: str
    """`provider:name`, `auto`, `offline`, `scripted:FILE` or `python:module:Name`."""
    base_url: str | None = None
    """Address of an OpenAI-compatible server."""
    temperature: float | None = Field(None, ge=0, le=2)
    """Sampling temperature, 0 to 2; default: the provider's."""
    max_tokens: int | None = Field(None, ge=1)
    """Longest answer, in tokens."""
    timeout_s: float = Field(60, gt=0)
    """Time for one attempt, in seconds."""
    max_retries: int = Field(2, ge=0, le=10)
    """Attempts after the first, where an agent's `retry` does not say otherwise."""
    fallbacks: list[Annotated["ModelSpec", short("name", dict[str, Any])]] = []
    """Models to try in order when this one has failed."""


class RetrySpec(Spec):
    """How often one model call is tried."""

    attempts: int = Field(3, ge=1, le=11)
    """All attempts of one model call, the first included."""
    backoff_s: float = Field(0.5, ge=0)
    """Wait before the second attempt, in seconds; doubles with each, with jitter."""


class AgentExitSpec(OneKeySpec):
    """When an agent has done its part in a visit. Exactly one key."""

    rule: Literal["once_per_stage", "once"] | None = None
    """`once_per_stage`: one execution a visit; `once`: one a run."""
    max_runs: int | None = Field(None, ge=1)
    """Executions a visit."""
    until: Expression | None = None
    """Tested after each execution."""


class StageExitSpec(OneKeySpec):
    """When a stage is left, tested after each round. Exactly one key."""

    rule: Literal["all_agents", "any_agent"] | None = None
    """`all_agents`: all have exited; `any_agent`: at least one has."""
    quorum: int | None = Field(None, ge=1)
    """This many have finished without failing."""
    when: Expression | None = None
    """The expression is true."""


class RouteSpec(Spec):
    """A way out of a stage, taken if `when` is true; the last of several has no `when`."""

    when: Expression | None = None
    to: str
    """A stage, or `final`."""


class OnErrorSpec(OneKeySpec):
    """What an agent's failure means for the run. Exactly one key."""

    action: Literal["fail", "skip"] | None = None
    """`fail` ends the run at the round's end; `skip` goes on without this agent."""
    fallback: str | None = None
    """The role that runs instead, with its own writes."""


class OutputFieldSpec(Spec):
    """One field of an agent's structured output."""

    type: str
    """A JSON type (`string number integer boolean array object`) or a `schemas/*.json` file."""
    to: str = "history"
    """The channel that it goes to; in `history` it is kept in the entry's `data`."""
    description: str = ""
    """Told to the model."""


class RecordSpec(Spec):
    """What is recorded of an agent's output."""

    name: str
    """`proposal`, `critique`, `decision` or a `schemas/*.json` file."""
    otherwise: Literal["fail", "raw"] = "fail"
    """What becomes of an output that does not fit: `fail` the agent, or keep all of it as kind `raw`."""


class AgentMemorySpec(Spec):
    """What an agent recalls and what is recorded of it."""

    recall: list[Literal["semantic", "episodic", "procedural"]] = []
    """What `memories` holds for it; `semantic` and `procedural` hold nothing yet."""
    record: Annotated[RecordSpec, short("name", RecordSpec)] | None = None
    """`proposal`, `critique`, `decision`, a `schemas/*.json` file, or `{name: …, otherwise: raw}`; over the stage's."""


class ToolCallSpec(Spec):
    """One call of a `tool` agent."""

    tool: str
    """Name of one tool; the agent need not list it under `tools`."""
    args: dict[str, Any] = {}
    """Templated values; a template that is one `{{ … }}` keeps its type."""
    when: Expression | None = None
    """Made only if it is true."""


class VetoSpec(Spec):
    """Strikes an option that any agent scores above `above` for `metric`."""

    metric: str
    above: float = Field(ge=0, le=1)


class AgentSpec(Spec):
    """One role: `agents/<role>.yaml`, or an entry of `agents:` in workspace.yaml."""

    description: str = ""
    """What the agent is for."""
    kind: Literal["skill", "python", "tool", "decision"] = "skill"
    """`skill`: prompt and model; `python`: your function; `tool`: only calls; `decision`: a rule over scores."""
    model: Annotated[ModelSpec, short("name", ModelSpec)] | None = None
    """Over the workspace's model."""
    prompt: str | None = None
    """One line ending in .md, .txt or .j2 is a path; anything else is the text."""
    entry: str | None = None
    """`module:name`, relative to the workspace (kind python)."""
    capability: Capability | None = None
    """What it may write; default by kind: decision is a synthesizer, tool an actor, others a reasoner."""
    reads: list[str] | None = None
    """Channels that it is shown; default: every channel."""
    scores: list[str] = []
    """Metrics that it gives, each 0 to 1 per option."""
    output: dict[str, OutputFieldSpec] = {}
    """Structured output: field, its type, and the channel that it goes to; default is `text`, to `history`."""
    tools: list[str] = []
    """Names or globs of tools; none unless listed."""
    calls: list[ToolCallSpec] = []
    """The calls of a `tool` agent, made one after the other."""
    rule: Literal["weighted", "majority", "borda"] | None = None
    """How a `decision` agent decides; default weighted."""
    veto: VetoSpec | None = None
    """Strikes options (kind decision)."""
    quorum: int | None = Field(None, ge=1)
    """Scoring agents needed for a winner (kind decision)."""
    memory: AgentMemorySpec = AgentMemorySpec()
    exit: Annotated[AgentExitSpec, short("rule", AgentExitSpec)] = AgentExitSpec(rule="once_per_stage")
    """`once_per_stage`, `once`, `{max_runs: n}` or `{until: expression}`."""
    retry: RetrySpec | None = None
    """Default: 3 attempts, 0.5 s backoff."""
    timeout_s: float = Field(300, gt=0)
    """Time for one execution, in seconds; waiting for an approval does not count."""
    on_error: Annotated[OnErrorSpec, short("action", OnErrorSpec)] = OnErrorSpec(action="fail")
    """`fail`, `skip` or `{fallback: other_role}`."""

    @property
    def prompt_path(self) -> str | None:
        """The artifact that `prompt` names, if it is a path."""
        line = (self.prompt or "").strip()
        return normpath(line) if "\n" not in line and line.endswith((".md", ".txt", ".j2")) else None

    @property
    def may(self) -> Capability:
        """The capability that counts: the declared one, else its kind's."""
        by_kind: dict[str, Capability] = {"decision": "synthesizer", "tool": "actor"}
        return self.capability or by_kind.get(self.kind, "reasoner")


class StageSpec(Spec):
    """A named set of agents with an exit rule and routes out."""

    description: str = ""
    agents: list[str] = Field(min_length=1)
    """Roles; in parallel unless `order: sequential`."""
    order: Literal["parallel", "sequential"] = "parallel"
    """`sequential` runs them in turn, each seeing the last."""
    exit: Annotated[StageExitSpec, short("rule", StageExitSpec)] = StageExitSpec(rule="all_agents")
    """`all_agents`, `any_agent`, `{quorum: n}` or `{when: expression}`."""
    max_rounds: int = Field(10, ge=1)
    """Rounds a visit; then the stage is left with a warning."""
    weights: dict[str, float | Expression] = {}
    """Metric to weight, a number or an expression; a metric without a weight counts 0."""
    record: Annotated[RecordSpec, short("name", RecordSpec)] | None = None
    """The episodic schema of its agents, unless they name one; without either, nothing is recorded."""
    next: Annotated[
        list[RouteSpec],
        BeforeValidator(
            lambda value: [{"to": value}] if isinstance(value, str) else value,
            json_schema_input_type=str | list[RouteSpec],
        ),
    ] = []
    """A stage, `final`, or routes with conditions; default: the following stage, the last one's `final`."""


class ChannelSpec(Spec):
    """A declared channel: how parallel writes merge, and who may write."""

    type: Literal["last", "topic", "sum", "max", "min", "union", "merge"]
    writers: list[str] = Field(min_length=1)
    """Roles."""


class LimitsSpec(Spec):
    """What stops a run, with what it has so far and status `limited`."""

    max_steps: int | None = Field(None, ge=1)
    """Passes of agents; 1,000 if not given."""
    timeout_s: float | None = Field(None, gt=0)
    """Active time of the run, in seconds."""
    max_tokens: int | None = Field(None, ge=1)
    max_cost_usd: float | None = Field(None, gt=0)
    max_tool_calls: int | None = Field(None, ge=0)


class ToolSpec(Spec):
    """How one tool, or those that a glob names, are called; each key by itself goes to the most specific name."""

    timeout_s: float | None = Field(None, gt=0)
    """Time for one attempt, in seconds; default: that of `tools`."""
    retries: int | None = Field(None, ge=0, le=10)
    """Attempts after the first if a server is away or time runs out; read-only and idempotent tools only. Default 1."""
    max_result_bytes: int | None = Field(None, ge=1)
    """What is longer is cut, and larger files are dropped, with a note; default 1 MiB."""
    max_calls: int | None = Field(None, ge=0)
    """Calls a run."""
    optional: bool | None = None
    """Off until a turn asks for it."""
    trust_hints: bool | None = None
    """Believe what a tool says of itself (read-only, destructive, idempotent); default: of the workspace's own only."""


class ToolsSpec(Spec):
    """Rules for tools. Names may be globs: the name itself counts most, then the longest glob."""

    approve: dict[str, Literal["never", "always", "destructive"]] = {}
    """Name or glob to when a call is asked for; default `destructive`: if a tool is not known to change nothing."""
    timeout_s: float = Field(30, gt=0)
    """Time for one attempt of a call, in seconds."""
    expires_s: float = Field(86400, gt=0)
    """Time to decide an approval, in seconds; then it is denied."""
    each: dict[str, ToolSpec] = {}
    """Name or glob to settings."""
    servers: str = "mcp.json"
    """File of external MCP servers."""


class RecallSpec(Spec):
    """How many memories are shown to an agent."""

    max: int = Field(5, ge=0)
    """The newest so many."""
    max_tokens: int = Field(400, ge=0)
    """Of these, at four characters each; one that does not fit is left out."""


class EpisodicSpec(Spec):
    """How long what agents produced is kept."""

    ttl_s: float = Field(604800, gt=0)
    """Time to live of a record, in seconds."""
    clear: Literal["never", "run", "session"] = "never"
    """What ends a record before that: nothing but people, its run that is done, or also its session that expires."""


class TurnsSpec(Spec):
    """How much of its conversation a run is told; a summary tells the rest."""

    max: int = Field(10, ge=0)
    """The last so many turns."""
    max_tokens: int = Field(20000, ge=0)
    """Of these turns, at four characters each; the last turn is always told whole."""


class MemorySpec(Spec):
    """What is remembered, for whom, and for how long."""

    turns: TurnsSpec = TurnsSpec()
    semantic: Literal["user", "workspace", "session", "off"] = "user"
    recall: RecallSpec = RecallSpec()
    episodic: EpisodicSpec = EpisodicSpec()
    model: Annotated[ModelSpec, short("name", ModelSpec)] | None = None
    """Serves extraction and summaries, never agents."""


class ReloadSpec(Spec):
    """How a live process takes an edit."""

    mode: Literal["next-turn", "pin", "manual"] = "next-turn"
    require_tests: bool = False
    """Take a new generation only when the workspace's own tests pass on it."""


class WorkspaceSpec(Spec):
    """`workspace.yaml`."""

    # pydantic's literals take what equals 1, such as `true`.
    version: Annotated[Literal[1], BeforeValidator(lambda value: value if type(value) is int else str(value))]
    """Always 1."""
    description: str = ""
    model: Annotated[ModelSpec, short("name", ModelSpec)] = ModelSpec(name="auto")
    """Model of every agent that names none."""
    start: str | None = None
    """Where a run starts; default: the first stage."""
    stages: dict[str, StageSpec] = Field(min_length=1)
    """In order."""
    agents: dict[str, AgentSpec] = {}
    """Inline agents, role to the same keys as a file."""
    channels: dict[str, ChannelSpec] = {}
    """Declared channels."""
    limits: LimitsSpec = LimitsSpec()
    tools: ToolsSpec = ToolsSpec()
    memory: MemorySpec = MemorySpec()
    reload: Annotated[ReloadSpec, short("mode", ReloadSpec)] = ReloadSpec()
    """`next-turn`, `pin`, `manual`, or `{mode: …, require_tests: true}`."""
    variables: dict[str, Any] = {}
    """Names for prompts."""
