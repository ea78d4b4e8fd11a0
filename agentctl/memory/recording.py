"""What is recorded of an agent: the part of its output that a schema names, checked."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agentctl.errors import AgentFailed
from agentctl.workspace import Workspace
from agentctl.workspace.spec import AgentSpec, RecordSpec

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_OPTION: Json = {"type": "object", "required": ["id"], "properties": dict.fromkeys(("id", "title", "text"), _TEXT)}
_NUMBERS: Json = {"type": "object", "additionalProperties": {"type": "number"}}
BUILT_IN: Mapping[str, Json] = {
    "proposal": {
        "title": "ProposalMemory: the options that an agent proposed, and what it said of them",
        "type": "object",
        "required": ["options"],
        "properties": {"text": _TEXT, "options": {"type": "array", "items": _OPTION, "minItems": 1}},
    },
    "critique": {
        "title": "CritiqueMemory: how an agent scored each option, and why",
        "type": "object",
        "required": ["scores"],
        "properties": {
            "text": _TEXT,
            "scores": {"type": "object", "additionalProperties": _NUMBERS, "minProperties": 1},
        },
    },
    "decision": {
        "title": "DecisionMemory: what was decided, by which rule, and who saw it otherwise",
        "type": "object",
        "required": ["decision"],
        "properties": {
            "text": _TEXT,
            "winner": {"type": ["string", "null"]},
            "decision": {
                "type": "object",
                "minProperties": 1,
                "properties": {
                    "option": {"type": ["string", "null"]},
                    "rule": _TEXT,
                    "totals": _NUMBERS,
                    "dissent": {"type": "array", "items": {"type": "object"}},
                    "vetoed": {"type": "array"},
                },
            },
        },
    },
}
"""The schemas that `record` may name without a file."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How one schema records what agents produce; serves every run of its generation."""

    kind: str
    validator: "Validator"
    names: Collection[str]
    """The fields that the schema names; none means all."""
    otherwise: Literal["fail", "raw"] = "fail"

    def record(self, role: str, output: Json) -> tuple[str, Json]:
        """The kind and content of the record: what the schema names of `output`, all of it if that names nothing.

        Raises:
            AgentFailed: it does not fit, and is not to be kept as `raw`.
        """
        from jsonschema.exceptions import best_match

        content = {name: value for name, value in output.items() if name in (self.names or output)}
        fault = best_match(self.validator.iter_errors(content))
        if fault is None:
            return self.kind, content
        if self.otherwise == "raw":
            return "raw", output
        where = fault.json_path.removeprefix("$").lstrip(".")
        raise AgentFailed(
            role,
            f"its output does not fit the record {self.kind!r}: {where + ': ' if where else ''}{fault.message[:200]}",
            hint="return that field, change `record`, or keep such output with `record: {name: …, otherwise: raw}`",
            code="agent-record",
        )


def recordings(workspace: Workspace) -> dict[tuple[str, str], Recording]:
    """Stage and role to what is recorded of the role there, in its own turn or as another's fallback.

    The role's own `memory.record` wins over the stage's; where there is neither, nothing is recorded.
    """
    made: dict[tuple[str, str], Recording] = {}
    shared: dict[tuple[str, str], Recording] = {}
    for stage, of_stage in workspace.spec.stages.items():
        for role, agent in workspace.spec.agents.items():
            spec = agent.memory.record or of_stage.record
            if spec is None:
                continue
            key = spec.name, spec.otherwise
            if key not in shared:
                shared[key] = _recording(spec, BUILT_IN.get(spec.name) or workspace.schema(spec.name))
            made[stage, role] = shared[key]
    return made


def _recording(spec: RecordSpec, schema: Json) -> Recording:
    from jsonschema import Draft202012Validator  # 60 ms, here in the thread that opens a generation

    return Recording(spec.name, Draft202012Validator(schema), frozenset(schema.get("properties", ())), spec.otherwise)


def output_of(role: str, spec: AgentSpec, delta: Mapping[str, Any]) -> Json:
    """What an agent returned, by the names of its output: `text options scores winner decision` and its own.

    Scores are `{option: {metric: n}}`.
    """
    said = delta.get("history") or [{"text": None, "data": {}}]
    fields: Json = {**said[-1]["data"], "text": said[-1]["text"]}
    fields |= {name: value for name, value in delta.items() if name not in ("history", "rewards")}
    if "rewards" in delta:
        fields["scores"] = {option: by_agent[role] for option, by_agent in delta["rewards"].items()}
    for name, field in spec.output.items():
        merged = delta.get(field.to)
        if isinstance(merged, Mapping) and name in merged:
            fields[name] = merged[name]
    if fields.get("winner") and "decision" not in fields:
        fields["decision"] = {"option": fields["winner"]}
    kept: Json = json.loads(json.dumps({name: value for name, value in fields.items() if value is not None}))
    return kept
