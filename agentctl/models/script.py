"""Reads a file of scripted replies."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from agentctl.errors import Problem, UsageError, WorkspaceInvalid, did_you_mean
from agentctl.workspace.replies import ScriptedCall, ScriptedReply, ScriptedUsage
from agentctl.workspace.spec import Spec

_CODES = {
    "extra_forbidden": "E101 unknown-key",
    "missing": "E102 missing-key",
    "greater_than_equal": "E104 out-of-range",
    "literal_error": "E105 unknown-value",
}


class ScriptFile(Spec):
    """A file for `scripted:FILE`."""

    replies: list[ScriptedReply]


# How deep a key lies tells what it is a key of: `replies`, `replies.0.text`, `replies.0.usage.input_tokens`,
# `replies.0.tool_calls.0.args`.
_KEYS_BY_DEPTH = {
    1: ScriptFile.model_fields,
    3: ScriptedReply.model_fields,
    4: ScriptedUsage.model_fields,
    5: ScriptedCall.model_fields,
}


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
