"""Opening the tools of a workspace for one command, and calling one of them."""

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from agentctl.cli.aside import printing_aside, stdout_kept
from agentctl.cli.ask import confirmed
from agentctl.cli.output import json_text, tell
from agentctl.cli.project import workspace_name
from agentctl.errors import AgentctlError, ServiceUnavailable, UsageError, WorkspaceError, did_you_mean
from agentctl.runtime.tools import workspace_tools
from agentctl.settings import Settings
from agentctl.tools import Toolbox, ToolInfo, ToolOutcome
from agentctl.workspace import Workspace, find_root
from agentctl.workspace.mcp_config import declared_servers


async def listed(root: Path | None, word: str) -> tuple[list[ToolInfo], dict[str, str]]:
    """The tools of a workspace, and why others are missing; a server's, by its prefix with a `*`."""
    async with _tools(root, word) as (workspace, box):
        prefixes = _prefixes(workspace)
        missing = {f"{name}*" if name in prefixes else name: why for name, why in box.missing.items()}
        return list(box.tools.values()), missing


async def shown(root: Path | None, word: str, tool: str) -> ToolInfo:
    """One tool.

    Raises:
        UsageError, WorkspaceError, ServiceUnavailable: as `_existing`.
    """
    async with _tools(root, word) as (workspace, box):
        return _existing(workspace, box, tool)


async def called(
    root: Path | None, word: str, tool: str, *, text: str | None, words: Sequence[str], is_agreed: bool
) -> ToolOutcome:
    """Call a tool, and ask before if it needs to be asked for.

    Args:
        word: name of the workspace, or a path to it.
        text: the arguments as JSON.
        words: arguments as `NAME=VALUE`.
        is_agreed: nobody need be asked.

    Raises:
        UsageError: the arguments are wrong, or nobody has agreed; nothing was called.
        WorkspaceError, ServiceUnavailable: as `_existing`.
    """
    given = _object(text)
    pairs = [_pair(each) for each in words]
    async with _tools(root, word) as (workspace, box):
        info = _existing(workspace, box, tool)
        if isinstance(given, dict):
            given |= {name: _value(value, info.schema.get("properties", {}).get(name)) for name, value in pairs}
        if fault := box.check_arguments(tool, given):
            raise UsageError(fault, hint=f"see what it takes with `agentctl tools show {workspace.name} {tool}`")
        if info.needs_approval and not is_agreed:
            await confirmed(f"Call {tool} with {json_text(given)}?", is_needed=True)
        with printing_aside():
            return await box.call(tool, given, meta={"agentctl": {"idempotency_key": uuid4().hex}})


@asynccontextmanager
async def _tools(root: Path | None, word: str) -> AsyncIterator[tuple[Workspace, Toolbox]]:
    """A workspace and its tools; what its code prints, at import or later, goes to stderr."""
    project = find_root(root)
    name, settings = workspace_name(project, word), Settings.load(project)
    os.chdir(project)  # tools work from the project's root
    can_log_in = sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()
    on_login = (lambda url: tell(f"log in at {url}")) if can_log_in else None
    async with AsyncExitStack() as stack:
        stack.enter_context(stdout_kept())
        with printing_aside():
            opened = await stack.enter_async_context(workspace_tools(settings, name, on_login=on_login))
        yield opened


def _prefixes(workspace: Workspace) -> set[str]:
    return {f"{config.name}_" for config in declared_servers(workspace)}


def _existing(workspace: Workspace, box: Toolbox, tool: str) -> ToolInfo:
    """The tool of that name.

    Raises:
        UsageError: there is none.
        WorkspaceError: the file that defines it is broken.
        ServiceUnavailable: its server is away, or has it in a form that nobody can call.
    """
    if info := box.tools.get(tool):
        return info
    raise _absence(workspace, box, tool)


def _absence(workspace: Workspace, box: Toolbox, tool: str) -> AgentctlError:
    declared = _prefixes(workspace)
    prefixes = [prefix for prefix in declared if tool.startswith(prefix)]
    reason = box.missing.get(tool)
    if reason and not prefixes:
        return WorkspaceError(f"there is no {tool!r}: {reason}", hint="mend that file", code="tool-missing")
    reason = reason or next((box.missing[prefix] for prefix in prefixes if prefix in box.missing), None)
    if reason:
        what = f"there is no {tool!r}: {reason}"
        return ServiceUnavailable(what, hint=f"mend the server or its entry in {workspace.spec.tools.servers}")
    near = did_you_mean(tool, [*box.tools, *(box.missing.keys() - declared)])
    hint = f"see them with `agentctl tools list {workspace.name}`"
    return UsageError(f"workspace {workspace.name!r} has no tool {tool!r}{near}", hint=hint)


def _object(text: str | None) -> Any:
    """What the JSON says; whether it is an object is checked with the rest."""
    if text is None:
        return {}
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the arguments are no JSON: {error}", hint=_EXAMPLE) from error


_EXAMPLE = """write for example '{"city": "Oslo", "days": 3}', or `--arg city=Oslo --arg days=3`"""


def _refuse(constant: str) -> None:
    msg = f"{constant} is none of its values"
    raise ValueError(msg)


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not (name and equals):
        raise UsageError(f"{word!r} is not NAME=VALUE", hint=_EXAMPLE)
    return name, value


def _value(text: str, schema: object) -> Any:
    """A word as the argument takes it: as text if that is a possibility, else as JSON if it is that."""
    if _takes_text(schema):
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _takes_text(schema: object) -> bool:
    if not isinstance(schema, Mapping):
        return False
    options = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    return "string" in schema.get("type", "") or any(map(_takes_text, options))  # a type, or a list of them
