"""What may stand in a file of scripted replies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from agentctl.errors import Problem, UsageError, WorkspaceInvalid, did_you_mean

EVER = 1 << 62
_CODES = {
    "extra_forbidden": "E101 unknown-key",
    "missing": "E102 missing-key",
    "greater_than_equal": "E104 out-of-range",
    "literal_error": "E105 unknown-value",
}


class Script(BaseModel):
    """Base of the entries: strict, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True)


class ScriptedUsage(Script):
    """Tokens that the reply is said to have used."""

    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)


class ScriptedCall(Script):
    """A tool call of the reply."""

    name: str
    args: dict[str, JsonValue] = {}


def _error_word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ScriptedReply(Script):
    """One reply; it is taken when all of `agent stage round contains` that are given match."""

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
    tool_calls: list[ScriptedCall] = []
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


class ScriptFile(Script):
    """A file for `scripted:FILE`."""

    replies: list[ScriptedReply]


# How deep a key lies tells what it is a key of: `replies`, `replies.0.text`, `replies.0.usage.input_tokens`.
_KEYS_BY_DEPTH = {1: ScriptFile.model_fields, 3: ScriptedReply.model_fields, 4: ScriptedUsage.model_fields}


def load_replies(path: Path, workspace: str) -> list[ScriptedReply]:
    """Read the file; every fault becomes a Problem with its line.

    Raises:
        WorkspaceInvalid: the file is no list of replies.
        UsageError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"the scripted model cannot read {path}: {reason}", hint="check the path after `scripted:`"
        ) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return ScriptFile.model_validate(yaml.safe_load(text)).replies
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, col = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = Problem(str(path), line, col, "E701 bad-yaml", str(error.problem))
        raise WorkspaceInvalid(workspace, [problem]) from None
    except yaml.YAMLError as error:
        problem = Problem(str(path), 1, 1, "E701 bad-yaml", str(error).splitlines()[0])
        raise WorkspaceInvalid(workspace, [problem]) from None
    except ValidationError as error:
        raise WorkspaceInvalid(workspace, _problems(error, root, str(path))) from None


def _problems(error: ValidationError, root: yaml.Node | None, path: str) -> list[Problem]:
    found: list[Problem] = []
    for fault in error.errors(include_url=False):
        line, col = _position(root, fault["loc"])
        code = _CODES.get(fault["type"], "E103 wrong-type")
        found.append(Problem(path, line, col, code, _sentence(fault["type"], fault["msg"], fault["loc"])))
    return sorted(set(found))


def _sentence(kind: str, message: str, loc: tuple[int | str, ...]) -> str:
    where = ".".join(str(part) for part in loc) or "the file"
    if kind == "extra_forbidden":
        known = list(_KEYS_BY_DEPTH.get(len(loc), {}))
        return f"{where} is not a known key{did_you_mean(str(loc[-1]), known)}"
    if kind == "missing":
        return f"{where} is missing"
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _position(node: yaml.Node | None, loc: tuple[int | str, ...]) -> tuple[int, int]:
    """Line and column of the nearest node on the way to `loc`, from 1; of its key where there is one."""
    mark = node.start_mark if node is not None else None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
