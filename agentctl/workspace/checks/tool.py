"""Names and globs of tools: functions of `tools/*.py`, and those of servers by their prefix."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from re import split

from agentctl.workspace.checks.entry import read_python
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.checks.schema import read_json
from agentctl.workspace.diagnostics import Place, shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft

BUILT_IN_TOOLS: frozenset[str] = frozenset()
"""Tools that every workspace has; the tools package will name them."""


def check_tools(draft: Draft) -> None:
    """`tools:` of agents, and `tools.approve` of the workspace, against what there is."""
    names = sorted(BUILT_IN_TOOLS | set(_functions(draft)))
    prefixes = [f"{server}_" for server in _servers(draft)]
    for wanted, part, at in _references(draft):
        if any(fnmatchcase(name, wanted) for name in names) or any(_may_match(wanted, prefix) for prefix in prefixes):
            continue
        near = draft.report.suggest(wanted, names)
        message = f"{part.name}: no tool matches {shown(wanted)}{near}"
        draft.report.add("E204", at, message, "" if names else "the workspace has no tools: write tools/<name>.py")


def _references(draft: Draft) -> Iterator[tuple[str, Part, Place]]:
    if draft.spec is not None:
        for wanted in draft.spec.tools.approve:
            part = draft.main / "tools" / "approve" / wanted
            yield wanted, part, part.key
    for role, spec in draft.agents.items():
        for index, wanted in enumerate(spec.tools):
            part = draft.parts[role] / "tools" / index
            yield wanted, part, part.value


def _functions(draft: Draft) -> Iterator[str]:
    for path in draft.artifacts.files:
        if path.startswith("tools/") and path.endswith(".py") and path.count("/") == 1:
            tree = read_python(draft, path)
            for statement in tree.body if tree else []:
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name[0] != "_":
                    yield statement.name


def _servers(draft: Draft) -> list[str]:
    path = draft.spec.tools.servers if draft.spec else "mcp.json"
    named = draft.main / "tools" / "servers"
    if draft.spec is not None and "servers" in draft.spec.tools.model_fields_set:
        found = find_file(draft, named, path, "file")
    else:
        found = path if path in draft.artifacts.files else None
    servers = (read_json(draft, found) or {}).get("mcpServers") if found else None
    return list(servers) if isinstance(servers, dict) else []


def _may_match(wanted: str, prefix: str) -> bool:
    literal = split(r"[*?\[]", wanted, maxsplit=1)[0]
    return literal.startswith(prefix) or (literal != wanted and prefix.startswith(literal))
