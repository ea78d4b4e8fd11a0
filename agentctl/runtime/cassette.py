"""A cassette: a file of the calls of one run, to read, to compare and to play.

YAML, one document for the run and one for each call, each ended by `...`: of a process that was
killed, all but the last one can be read.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, JsonValue, ValidationError

from agentctl.errors import UsageError
from agentctl.models import ModelReply
from agentctl.store import CallKey
from agentctl.tools import ToolOutcome
from agentctl.workspace.artifacts import CASSETTE
from agentctl.workspace.diagnostics import Diagnostics
from agentctl.workspace.spec import Spec
from agentctl.workspace.yamlfile import read_yaml

MAX_BYTES = 64 * 1024 * 1024
_END = re.compile(r"^\.\.\.\n", re.MULTILINE)
_NUMERIC = frozenset("-+.0123456789")
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Head(Spec):
    """Which run was recorded."""

    cassette: Literal[1] = 1
    workspace: str
    generation: str
    task: str
    model: str | None = None
    """Over every agent's."""
    models: dict[str, str] = Field({})
    """Role to model."""
    simulated: bool = False
    run: str = ""
    session: str = ""
    recorded: str = ""


class Failure(Spec):
    """How a call failed; `model status attempts meta` are of a model's."""

    code: str
    message: str
    hint: str = ""
    model: str | None = None
    status: int | None = None
    attempts: int = 1
    meta: dict[str, JsonValue] = Field({})


class Entry(Spec):
    """One call: its place, what was said, and what came of it."""

    call: Literal["model", "tool", "graph"]
    name: str
    agent: str
    stage: str
    visit: int
    round: int
    ordinal: int
    digest: str
    arguments: JsonValue
    result: JsonValue = None
    failure: Failure | None = None
    volatile: dict[str, str] = Field({})
    """What the words in `arguments` stood for."""

    @property
    def key(self) -> CallKey:
        """Its place in the run."""
        return CallKey(self.agent, self.stage, self.visit, self.round, self.ordinal)


class _Dumper(_DUMPER):  # type: ignore[misc]
    """Text of several lines as a block, and no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: Any, text: str) -> yaml.Node:
    style = None
    if "\n" in text and all(line.isprintable() and line == line.rstrip() for line in text.split("\n")):
        style = "|"
    elif not text.isprintable() or text[:1] in _NUMERIC or "\n" in text:
        style = '"'
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style)
    return node


_Dumper.add_representer(str, _text)


def dump(value: object) -> str:
    """A JSON value as readable YAML."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 30)
    return text[:-4] if text.endswith("\n...\n") else text  # as behind text that ends in empty lines


def written(part: Head | Entry) -> bytes:
    """One document of the file."""
    intro = CASSETTE + "\n" if isinstance(part, Head) else ""
    needless = {"exclude_defaults": False, "exclude_unset": True}
    return f"{intro}---\n{dump(part.model_dump(mode='json', **needless))}...\n".encode()  # type: ignore[arg-type]


def is_cassette(path: Path) -> bool:
    """Whether the file begins as one."""
    with path.open("rb") as file:
        return file.read(len(CASSETTE)) == CASSETTE.encode()


def read_cassette(path: Path) -> tuple[Head, list[Entry]]:
    """What was recorded; the document that a killed process left unfinished is left out.

    Raises:
        UsageError: it cannot be read, or is no cassette.
    """
    text = _text_of(path)
    if not text.startswith(CASSETTE):
        raise UsageError(f"{path} is no cassette", hint="record one with `agentctl run WS TASK --record FILE`")
    documents = _documents(path, text)
    head = next(documents, None)
    if head is None:
        raise _broken(path, 1, "its first document is not whole")
    parts = _checked(path, head[0], Head, head[1])
    return parts, [_playable(path, line, _checked(path, line, Entry, value)) for line, value in documents]


def _text_of(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else to open a pipe waits for ever
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UsageError(f"{path} is no file", hint="name a cassette")
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name a cassette") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path} is over {MAX_BYTES >> 20} MiB", hint="record a shorter run")
    return content.decode("utf-8", "replace")


def _documents(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Each whole document with the line where it begins."""
    start, line = 0, 1
    for end in _END.finditer(text):
        part = text[start : end.start()]
        report = Diagnostics(str(path.parent))
        document = read_yaml(path.name, part, report)
        if document is None or report.has_errors:
            problem = report.problems[0]
            raise _broken(path, line + problem.line - 1, problem.message)
        yield line, document.root.plain()
        start, line = end.end(), line + text.count("\n", start, end.end())


def _checked(path: Path, line: int, model: Any, value: object) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the document"
        raise _broken(path, line, f"{where}: {fault['msg'][:1].lower()}{fault['msg'][1:]}") from None


def _playable(path: Path, line: int, entry: Entry) -> Entry:
    result: Any = entry.result
    try:
        if entry.failure is None and entry.call == "model":
            ModelReply.from_json(result)
            dict(result["meta"])
        elif entry.failure is None and entry.call == "tool":
            ToolOutcome.from_json(result["outcome"])
    except (TypeError, KeyError, ValueError, AttributeError):
        raise _broken(path, line, f"`result` is nothing that a {entry.call} gives") from None
    return entry


def _broken(path: Path, line: int, reason: str) -> UsageError:
    return UsageError(f"{path}:{line}: the cassette is broken: {reason}", hint="mend it, or record the run again")
