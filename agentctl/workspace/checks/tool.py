"""Names and globs of tools: functions of `tools/*.py`, and those of servers by their prefix."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from re import split

from agentctl.workspace.artifacts import decode
from agentctl.workspace.checks.entry import read_python
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.diagnostics import Place, shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.mcp_config import read_servers

BUILT_IN_TOOLS = frozenset({"read_file", "list_files", "http_get", "fetch_images", "web_search", "now"})
"""Tools that every workspace has, for agents that list them by name."""


def check_tools(draft: Draft) -> None:
    """`tools:` of agents, and the names under `tools` of the workspace, against what there is."""
    own = set(_functions(draft))
    prefixes = [f"{server}_" for server in _servers(draft)]
    for wanted, known, part, at in _references(draft, own):
        if wanted in BUILT_IN_TOOLS or any(fnmatchcase(name, wanted) for name in known):
            continue
        if any(_may_match(wanted, prefix) for prefix in prefixes):
            continue
        near = draft.report.suggest(wanted, sorted(own | BUILT_IN_TOOLS))
        message = f"{part.name}: no tool matches {shown(wanted)}{near}"
        draft.report.add("E204", at, message, "" if own else "the workspace has no tools: write tools/<name>.py")


def _references(draft: Draft, own: set[str]) -> Iterator[tuple[str, set[str], Part, Place]]:
    """What is named, what a glob may stand for (to an agent, nothing built in), and where."""
    if draft.spec is not None:
        for key in ("approve", "each"):
            for wanted in getattr(draft.spec.tools, key):
                part = draft.main / "tools" / key / wanted
                yield wanted, own | BUILT_IN_TOOLS, part, part.key
    for role, spec in draft.agents.items():
        for index, wanted in enumerate(spec.tools):
            part = draft.parts[role] / "tools" / index
            yield wanted, own, part, part.value


def is_tool_file(path: str) -> bool:
    """Whether an artifact's public functions are tools; those of `tools/_name.py` are not."""
    return path.startswith("tools/") and path.endswith(".py") and path.count("/") == 1 and path[6] != "_"


def _functions(draft: Draft) -> Iterator[str]:
    for path in draft.artifacts.files:
        if is_tool_file(path):
            tree = read_python(draft, path)
            for statement in tree.body if tree else []:
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name[0] != "_":
                    yield statement.name


def _servers(draft: Draft) -> list[str]:
    """Names of the declared servers, faulty and disabled ones too: their tools are not unknown."""
    path = draft.spec.tools.servers if draft.spec else "mcp.json"
    named = draft.main / "tools" / "servers"
    if draft.spec is not None and "servers" in draft.spec.tools.model_fields_set:
        found = find_file(draft, named, path, "file")
    else:
        found = path if path in draft.artifacts.files else None
    text = decode(found, draft.artifacts.files[found], draft.report) if found else None
    return list(read_servers(found, text, draft.report)) if found and text is not None else []


def _may_match(wanted: str, prefix: str) -> bool:
    literal = split(r"[*?\[]", wanted, maxsplit=1)[0]
    return literal.startswith(prefix) or (literal != wanted and prefix.startswith(literal))
