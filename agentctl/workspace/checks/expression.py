"""Conditions and weights: that they parse, and that what they name exists."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from agentctl.channels.policy import STANDARD
from agentctl.rules import BUILTIN_NAMES, METHODS, Expression, ExpressionInvalid
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft

_BOUNDS = frozenset({"visits", "rounds"})
_BY_STAGE = ("visits", "executed_agents_per_stage")


def expressions(draft: Draft) -> Iterator[tuple[str, Part]]:
    """Every expression of the workspace, and where it stands."""
    for name, stage in draft.stages.items():
        part = draft.main / "stages" / name
        if stage.exit.when is not None:
            yield stage.exit.when, part / "exit" / "when"
        for index, route in enumerate(stage.next):
            if route.when is not None:
                yield route.when, part / "next" / index / "when"
        for metric, weight in stage.weights.items():
            if isinstance(weight, str):
                yield weight, part / "weights" / metric
    for role, agent in draft.agents.items():
        if agent.exit.until is not None:
            yield agent.exit.until, draft.parts[role] / "exit" / "until"


def check_expressions(draft: Draft) -> None:
    """Each expression by itself, and its names."""
    known, stages = _known(draft), draft.declared("stages")
    for text, part in expressions(draft):
        parsed = parse(text)
        if isinstance(parsed, ExpressionInvalid):
            message = f"{part.name}: {parsed.sentence}"
            draft.report.add("E501", part.within(parsed.offset), message, parsed.hint)
            continue
        _check(draft, part, text, parsed.names | parsed.reads_channels, known, "E502")
        if "weights" in part.loc and "ranking" in parsed.names:
            message = f"{part.name}: a weight cannot read `ranking`, which is made from the weights"
            draft.report.add("E501", part.within(text.find("ranking")), message, "read `rewards`, or `visits`")
        _check(draft, part, text, frozenset(_stages_in(text)), stages, "E202")


def _known(draft: Draft) -> set[str]:
    return {*STANDARD, *BUILTIN_NAMES, *draft.declared("channels")}


def _check(draft: Draft, part: Part, text: str, names: frozenset[str], known: Collection[str], code: str) -> None:
    if code == "E502" and draft.is_broken("channels"):
        return
    for name in sorted(names - set(known)):
        found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
        hint = ""
        if code == "E502":
            hint = f"an expression reads channels and {', '.join(sorted(BUILTIN_NAMES))}"
        word = "name" if code == "E502" else "stage"
        near = draft.report.suggest(name, sorted(known))
        message = f"{part.name}: unknown {word} {name!r}{near}"
        draft.report.add(code, part.within(found.start() if found else 0), message, hint)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression | ExpressionInvalid:
    """The expression, or why it is none."""
    try:
        return Expression.parse(text)
    except ExpressionInvalid as refused:
        return refused


def bounds(draft: Draft, text: str) -> bool:
    """Whether a condition bounds a loop; a faulty one may have been meant to."""
    parsed = parse(text)
    if isinstance(parsed, ExpressionInvalid):
        return True
    return bool(parsed.names & _BOUNDS or parsed.names - _known(draft))


def _stages_in(text: str) -> Iterator[str]:
    """Stages that a checked expression asks `visits` and the like for: a wrong one would count as `None`, silently."""
    if not any(name in text for name in _BY_STAGE):
        return
    for node in ast.walk(ast.parse(re.sub(r"\s", " ", text).strip(), mode="eval")):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=stage) if name in _BY_STAGE and stage not in METHODS:
                yield stage
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(stage))) if name in _BY_STAGE:
                yield stage
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[ast.Constant(value=str(stage)), *_]
            ) if name in _BY_STAGE:
                yield stage
