"""Tools: functions of `tools/*.py`, built-in ones and those of servers by their prefix, and who names them."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from agentctl.workspace.artifacts import decode
from agentctl.workspace.checks.entry import last_definition, read_python, statements
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.diagnostics import Place, listed, shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.mcp_config import read_servers
from agentctl.workspace.spec import AgentSpec, ToolCallSpec

BUILT_IN_TOOLS = frozenset({"read_file", "list_files", "http_get", "fetch_images", "web_search", "now"})
"""Tools that every workspace has, for agents that list them by name."""

RESULTS = "results"
"""What later calls of a tool agent know the earlier ones by."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
_GLOB = re.compile(r"[*?\[]")
_TEMPLATE = re.compile(r"\{[{%#]")
_PLAIN: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "str": ("a text", (str,)),
    "bool": ("true or false", (bool,)),
}


def check_tools(draft: Draft) -> None:
    """The tools that the workspace's files define, and whatever is named of all there are."""
    trees = {path: read_python(draft, path) for path in draft.artifacts.files if is_tool_file(path)}
    own = frozenset(function.name for tree in trees.values() if tree for function in _functions(tree))
    plain = _check_duplicates(draft, {path: tree for path, tree in trees.items() if tree})
    _check_arguments(draft, plain)
    servers = _servers(draft)
    prefixes = None if servers is None else [f"{server}_" for server in servers]
    if None not in trees.values():  # else what is named may stand in a file that does not parse
        _check_names(draft, own, prefixes)


def is_tool_file(path: str) -> bool:
    """Whether an artifact's public functions are tools; those of `tools/_name.py` are not."""
    return path.startswith("tools/") and path.endswith(".py") and path.count("/") == 1 and path[6] != "_"


def _functions(tree: ast.Module) -> Iterator[Function]:
    """What may be tools: public functions of a module."""
    return (one for one in statements(tree.body) if isinstance(one, Function) and one.name[0] != "_")


def _check_duplicates(draft: Draft, trees: Mapping[str, ast.Module]) -> dict[str, Function]:
    """Report tools of one name; return, by name, the functions that are tools for certain, as they are written."""
    first: dict[str, tuple[str, Function]] = {}
    for path, tree in trees.items():
        for name in dict.fromkeys(function.name for function in _functions(tree)):
            function = last_definition(tree, name)
            if not isinstance(function, Function) or not all(map(_is_ours, function.decorator_list)):
                continue
            at, other = Place(path, function.lineno, function.col_offset + 1), first.get(name)
            if name in BUILT_IN_TOOLS:
                draft.report.add("E212", at, f"tool {name!r} has the name of a built-in one")
            elif other:
                message = f"tool {name!r} is defined already in {other[0]}, line {other[1].lineno}"
                draft.report.add("E212", at, message)
            else:
                first[name] = path, function
    return {name: function for name, (_, function) in first.items()}


def _is_ours(decorator: ast.expr) -> bool:
    """Whether it is `@tool`, which leaves a function as it is; others may make anything of it."""
    match decorator.func if isinstance(decorator, ast.Call) else decorator:
        case ast.Name(id="tool") | ast.Attribute(value=ast.Name(id="agentctl"), attr="tool"):
            return True
    return False


def _check_arguments(draft: Draft, own: Mapping[str, Function]) -> None:
    """Names of arguments, and plain types of literal ones, where the function's text tells all that it takes."""
    for _, call, part in tool_calls(draft):
        takes = _parameters(own[call.tool].args) if call.tool in own else None
        if takes is None:
            continue
        _check_types(draft, own[call.tool], call, part)
        for name in (unknown := [name for name in call.args if name not in takes]):
            near = draft.report.suggest(name, list(takes))
            at = part / "args" / name
            draft.report.add("E213", at.key, f"{at.name}: {call.tool}() has no parameter {name!r}{near}")
        missing = [repr(name) for name, is_needed in takes.items() if is_needed and name not in call.args]
        if missing and not unknown:  # which may be a needed one, misspelt
            at = part / "args"
            draft.report.add("E213", at.key, f"{at.name}: {call.tool}() needs {listed(missing, 'and')}")


def _check_types(draft: Draft, function: Function, call: ToolCallSpec, part: Part) -> None:
    for parameter in (*function.args.args, *function.args.kwonlyargs):
        kind = parameter.annotation.id if isinstance(parameter.annotation, ast.Name) else ""
        value = call.args.get(parameter.arg)
        if kind not in _PLAIN or parameter.arg not in call.args or _is_template(value):
            continue
        word, types = _PLAIN[kind]
        is_whole = kind == "int" and isinstance(value, float) and value.is_integer()  # as JSON Schema has it
        if not (is_whole or isinstance(value, types)) or (isinstance(value, bool) and kind != "bool"):
            at = part / "args" / parameter.arg
            message = f"{at.name}: {call.tool}() takes {word}, got {shown(value)}"
            draft.report.add("E213", at.value, message, f"write {word}, or a `{{{{ … }}}}` that gives one")


def _is_template(value: object) -> bool:
    return isinstance(value, str) and bool(_TEMPLATE.search(value))


def _parameters(given: ast.arguments) -> dict[str, bool] | None:
    """Parameters by name, and whether each is needed; None if the text does not tell."""
    if given.vararg or given.kwarg or given.posonlyargs or any(map(_is_opaque, ast.walk(given))):
        return None
    named, first = [*given.args, *given.kwonlyargs], len(given.args) - len(given.defaults)
    defaults = [*[None] * first, *given.defaults, *given.kw_defaults]
    return {parameter.arg: default is None for parameter, default in zip(named, defaults, strict=True)}


def _is_opaque(node: ast.AST) -> bool:
    """Whether a parameter may have another name, or a default within its type, or be nobody's to give."""
    match node:
        case ast.Call() | ast.Name(id="Context") | ast.Attribute(attr="Context"):
            return True
        case ast.Constant(value=str(text)):
            return "(" in text or "Context" in text
    return False


def tool_calls(draft: Draft) -> Iterator[tuple[AgentSpec, ToolCallSpec, Part]]:
    """Every call of every tool agent: the agent, the call, and where it stands."""
    for role, spec in draft.agents.items():
        for index, call in enumerate(spec.calls if spec.kind == "tool" else ()):
            yield spec, call, draft.parts[role] / "calls" / index


@dataclass(frozen=True, slots=True)
class _Named:
    """A name or glob and where it stands; `globs` is what a glob may stand for, None where only one name will do."""

    wanted: str
    part: Part
    at: Place
    globs: Collection[str] | None
    severity: Literal["error", "warning"] = "error"


def _named(draft: Draft, own: frozenset[str]) -> Iterator[_Named]:
    """What agents, calls and the workspace's rules name; a rule for no tool does no harm."""
    if draft.spec is not None:
        for key in ("approve", "each"):
            for wanted in getattr(draft.spec.tools, key):
                part = draft.main / "tools" / key / wanted
                yield _Named(wanted, part, part.key, own | BUILT_IN_TOOLS, "warning")
    for role, spec in draft.agents.items():
        for index, wanted in enumerate(spec.tools):
            part = draft.parts[role] / "tools" / index
            yield _Named(wanted, part, part.value, own)
    for _, call, part in tool_calls(draft):
        yield _Named(call.tool, part / "tool", (part / "tool").value, None)


def _check_names(draft: Draft, own: frozenset[str], prefixes: Collection[str] | None) -> None:
    every = own | BUILT_IN_TOOLS
    for named in _named(draft, own):
        wanted, globs = named.wanted, named.globs
        if wanted in every or any(fnmatchcase(name, wanted) for name in globs or ()):
            continue
        may_be_there = globs is not None or not _GLOB.search(wanted)
        if may_be_there and _may_be_a_server_s(wanted, prefixes):
            continue
        near = draft.report.suggest(wanted, sorted(every))
        message = f"{named.part.name}: no tool matches {shown(wanted)}{near}"
        hint = "" if own else "the workspace has no tools: write tools/<name>.py"
        hint = "correct the name" if near else hint
        draft.report.add("E204", named.at, message, hint, severity=named.severity)


def _servers(draft: Draft) -> list[str] | None:
    """Names of the declared servers, faulty and disabled ones too: their tools are not unknown.

    Returns:
        None, and a problem, where the file does not tell.
    """
    path = draft.spec.tools.servers if draft.spec else "mcp.json"
    named = draft.main / "tools" / "servers"
    if draft.spec is not None and "servers" in draft.spec.tools.model_fields_set:
        found = find_file(draft, named, path, "file")
        if found is None:
            return None
    elif path in draft.artifacts.files:
        found = path
    else:
        return []
    text = decode(found, draft.artifacts.files[found], draft.report)
    servers = None if text is None else read_servers(found, text, draft.report)
    return None if servers is None else list(servers)


def _may_be_a_server_s(wanted: str, prefixes: Collection[str] | None) -> bool:
    """Whether a name or glob may mean a server's tool, `<server>_<tool>`; with no prefixes known, by its form."""
    if prefixes is None:
        return "_" in wanted[1:] or bool(_GLOB.search(wanted))
    return any(_may_match(wanted, prefix) for prefix in prefixes)


def _may_match(wanted: str, prefix: str) -> bool:
    literal = _GLOB.split(wanted, maxsplit=1)[0]
    return literal.startswith(prefix) or (literal != wanted and prefix.startswith(literal))
