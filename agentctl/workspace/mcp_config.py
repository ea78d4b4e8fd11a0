"""`mcp.json`: the external servers of a workspace, as other MCP clients declare them too.

Servers stand under `mcpServers`, or `servers` as VS Code writes it. What only other clients
read is tolerated and does nothing here: of the file `$schema inputs sandbox`, of a server
`alwaysAllow autoApprove description dev disabledTools excludeTools gallery icon includeTools
name sandboxEnabled trust version` (an agent sees only the tools that it lists, and who approves
what is said in workspace.yaml). Any other key is a problem: what starts or reaches a server
must not be misread.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from agentctl.workspace.diagnostics import Diagnostics, Place, shown
from agentctl.workspace.document import Part
from agentctl.workspace.invalid import faults_by_loc, note_faults
from agentctl.workspace.jsonfile import read_placed
from agentctl.workspace.spec import Spec
from agentctl.workspace.workspace import Workspace

SECTIONS = ("mcpServers", "servers")
_IGNORED_AT_TOP = frozenset({"$schema", "inputs", "sandbox"})
_IGNORED = frozenset(
    {
        *("alwaysAllow", "autoApprove", "description", "dev", "disabledTools", "excludeTools", "gallery"),
        *("icon", "includeTools", "name", "sandboxEnabled", "trust", "version"),
    }
)
_STDIO, _HTTP = ("args", "env", "cwd"), ("headers", "auth")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")

Transport = Literal["stdio", "http", "streamable-http", "streamableHttp"]


class ServerSpec(Spec):
    """One server: `command` starts it on this machine, or `url` reaches it."""

    type: Transport | None = None
    transport: Transport | None = None
    command: str | None = Field(None, min_length=1)
    args: list[str] = Field([])
    env: dict[str, str] = Field({})
    cwd: str | None = None
    url: str | None = Field(None, min_length=1)
    headers: dict[str, str] = Field({})
    auth: str | None = Field(None, min_length=1)
    """`oauth`, or a bearer token."""
    timeout: int | None = Field(None, ge=1000)
    """For one answer, in milliseconds."""
    disabled: bool = False

    @model_validator(mode="before")
    @classmethod
    def _forget(cls, data: object) -> object:
        return {key: data[key] for key in data if key not in _IGNORED} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.command is None) is (self.url is None):
            raise PydanticCustomError("exactly_one", "must have one", {"keys": ["command", "url"]})
        return self


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A declared server; `cwd` is where it is started, absolute if the project's root is."""

    name: str
    spec: ServerSpec
    cwd: Path


@dataclass(frozen=True, slots=True)
class Expanded:
    """A spec with its variables filled in; `missing` names those that are not set."""

    spec: ServerSpec
    missing: tuple[str, ...]
    secrets: tuple[str, ...]
    """What must never be shown: values of variables and of headers."""


def declared_servers(workspace: Workspace) -> list[ServerConfig]:
    """The servers of a loaded workspace, disabled ones too, in the file's order."""
    path = normpath(workspace.spec.tools.servers)
    if path not in workspace.files:
        return []
    found = read_servers(path, workspace.text(path), Diagnostics("")) or {}
    return [
        ServerConfig(name, spec, workspace.root / (spec.cwd or "")) for name, spec in found.items() if spec is not None
    ]


def read_servers(path: str, text: str, report: Diagnostics) -> dict[str, ServerSpec | None] | None:
    """Every declared server, by name; `None`, and a problem, where its entry is at fault.

    Returns:
        `None` as a whole, and a problem, where the file does not tell what it declares.
    """
    document = read_placed(path, text, report)
    if document is None:
        return None
    top = Part(document)
    unknown = [key for key in document.root.items if key not in _IGNORED_AT_TOP and key not in SECTIONS]
    for key in unknown:
        near = report.suggest(key, SECTIONS)
        report.add("E101", (top / key).key, f"{shown(key)} is not a known key{near}", "servers stand in mcpServers")
    sections = [key for key in SECTIONS if key in document.root.items]
    if len(sections) > 1:
        report.add("E106", (top / sections[1]).key, f"{path} must have exactly one of mcpServers or servers")
    if not sections:
        return None if unknown else {}
    section = top / sections[0]
    if section.node.kind != "mapping":
        report.add("E103", section.value, f"{section.name} must be a mapping, got {shown(section.node.plain())}")
        return None
    return {name: _server(name, section / name, report) for name in section.node.items}


def expand(spec: ServerSpec, env: Mapping[str, str]) -> Expanded:
    """Fill in `${NAME}` and `${NAME:-default}`, as a shell would, from `env`."""
    missing, values = dict[str, None](), set[str]()

    def fill(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        value = env.get(name)
        if default is not None and not value:
            return default
        if value is None:
            missing[name] = None
            return ""
        values.add(value)
        return value

    def filled(text: str) -> str:
        return _VARIABLE.sub(fill, text)

    whole = spec.model_copy(
        update={
            "command": spec.command and filled(spec.command),
            "args": [filled(arg) for arg in spec.args],
            "env": {name: filled(value) for name, value in spec.env.items()},
            "url": spec.url and filled(spec.url),
            "headers": {name: filled(value) for name, value in spec.headers.items()},
            "auth": spec.auth and filled(spec.auth),
        }
    )
    # A folder is no secret, and hiding it would make a log unreadable.
    secret = {*(value for value in values if value[:1] != "/"), *whole.headers.values(), whole.auth or ""}
    return Expanded(whole, tuple(missing), tuple(sorted(secret - {"", "oauth"})))


def _server(name: str, part: Part, report: Diagnostics) -> ServerSpec | None:
    faults = list(_faults(name, part))
    for at, message, hint in faults:
        report.add("E715", at, message, hint)
    try:
        spec = ServerSpec.model_validate(part.node.plain())
    except ValidationError as error:
        note_faults(faults_by_loc(error, part), part, ServerSpec, report)
        return None
    return None if faults else spec


def _faults(name: str, part: Part) -> Iterator[tuple[Place, str, str]]:
    """What a model of single values does not see."""
    items = part.node.items
    if not _NAME.fullmatch(name):
        message = f"{shown(name)} is no name for a server: its tools are called <server>_<tool>"
        yield part.key, message, "name it with letters, digits, `_` and `-`, at most 40"
    for key, other in [*((key, "url") for key in _STDIO), *((key, "command") for key in _HTTP)]:
        if key in items and other in items:
            yield (part / key).key, f"{(part / key).name} is not used by a server with `{other}`", "remove it"
    url = items["url"][1].value if "url" in items else "http://"
    if isinstance(url, str) and not url.startswith(("http://", "https://", "${")):
        yield (part / "url").value, f"{(part / 'url').name} must begin with http:// or https://", "correct it"
    for text in _texts(part):
        value = text.node.value
        for match in _PLACEHOLDER.finditer(value if isinstance(value, str) else ""):
            if not _VARIABLE.fullmatch(match[0]):
                message = f"{text.name}: {shown(match[0])} names no environment variable"
                yield text.value, message, "write `${NAME}` or `${NAME:-default}`"


def _texts(part: Part) -> Iterator[Part]:
    """The values of a server in which variables are filled in."""
    for key, (_, node) in part.node.items.items():
        if key in ("command", "url", "auth"):
            yield part / key
        elif key == "args":
            yield from (part / key / index for index in range(len(node.entries)))
        elif key in ("env", "headers"):
            yield from (part / key / name for name in node.items)
