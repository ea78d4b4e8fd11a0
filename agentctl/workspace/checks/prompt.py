"""Prompts, and arguments of calls: that the file is there, that Jinja parses it, and that what it names exists.

Jinja is imported for the first prompt that has a template in it, and not before.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from agentctl.channels.policy import STANDARD
from agentctl.errors import did_you_mean
from agentctl.rules import BUILTIN_NAMES, FUNCTIONS
from agentctl.workspace.artifacts import MAX_BYTES, decode
from agentctl.workspace.checks.expression import unread
from agentctl.workspace.checks.name import PROMPT_NAMES
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.checks.tool import RESULTS, tool_calls
from agentctl.workspace.diagnostics import Place, shown
from agentctl.workspace.document import Document, Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.spec import AgentSpec

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import Template

REFUSED_FILTERS = frozenset({"center", "indent", "wordwrap", "format", "pprint", "xmlattr", "urlize", "batch", "slice"})
"""Filters of Jinja that make much of little; prompts have none of them."""
_PATH_LIKE = re.compile(r"[^\s{}]*/[^\s{}]*|[^\s{}]+\.[A-Za-z]\w{0,7}")
Fault = tuple[int, str, str]
"""Line of the template, what is wrong, and what to do."""


def check_prompts(draft: Draft) -> None:
    """The prompt of every agent, and the arguments of every tool agent."""
    for spec, call, part in tool_calls(draft):
        for text, at in _texts(call.args, part / "args"):
            _Template(draft, at, text).check(spec, frozenset({RESULTS}))
    for role, spec in draft.agents.items():
        if spec.prompt is None:
            continue
        part = draft.parts[role] / "prompt"
        path = spec.prompt_path
        if path is None and _PATH_LIKE.fullmatch(line := spec.prompt.strip()):
            near = draft.report.suggest(line, draft.artifacts.files)
            message = f"{part.name}: {shown(line)} looks like a path, but is taken as the text{near}"
            draft.report.add("E506", part.value, message, severity="warning")
        template = _Template(draft, part, spec.prompt) if path is None else _from_file(draft, part, path)
        if template is not None:
            template.check(spec)


def _texts(value: object, part: Part) -> Iterator[tuple[str, Part]]:
    if isinstance(value, str):
        yield value, part
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, part / key)


class _Template:
    """The text of a template, and where its characters stand."""

    def __init__(self, draft: Draft, part: Part, text: str, file: Document | None = None) -> None:
        self._draft, self._part, self._text, self._file = draft, part, text, file

    def check(self, spec: AgentSpec, more: frozenset[str] = frozenset()) -> None:
        faults, used = parse_template(self._text)
        for line, message, hint in faults:
            self._note("E503", self._place(line, None), message, hint)
        declared = (*self._draft.declared("channels"), *self._draft.declared("variables"))
        ours = BUILTIN_NAMES | PROMPT_NAMES | more
        self._check_names(used, {*STANDARD, *FUNCTIONS, *declared, *ours}, ours)
        hidden = unread(self._draft, spec, {name for name, _ in used}.difference(more))
        for name, line in used:
            if name in hidden:
                message = f"channel {name!r} is not in the agent's `reads`"
                self._note("E505", self._place(line, name), message, "")

    def _check_names(self, used: Collection[tuple[str, int]], known: Collection[str], ours: Collection[str]) -> None:
        if self._draft.is_broken("channels") or self._draft.is_broken("variables"):
            return
        for name, line in used:
            if name not in known:
                near = self._draft.report.suggest(name, sorted(known))
                hint = "prompts know the channels, `variables`, and " + ", ".join(sorted(ours))
                self._note("E504", self._place(line, name), f"unknown name {name!r}{near}", hint)

    def _note(self, code: str, at: Place, message: str, hint: str) -> None:
        self._draft.report.add(code, at, f"{self._part.name}: {message}", hint)

    def _place(self, line: int, name: str | None) -> Place:
        """Where `name` is first written in a line of the template, or where that line begins."""
        lines = self._text.splitlines(keepends=True)
        start = sum(map(len, lines[: line - 1]))
        found = re.compile(rf"\b{re.escape(name)}\b").search(self._text, start) if name else None
        offset = found.start() if found else min(start, max(len(self._text) - 1, 0))
        return self._file.place(offset) if self._file else self._part.within(offset)


def _from_file(draft: Draft, part: Part, path: str) -> _Template | None:
    if draft.artifacts.left_out.get(path) == "it is over 1 MiB":
        draft.report.add("E704", part.value, f"{part.name}: {path} is over {MAX_BYTES:,} bytes")
        return None
    found = find_file(draft, part, path, "prompt")
    text = decode(found, draft.artifacts.files[found], draft.report) if found else None
    return None if found is None or text is None else _Template(draft, part, text, Document(found, text))


@lru_cache(maxsize=1024)
def parse_template(text: str) -> tuple[list[Fault], list[tuple[str, int]]]:
    """What is wrong with a template, and the names that it uses without setting them, each with its line."""
    if "{" not in text:
        return [], []
    from jinja2 import TemplateError, TemplateSyntaxError, nodes
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment()
    try:
        tree = environment.parse(text)
        if faults := _refused(environment, tree):
            return faults, []  # Jinja does not tell the names of a template whose filters it does not know
        free = free_names(tree) - environment.globals.keys()
    except TemplateSyntaxError as error:
        return [(error.lineno, error.message or "cannot be read", "")], []
    except (TemplateError, ValueError) as error:  # a ValueError: a number of more digits than Python reads
        return [(1, str(error), "")], []
    except (RecursionError, MemoryError):
        return [(1, "is nested too deeply", "")], []
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in free and node.ctx == "load":
            lines.setdefault(node.name, node.lineno)
    return [], sorted(lines.items(), key=lambda item: (item[1], item[0]))


def free_names(tree: "Template") -> set[str]:
    """The names that a template reads and does not set.

    As Jinja's `meta.find_undeclared_variables`, which computes constant parts on its way: `7 ** 99999999` for minutes.
    """
    from jinja2.meta import TrackingCodeGenerator
    from jinja2.nodes import Impossible

    class Generator(TrackingCodeGenerator):
        def _output_child_to_const(self, *_: object) -> str:
            raise Impossible

    assert tree.environment is not None
    generator = Generator(tree.environment)
    generator.optimizer = None
    generator.visit(tree)
    return generator.undeclared_identifiers


def _refused(environment: "Environment", tree: "Template") -> list[Fault]:
    """What prompts do not have: other files, some filters of Jinja, and those that nobody has."""
    from jinja2 import nodes

    loading = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    faults = [
        (node.lineno, "a prompt cannot load another file", "write the text into the prompt")
        for node in tree.find_all(loading)
    ]
    filters = environment.filters.keys() - REFUSED_FILTERS
    for kind, have in ((nodes.Filter, filters), (nodes.Test, environment.tests.keys())):
        word = kind.__name__.lower()
        faults += [
            (node.lineno, f"prompts have no {word} {node.name!r}{did_you_mean(node.name, sorted(have))}", "")
            for node in tree.find_all(kind)
            if node.name not in have
        ]
    return faults
